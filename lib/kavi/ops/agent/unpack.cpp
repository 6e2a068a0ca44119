#include <kavi/base/error_codes.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/ops/agent/unpack.hpp>
#include <kavi/ops/agent/unpack_pipe.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/age_stream.hpp>
#include <kavi/seal/zstd.hpp>

#include <fmt/format.h>

#include <thread>

namespace kavi::ops {

namespace {

/// What an error calls it: "infisical of databases
/// (20261125T060000Z-4f2a/databases.infisical.pgdump.zst.age)".
std::string name_of(const Artefact& artefact) {
    if (artefact.part.empty()) return fmt::format("{} ({})", artefact.item, artefact.file);
    return fmt::format("{} of {} ({})", artefact.part, artefact.item, artefact.file);
}

Error wrong(const Artefact& artefact, std::string why) {
    Error error(errors::integrity,
                fmt::format("the backup of {} isn't what its manifest says", name_of(artefact)));
    return error.because(std::move(why)).fix("take another run: kavi backup list");
}

void check(const Artefact& artefact,
           const Sha256& seen,
           std::uint64_t bytes,
           const std::string& hash,
           const char* what) {
    if (seen.bytes() != bytes)
        throw wrong(artefact, fmt::format("{} has {} bytes, not {}", what, seen.bytes(), bytes));
    if (const auto found = seen.hex(); found != hash)
        throw wrong(artefact, fmt::format("the SHA-256 of {} is {}, not {}", what, found, hash));
}

/// One unpacking: fetching, opening and decompressing on a thread each.
class Unpacking {
  public:
    Unpacking(store::Store& store,
              const std::string& path,
              const SealedArtefact& sealed,
              const UnpackProgress& progress,
              std::stop_token stop)
        : store_(store), path_(path), sealed_(sealed), progress_(progress), stop_(std::move(stop)) {}

    void run(const seal::WriteBytes& consume) {
        const std::jthread fetching([&] { guarded(stored_, nullptr, [&] { fetch(); }); });
        const std::jthread opening([&] { guarded(compressed_, &stored_, [&] { open(); }); });
        try {
            decompress(consume);
        } catch (...) {
            compressed_.abandon();
            stored_.abandon();
            throw;
        }
    }

  private:
    /// Whatever ends `work` reaches the reader of `out`; who writes into `in` learns that nobody reads.
    template <typename Work>
    static void guarded(BytePipe& out, BytePipe* in, Work work) {
        try {
            work();
            out.end();
        } catch (const BytePipe::Abandoned&) {
        } catch (...) {
            out.fail(std::current_exception());
        }
        if (in) in->abandon();
    }

    void fetch() {
        store_.read(path_, [&](std::string_view bytes) {
            if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
            stored_.write(bytes);
            fetched_ += bytes.size();
            if (fetched_ > sealed_.artefact.bytes)
                throw wrong(sealed_.artefact,
                            fmt::format("what is stored has more than {} bytes", sealed_.artefact.bytes));
            if (progress_) progress_(fetched_);
        });
    }

    void open() {
        Sha256 hash;
        seal::ByteReader reader([&](std::span<char> into) {
            const auto count = stored_.read(into);
            hash.add({into.data(), count});
            return count;
        });
        skip_header(reader);
        try {
            seal::PayloadReader payload(sealed_.file_key, reader);
            while (const auto chunk = payload.next()) compressed_.write(*chunk);
        } catch (const seal::AgeError& error) {
            throw wrong(sealed_.artefact, error.message());
        }
        check(sealed_.artefact, hash, sealed_.artefact.bytes, sealed_.artefact.sha256, "what is stored");
    }

    void skip_header(seal::ByteReader& reader) {
        std::string header(sealed_.header_size, '\0');
        if (reader.fill(header) != header.size()) throw wrong(sealed_.artefact, "it ends within its header");
    }

    void decompress(const seal::WriteBytes& consume) {
        const auto& artefact = sealed_.artefact;
        Sha256 hash;
        seal::ZstdReader reader([&](std::span<char> into) {
            upstream_ = true;
            const auto count = compressed_.read(into);
            upstream_ = false;
            return count;
        });
        for (;;) {
            const auto plain = next(reader);
            if (!plain) break;
            hash.add(*plain);
            if (hash.bytes() > artefact.plain_bytes)
                throw wrong(artefact,
                            fmt::format("its content has more than {} bytes", artefact.plain_bytes));
            consume(*plain);
        }
        check(artefact, hash, artefact.plain_bytes, artefact.plain_sha256, "its content");
    }

    std::optional<std::string_view> next(seal::ZstdReader& reader) const {
        try {
            return reader.next();
        } catch (const Error& error) {
            if (upstream_ || error.code() != errors::integrity) throw;
            auto named = wrong(sealed_.artefact, error.message());
            for (const auto& cause : error.causes()) named.because(cause);
            throw named;
        }
    }

    store::Store& store_;
    const std::string& path_;
    const SealedArtefact& sealed_;
    const UnpackProgress& progress_;
    std::stop_token stop_;
    std::uint64_t fetched_ = 0;
    bool upstream_ = false;  // what flies comes from fetching or opening
    BytePipe stored_, compressed_;
};

}  // namespace

void unpack(store::Store& store,
            const std::string& path,
            const SealedArtefact& sealed,
            const seal::WriteBytes& consume,
            const UnpackProgress& progress,
            std::stop_token stop) {
    Unpacking(store, path, sealed, progress, std::move(stop)).run(consume);
}

}  // namespace kavi::ops

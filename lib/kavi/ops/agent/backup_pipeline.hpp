#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/ops/agent/unpack_pipe.hpp>
#include <kavi/seal/age_keys.hpp>
#include <kavi/seal/zstd.hpp>
#include <kavi/store/store.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kavi::ops {

/// One store of a run. Once something failed there, nothing more goes there, and no manifest.
struct RunStore {
    std::string name;
    std::unique_ptr<store::Store> store;  ///< may be null where `failure` is set
    std::optional<Error> failure;
    std::uint64_t bytes = 0;              ///< stored by this run
    std::vector<std::string> paths = {};  ///< of what that is, while there is no manifest of it

    bool lives() const { return !failure; }
};

bool any_lives(std::span<const RunStore> stores);

/// Size and hash of one artefact, inside and as it is stored.
struct StoredArtefact {
    std::uint64_t bytes = 0;
    std::string sha256;
    std::uint64_t plain_bytes = 0;
    std::string plain_sha256;
};

/// One artefact's way to the stores: compressed by its writer's thread, which is what takes longest; hashed,
/// sealed and sent by three others, with bounded queues between them. Nothing gets its name before finish();
/// where this goes without it, nothing stays.
class ArtefactWriter {
  public:
    /// The recipients and stores must outlive it, and nobody else uses the stores meanwhile.
    ArtefactWriter(std::string path, std::span<const seal::Recipient> recipients, std::span<RunStore> stores);
    ArtefactWriter(const ArtefactWriter&) = delete;
    ArtefactWriter& operator=(const ArtefactWriter&) = delete;
    ~ArtefactWriter();

    /// A store that fails is marked; throws its error once none is left, and errors::interrupted.
    void write(std::string_view plain);

    std::uint64_t plain_bytes() const { return plain_bytes_; }

    /// On disk in every store that lives, under its name, and found the same there by its hash.
    StoredArtefact finish();

  private:
    struct Cancelled {};

    void hash_all();
    void seal_all();
    void store_all();
    void begin_uploads();
    void to_each(std::string_view bytes);
    void finish_uploads();
    void verify(RunStore& store, const std::string& sha256, std::uint64_t bytes);
    void join();
    [[noreturn]] void rethrow();

    std::string path_;
    std::span<const seal::Recipient> recipients_;
    std::span<RunStore> stores_;
    std::vector<std::unique_ptr<store::Upload>> uploads_;  // as stores_; null: failed
    std::uint64_t plain_bytes_ = 0;
    Sha256 plain_, sealed_;
    BytePipe to_hash_, to_seal_, to_store_;
    seal::ZstdWriter zstd_;
    std::exception_ptr failure_;
    std::thread hashing_, sealing_, storing_;
};

}  // namespace kavi::ops

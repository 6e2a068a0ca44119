#include <kavi/base/error.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/seal/zstd.hpp>

#include <zstd.h>

#include <string>
#include <utility>

namespace kavi::seal {

namespace {

template <auto free>
struct Freed {
    template <typename Context>
    void operator()(Context* context) const noexcept {
        free(context);
    }
};

std::size_t must(std::size_t result) {
    if (ZSTD_isError(result)) throw Error(errors::internal, "zstd failed").because(ZSTD_getErrorName(result));
    return result;
}

Error damaged(std::string why) {
    return Error(errors::integrity, "compressed data is damaged").because(std::move(why));
}

}  // namespace

struct ZstdWriter::State {
    WriteBytes out;
    std::unique_ptr<ZSTD_CCtx, Freed<ZSTD_freeCCtx>> context{ZSTD_createCCtx()};
    std::string buffer = std::string(ZSTD_CStreamOutSize(), '\0');

    /// One step; what it gives goes out. Says how much zstd still holds back (for `end`: 0 once all is out).
    std::size_t step(ZSTD_inBuffer& input, ZSTD_EndDirective directive) {
        ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
        const auto left = must(ZSTD_compressStream2(context.get(), &output, &input, directive));
        if (output.pos > 0) out(std::string_view(buffer.data(), output.pos));
        return left;
    }
};

ZstdWriter::ZstdWriter(WriteBytes out, int level) : state_(new State{std::move(out)}) {
    must(ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_compressionLevel, level));
    must(ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_checksumFlag, 1));
}

ZstdWriter::~ZstdWriter() = default;

void ZstdWriter::write(std::string_view bytes) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    while (input.pos < input.size) state_->step(input, ZSTD_e_continue);
}

void ZstdWriter::finish() {
    ZSTD_inBuffer nothing{nullptr, 0, 0};
    while (state_->step(nothing, ZSTD_e_end) != 0) {
    }
}

struct ZstdReader::State {
    ReadBytes in;
    std::unique_ptr<ZSTD_DCtx, Freed<ZSTD_freeDCtx>> context{ZSTD_createDCtx()};
    std::string compressed = std::string(ZSTD_DStreamInSize(), '\0');
    std::string plain = std::string(ZSTD_DStreamOutSize(), '\0');
    ZSTD_inBuffer input{compressed.data(), 0, 0};
    bool begun = false, ended = false;
    bool full = false;  ///< the last step filled `plain`: there may be more without new input

    void fetch() {
        input.size = in(compressed);
        input.pos = 0;
        if (input.size == 0) throw damaged(begun ? "it is cut off" : "it is empty");
        begun = true;
    }

    void expect_end() {
        if (input.pos < input.size || in(compressed) != 0) throw damaged("something follows its end");
    }
};

ZstdReader::ZstdReader(ReadBytes in) : state_(new State{std::move(in)}) {}

ZstdReader::~ZstdReader() = default;

std::optional<std::string_view> ZstdReader::next() {
    auto& state = *state_;
    while (!state.ended) {
        if (state.input.pos == state.input.size && !state.full) state.fetch();
        ZSTD_outBuffer output{state.plain.data(), state.plain.size(), 0};
        const auto left = ZSTD_decompressStream(state.context.get(), &output, &state.input);
        if (ZSTD_isError(left)) throw damaged(ZSTD_getErrorName(left));
        state.full = output.pos == output.size;
        if (left == 0) {
            state.ended = true;
            state.expect_end();
        }
        if (output.pos > 0) return std::string_view(state.plain.data(), output.pos);
    }
    return std::nullopt;
}

}  // namespace kavi::seal

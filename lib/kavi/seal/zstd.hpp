#pragma once

#include <kavi/seal/bytes.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

/// Zstandard frames as streams, interchangeable with the `zstd` tool (RFC 8878).
namespace kavi::seal {

/// Compresses with a checksum in the frame.
class ZstdWriter {
  public:
    explicit ZstdWriter(WriteBytes out, int level = 3);
    ~ZstdWriter();

    void write(std::string_view bytes);
    /// The end of the frame.
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Decompresses. What was handed out before it throws is a true beginning; the whole is only whole once next() gave
/// nullopt.
class ZstdReader {
  public:
    explicit ZstdReader(ReadBytes in);
    ~ZstdReader();

    /// The next bytes, good until the next call; nullopt at the end. Throws errors::integrity: not a frame, damaged,
    /// or cut off.
    std::optional<std::string_view> next();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kavi::seal

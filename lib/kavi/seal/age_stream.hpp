#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/seal/age_header.hpp>
#include <kavi/seal/bytes.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

/// The payload of an age file: 64 KiB chunks, each sealed by itself (STREAM). Memory is constant.
namespace kavi::seal {

inline constexpr std::size_t age_chunk = 65536;
inline constexpr std::size_t age_tag = 16;
inline constexpr std::size_t age_nonce = 16;

/// The key of the payload with this nonce.
Secret payload_key(const Secret& file_key, std::string_view nonce);

/// How long the payload of `plain` bytes is, nonce included.
std::uint64_t payload_size(std::uint64_t plain);

class ChunkCipher;

/// Seals what it is given, chunk by chunk.
class PayloadWriter {
  public:
    /// Writes a fresh nonce at once.
    PayloadWriter(const Secret& file_key, WriteBytes out);
    ~PayloadWriter();

    void write(std::string_view bytes);
    /// Seals the last chunk. Without it the file is truncated, and every reader will say so.
    void finish();

  private:
    void seal(std::string_view chunk, bool last);

    WriteBytes out_;
    std::unique_ptr<ChunkCipher> cipher_;
    std::vector<char> held_;  // less than or exactly one chunk: not known yet whether it is the last
    std::vector<char> sealed_;
};

/// Opens a payload chunk by chunk.
class PayloadReader {
  public:
    /// Reads the nonce at the first call of next(). `reader` must outlive it.
    PayloadReader(const Secret& file_key, ByteReader& reader);
    ~PayloadReader();

    /// The next chunk, good until the next call; nullopt at the end. What was handed out before AgeError
    /// (payload) flies is a true beginning of the plaintext, but nobody may take it for the whole.
    std::optional<std::string_view> next();

  private:
    void begin();

    Secret file_key_;
    ByteReader& reader_;
    std::unique_ptr<ChunkCipher> cipher_;
    std::vector<char> sealed_, plain_;
    bool first_ = true, last_ = false;
};

}  // namespace kavi::seal

#pragma once

#include <kavi/seal/age_keys.hpp>
#include <kavi/seal/age_stream.hpp>
#include <kavi/seal/armor.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// age v1 files, interchangeable with the `age` tool: sealing and opening streams of any size in constant
/// memory.
namespace kavi::seal {

enum class AgeForm { binary, armored };

/// Seals a stream for some recipients; any one of them can open it.
class AgeWriter {
  public:
    /// Writes the header at once. A passphrase must be the only recipient (errors::sealed_unreadable).
    AgeWriter(std::span<const Recipient> recipients, WriteBytes out, AgeForm form = AgeForm::binary);

    void write(std::string_view bytes) { payload_->write(bytes); }

    /// The end. A file without it is truncated, and every reader says so.
    void finish();

  private:
    std::unique_ptr<ArmorWriter> armor_;
    std::unique_ptr<PayloadWriter> payload_;
};

/// Opens a stream. Whoever gets its chunks must not take them for the whole before next() has given nullopt.
class AgeReader {
  public:
    /// Reads the header and finds the file key. Without a form, armor is taken for what begins like it.
    /// Throws AgeError: header, armor, mac, or no_match where no identity opens it.
    AgeReader(ReadBytes in, std::span<const Identity> identities, std::optional<AgeForm> form = std::nullopt);
    ~AgeReader();

    /// The next chunk, good until the next call; nullopt at the end. Throws AgeError (payload, armor).
    std::optional<std::string_view> next() { return payload_->next(); }

  private:
    std::unique_ptr<ByteReader> outer_, inner_;
    std::unique_ptr<PayloadReader> payload_;
};

/// The file key of an age file, so that one artefact can be opened elsewhere without an identity there.
struct UnwrappedHeader {
    Secret file_key;
    std::size_t header_size = 0;  ///< the payload starts behind so many bytes
};

/// `beginning` is the file's first bytes, at least its whole header; binary form only. Throws AgeError.
UnwrappedHeader unwrap_header(std::string_view beginning, std::span<const Identity> identities);

/// Small files in one piece.
std::string age_seal(const Secret& plain,
                     std::span<const Recipient> recipients,
                     AgeForm form = AgeForm::binary);
Secret age_open(std::string_view sealed, std::span<const Identity> identities);

}  // namespace kavi::seal

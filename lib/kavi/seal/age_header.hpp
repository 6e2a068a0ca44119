#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/seal/bytes.hpp>

#include <string>
#include <string_view>
#include <vector>

/// The text header of an age v1 file (C2SP's age specification).
namespace kavi::seal {

struct Stanza {
    std::vector<std::string> arguments;  ///< the first is its type
    std::string body;

    friend bool operator==(const Stanza&, const Stanza&) = default;
};

struct AgeHeader {
    std::vector<Stanza> stanzas;
    std::string mac;         ///< 32 bytes
    std::string mac_covers;  ///< the bytes as received, up to and with the three dashes
    std::size_t size = 0;    ///< of the whole header in bytes
};

/// Reads bytes in pieces of any size and hands them out by lines or blocks.
class ByteReader {
  public:
    explicit ByteReader(ReadBytes read) : read_(std::move(read)) {}

    /// The next line without its LF. False: no LF within `longest` bytes, or the end came first.
    bool line(std::string& into, std::size_t longest);

    /// Fills as much of the span as there is before the end.
    std::size_t fill(std::span<char> into);

    /// The bytes that come next, without taking them; fewer only at the end.
    std::string_view peek(std::size_t count);

  private:
    bool more();

    ReadBytes read_;
    std::string buffer_;
    std::size_t used_ = 0;
};

/// Reads up to the end of the header, strictly. Throws AgeError (header): not an age file, another version, a
/// rule of the grammar broken, more than 1 MiB.
AgeHeader read_age_header(ByteReader& reader);

/// The header of these stanzas, with its MAC by the file key.
std::string write_age_header(const std::vector<Stanza>& stanzas, const Secret& file_key);

/// Throws AgeError (mac) unless the header's MAC was made with this file key.
void check_mac(const AgeHeader& header, const Secret& file_key);

}  // namespace kavi::seal

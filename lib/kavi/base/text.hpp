#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kavi {

std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string lower(std::string_view ascii);

/// Lower-case hexadecimal.
std::string hex(std::string_view bytes);
/// RFC 4648 base64; `padded` adds '='.
std::string base64(std::string_view bytes, bool padded = true);
/// Accepts padded and unpadded text; anything else, or non-canonical bits, is nullopt.
std::optional<std::string> decode_base64(std::string_view text);
/// RFC 4648 base32 in lower case without padding: 32 bytes become 52 characters, fit for a label.
std::string base32(std::string_view bytes);

/// SHA-256 as 32 raw bytes.
std::string sha256(std::string_view bytes);
/// "sha256:<hex>".
std::string sha256_tag(std::string_view bytes);
/// HMAC-SHA-256 as 32 raw bytes.
std::string hmac_sha256(std::string_view key, std::string_view bytes);

/// `count` bytes from the system's random generator.
std::string random_bytes(std::size_t count);

/// Quotes one word for a POSIX shell. The only place that does: property-tested against sh.
std::string shell_quote(std::string_view word);

/// Removes control characters (but newline and tab), including escape sequences, from text that came from outside.
std::string printable(std::string_view text);

/// The candidate nearest to `word` by edit distance, if near enough to be meant.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace kavi

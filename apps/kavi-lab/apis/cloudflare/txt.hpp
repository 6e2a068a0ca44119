#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kavi::lab::cloudflare {

/// The joined bytes of TXT content as a request carries it: quoted strings, or raw text. nullopt: half quotes
/// or a broken escape.
std::optional<std::string> txt_bytes(std::string_view content);

/// How TXT content is stored: quoted strings of at most 255 bytes each.
std::string txt_content(std::string_view bytes);

/// Size on the wire: a length byte before each string.
std::size_t txt_wire_size(std::string_view bytes);

}  // namespace kavi::lab::cloudflare

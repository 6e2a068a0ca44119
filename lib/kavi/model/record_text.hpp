#pragma once

#include <kavi/model/record.hpp>

#include <cstddef>
#include <string>
#include <string_view>

/// Quoted strings of zone files (RFC 1035, section 5.1). Used within the model only.
namespace kavi::model {

bool is_utf8(std::string_view text);

/// Reads what stands behind the backslash at `at` (\X or \DDD) and moves behind it. False: it makes no sense.
bool take_escape(std::string_view text, std::size_t& at, std::string& bytes);

/// Reads the quoted string that begins at `at` and moves behind it. False: it doesn't end.
bool take_quoted(std::string_view text, std::size_t& at, std::string& bytes);

/// In quotes; `numeric` writes bytes that aren't ASCII as \DDD.
std::string in_quotes(std::string_view bytes, bool numeric = false);

/// The joined bytes of TXT text: strings of a zone file where it begins and ends with '"', else itself.
Normal<std::string> txt_bytes(std::string_view text);

}  // namespace kavi::model

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kavi::lab::cloudflare {

/// RFC 3492 for one label of UTF-8 text, "xn--" included; ASCII labels come back in lower case. nullopt: the
/// text isn't UTF-8.
std::optional<std::string> ascii_label(std::string_view label);

/// A host name in lower case and punycode without a trailing dot; "." stays. nullopt: not a host name.
std::optional<std::string> normal_host(std::string_view text);

/// A record's full name within the zone: '@', short names and trailing dots are understood. nullopt: invalid.
std::optional<std::string> normal_name(std::string_view text, const std::string& zone);

}  // namespace kavi::lab::cloudflare

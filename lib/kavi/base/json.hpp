#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace kavi {

using Json = nlohmann::json;
/// Keeps the order in which keys were added: for what a person or a script reads.
using OrderedJson = nlohmann::ordered_json;

/// Parses text from outside. Nesting deeper than 64 and anything that isn't JSON throws errors::json_invalid;
/// `what` names the source ("Hetzner's answer to GET /servers").
Json parse_json(std::string_view text, std::string_view what);

/// Writes JSON; invalid UTF-8 becomes U+FFFD instead of throwing. Objects are sorted by key, so equal values
/// give equal bytes: digests are made of this.
std::string canonical_json(const Json& value);

/// The member `key`, or null where it is absent or `object` is no object. Takes no temporary: the answer refers into it.
const Json& member_or_null(const Json& object, std::string_view key);

/// The string member `key`, or `otherwise` where it is absent, null or no string.
std::string string_or(const Json& object, std::string_view key, std::string_view otherwise = {});

}  // namespace kavi

#pragma once

#include <kavi/base/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::cloudflare {

bool is_record_type(std::string_view type);
/// Does the type carry its value in "data"?
bool has_data(std::string_view type);

/// What a record's value becomes: checked and normalised. Throws Problem.
struct Value {
    std::string content;
    Json data = nullptr;
    std::optional<std::int64_t> priority;
};

Value normal_value(const std::string& type, const Json& body);

/// The members "content", "data" and "priority" of a value written as in a zone file. Throws Problem.
Json body_from_words(const std::string& type, const std::vector<std::string>& words);

/// May the edge stand before this target?
bool is_proxiable(const std::string& type, const std::string& content);

}  // namespace kavi::lab::cloudflare

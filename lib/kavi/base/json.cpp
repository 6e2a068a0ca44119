#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>

#include <fmt/format.h>

namespace kavi {

Json parse_json(std::string_view text, std::string_view what) {
    constexpr int deepest = 64;
    bool too_deep = false;
    const auto guard = [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;
    };
    auto value = Json::parse(text, guard, /*allow_exceptions=*/false);
    if (too_deep) throw Error(errors::json_invalid, fmt::format("{} is nested too deeply", what));
    if (value.is_discarded()) throw Error(errors::json_invalid, fmt::format("{} isn't valid JSON", what));
    return value;
}

std::string canonical_json(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string string_or(const Json& object, std::string_view key, std::string_view otherwise) {
    if (object.is_object()) {
        const auto member = object.find(key);
        if (member != object.end() && member->is_string()) return member->get<std::string>();
    }
    return std::string(otherwise);
}

const Json& member_or_null(const Json& object, std::string_view key) {
    static const Json nothing;
    if (!object.is_object()) return nothing;
    const auto found = object.find(key);
    return found == object.end() ? nothing : *found;
}

}  // namespace kavi

#include "fields.hpp"

#include "labels.hpp"
#include "problem.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace kavi::lab::hetzner {
namespace {

constexpr const char* missing = "missing data for required field";

std::string text_of(const Json& value, const std::string& field) {
    if (!value.is_string()) throw invalid_input(field, "not a valid string");
    return value.get<std::string>();
}

std::int64_t integer_of(const Json& value, const std::string& field) {
    if (!value.is_number_integer()) throw invalid_input(field, "not a valid integer");
    return value.get<std::int64_t>();
}

bool boolean_of(const Json& value, const std::string& field) {
    if (!value.is_boolean()) throw invalid_input(field, "not a valid boolean");
    return value.get<bool>();
}

const Json& list_of(const Json& value, const std::string& field) {
    if (!value.is_array()) throw invalid_input(field, "not a valid list");
    return value;
}

}  // namespace

Fields::Fields(const Json& object, std::string prefix) : object_(object), prefix_(std::move(prefix)) {
    if (object_.is_object()) return;
    throw invalid_input(prefix_.empty() ? "body" : prefix_.substr(0, prefix_.size() - 1),
                        "not a valid object");
}

const Fields& Fields::only(std::initializer_list<std::string_view> names) const {
    for (const auto& [name, value] : object_.items())
        if (std::ranges::find(names, name) == names.end()) throw invalid_input(field(name), "unknown field");
    return *this;
}

const Json* Fields::find(const std::string& name) const {
    const auto member = object_.find(name);
    return member == object_.end() ? nullptr : &*member;
}

const Json& Fields::need(const std::string& name) const {
    const auto* member = find(name);
    if (!member) throw invalid_input(field(name), missing);
    return *member;
}

bool Fields::has(const std::string& name) const {
    return find(name) != nullptr;
}

bool Fields::is_null(const std::string& name) const {
    return has(name) && find(name)->is_null();
}

std::string Fields::text(const std::string& name) const {
    return text_of(need(name), field(name));
}

std::optional<std::string> Fields::text_if(const std::string& name) const {
    if (!has(name)) return std::nullopt;
    return text(name);
}

std::int64_t Fields::integer(const std::string& name) const {
    return integer_of(need(name), field(name));
}

std::optional<std::int64_t> Fields::integer_if(const std::string& name) const {
    if (!has(name)) return std::nullopt;
    return integer(name);
}

std::optional<std::int64_t> Fields::integer_or_null(const std::string& name) const {
    if (is_null(name)) return std::nullopt;
    return integer_if(name);
}

std::optional<std::string> Fields::text_or_null(const std::string& name) const {
    if (is_null(name)) return std::nullopt;
    return text_if(name);
}

bool Fields::boolean(const std::string& name) const {
    return boolean_of(need(name), field(name));
}

std::optional<bool> Fields::boolean_if(const std::string& name) const {
    if (!has(name)) return std::nullopt;
    return boolean(name);
}

std::string Fields::choice(const std::string& name, std::initializer_list<std::string_view> words) const {
    auto word = text(name);
    if (std::ranges::find(words, word) == words.end()) throw invalid_input(field(name), "not a valid choice");
    return word;
}

std::optional<std::string> Fields::choice_if(const std::string& name,
                                             std::initializer_list<std::string_view> words) const {
    if (!has(name)) return std::nullopt;
    return choice(name, words);
}

std::vector<std::string> Fields::texts(const std::string& name) const {
    std::vector<std::string> values;
    if (has(name))
        for (const auto& item : list_of(need(name), field(name)))
            values.push_back(text_of(item, field(name)));
    return values;
}

std::vector<std::int64_t> Fields::integers(const std::string& name) const {
    std::vector<std::int64_t> values;
    if (has(name))
        for (const auto& item : list_of(need(name), field(name)))
            values.push_back(integer_of(item, field(name)));
    return values;
}

std::vector<Fields> Fields::objects(const std::string& name) const {
    std::vector<Fields> values;
    if (!has(name)) return values;
    const auto& list = list_of(need(name), field(name));
    for (std::size_t i = 0; i < list.size(); ++i)
        values.emplace_back(list[i], field(name) + "[" + std::to_string(i) + "].");
    return values;
}

std::optional<Fields> Fields::object_if(const std::string& name) const {
    if (!has(name)) return std::nullopt;
    return Fields(need(name), field(name) + ".");
}

std::optional<Labels> Fields::labels_if(const std::string& name) const {
    const auto object = object_if(name);
    if (!object) return std::nullopt;
    Labels labels;
    for (const auto& [key, value] : object->object_.items()) labels[key] = text_of(value, field(name));
    for (const auto& [key, value] : labels)
        if (const auto why = label_problem(key, value)) throw invalid_input(field(name), *why);
    return labels;
}

Fields body_of(const Call& call) {
    if (call.content_type() != "application/json") throw known_problem(0, "json_error");
    const auto value = Json::parse(call.body, nullptr, false);
    if (!value.is_object()) throw known_problem(0, "json_error");
    return Fields(value);
}

void no_body(const Call& call) {
    if (!call.body.empty()) throw invalid_input("body", "this operation takes no body");
}

std::int64_t id_of(const Call& call, const std::string& name) {
    const auto& text = call.params.at(name);
    std::int64_t id = 0;
    const auto end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, id);
    if (problem != std::errc{} || stopped != end || id < 1) throw invalid_input(name, "not a valid id");
    return id;
}

}  // namespace kavi::lab::hetzner

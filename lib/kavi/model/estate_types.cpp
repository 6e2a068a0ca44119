#include "estate_types.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace kavi::model {

namespace {

bool is_bare(std::string_view key) {
    constexpr std::string_view fit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return !key.empty() && key.find_first_not_of(fit) == std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
    return fmt::format("\"{}\"", text);
}

std::string in_table(const Node& table) {
    const auto heading = heading_of(table.path);
    return heading.empty() ? "" : " in " + heading;
}

}  // namespace

std::string path_of(std::string_view table, std::string_view key) {
    const auto part = is_bare(key) ? std::string(key) : in_quotes(key);
    return table.empty() ? part : fmt::format("{}.{}", table, part);
}

std::string heading_of(std::string_view path) {
    if (path.empty()) return {};
    if (path.ends_with(']')) return fmt::format("[[{}]]", path.substr(0, path.rfind('[')));
    return fmt::format("[{}]", path);
}

std::string_view Node::name() const {
    std::string_view text = path;
    if (text.ends_with('"')) {
        text.remove_suffix(1);
        return text.substr(text.rfind('"') + 1);
    }
    return text.substr(text.rfind('.') + 1);
}

void refuse_kind(const Node& node, std::string_view wanted, Reading& reading) {
    reading.problems.error(
        node.value.at,
        fmt::format("\"{}\" must be {}, not {}", node.name(), wanted, kind_name(node.value.kind)));
}

bool may_be_shown(const Node& node, Caution caution, Reading& reading) {
    if (caution != Caution::look || !looks_like_token(node.value.text)) return true;
    reading.problems.error_hiding(
        node.value.at,
        fmt::format("\"{}\" looks like a credential, which has no place in this file", node.name()),
        "keep it in Infisical and name it, as in \"secret:/infra/TOKEN\"");
    return false;
}

void refuse_form(const Node& node, std::string_view words, Caution caution, Reading& reading) {
    if (caution == Caution::hide)
        return reading.problems.error_hiding(node.value.at,
                                             fmt::format("\"{}\" must be {}", node.name(), words));
    reading.problems.error(node.value.at, fmt::format("\"{}\" isn't {}", node.value.text, words));
}

OrderedJson text_schema(std::string_view pattern) {
    OrderedJson schema{{"type", "string"}};
    if (!pattern.empty()) schema["pattern"] = pattern;
    return schema;
}

void WholeType::read(const Node& node, int& target, Reading& reading) const {
    if (node.value.kind != Value::Kind::integer) return refuse_kind(node, words(), reading);
    if (node.value.integer < least_ || node.value.integer > most_)
        return reading.problems.error(node.value.at, fmt::format("{} isn't {}", node.value.integer, words()));
    target = static_cast<int>(node.value.integer);
}

OrderedJson WholeType::schema() const {
    return {{"type", "integer"}, {"minimum", least_}, {"maximum", most_}};
}

std::string WholeType::words() const {
    return fmt::format("a whole number from {} to {}", least_, most_);
}

void NumberType::read(const Node& node, double& target, Reading& reading) const {
    const bool is_number = node.value.kind == Value::Kind::integer || node.value.kind == Value::Kind::number;
    if (!is_number) return refuse_kind(node, words(), reading);
    if (!(node.value.number >= 0 && node.value.number < 1e9))
        return reading.problems.error(node.value.at,
                                      fmt::format("\"{}\" can't be negative or endless", node.name()));
    target = node.value.number;
}

void SwitchType::read(const Node& node, bool& target, Reading& reading) const {
    if (node.value.kind != Value::Kind::boolean) return refuse_kind(node, words(), reading);
    target = node.value.boolean;
}

void refuse_choice(const Node& node, const std::vector<std::string>& choices, Reading& reading) {
    auto hint = did_you_mean(node.value.text, choices);
    const auto message = fmt::format("{} can't be \"{}\"", node.name(), node.value.text);
    if (hint.empty()) hint = fmt::format("it is {}", choices_in_words(choices));
    if (may_be_shown(node, Caution::look, reading))
        reading.problems.error(node.value.at, message, std::move(hint));
}

std::string choices_in_words(const std::vector<std::string>& choices) {
    std::string words;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) words += i + 1 == choices.size() ? " or " : ", ";
        words += in_quotes(choices[i]);
    }
    return words;
}

bool check_key(const Member& member, const Keys& keys, const Node& table, Reading& reading) {
    const bool is_known = keys.known.empty() || std::ranges::find(keys.known, member.key) != keys.known.end();
    if (is_known && keys.fits(member.key)) return true;
    if (!keys.known.empty())
        refuse_key(member, table, keys.known, reading);
    else
        reading.problems.error(member.at, fmt::format("\"{}\" isn't {}", member.key, keys.words));
    return false;
}

OrderedJson map_schema(const Keys& keys, const OrderedJson& inner) {
    OrderedJson schema{{"type", "object"}};
    if (!keys.known.empty()) {
        for (const auto& key : keys.known) schema["properties"][key] = inner;
        schema["additionalProperties"] = false;
    } else if (!keys.pattern.empty()) {
        schema["patternProperties"][keys.pattern] = inner;
        schema["additionalProperties"] = false;
    } else {
        schema["additionalProperties"] = inner;
    }
    return schema;
}

void refuse_key(const Member& member,
                const Node& table,
                const std::vector<std::string>& known,
                Reading& reading) {
    auto hint = did_you_mean(member.key, known);
    if (hint.empty()) hint = fmt::format("known here: {}", fmt::join(known, ", "));
    reading.problems.error(
        member.at, fmt::format("unknown key \"{}\"{}", member.key, in_table(table)), std::move(hint));
}

void refuse_missing(const Node& table, std::string_view key, Reading& reading) {
    const auto heading = heading_of(table.path);
    reading.problems.error(table.path.empty() ? table.value.at : table.key,
                           heading.empty() ? fmt::format("\"{}\" is missing", key)
                                           : fmt::format("{} needs \"{}\"", heading, key));
}

}  // namespace kavi::model

#include "labels.hpp"

#include "problem.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <cctype>

namespace kavi::lab::hetzner {
namespace {

bool is_alphanumeric(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends.
bool is_name(std::string_view text) {
    const auto allowed = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
    return !text.empty() && text.size() <= 63 && is_alphanumeric(text.front()) &&
           is_alphanumeric(text.back()) && std::ranges::all_of(text, allowed);
}

bool is_subdomain(std::string_view text) {
    const auto allowed = [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; };
    return !text.empty() && text.size() <= 253 && is_alphanumeric(text.front()) &&
           is_alphanumeric(text.back()) && std::ranges::all_of(text, allowed);
}

bool is_key(std::string_view key) {
    const auto slash = key.find('/');
    if (slash == std::string_view::npos) return is_name(key);
    return is_subdomain(key.substr(0, slash)) && is_name(key.substr(slash + 1));
}

Problem bad_selector() {
    return invalid_input("label_selector", "label selector is invalid");
}

/// Commas between terms, but not those inside parentheses.
std::vector<std::string> split_terms(std::string_view text) {
    std::vector<std::string> terms(1);
    bool inside = false;
    for (const char c : text) {
        if (c == '(') inside = true;
        if (c == ')') inside = false;
        if (c == ',' && !inside)
            terms.emplace_back();
        else
            terms.back() += c;
    }
    return terms;
}

std::vector<std::string> parse_list(std::string_view text) {
    const auto trimmed = trim(text);
    if (!trimmed.starts_with('(') || !trimmed.ends_with(')')) throw bad_selector();
    std::vector<std::string> values;
    for (const auto& value : split(trimmed.substr(1, trimmed.size() - 2), ','))
        values.emplace_back(trim(value));
    return values;
}

std::string checked_key(std::string_view text) {
    const auto key = trim(text);
    if (!is_key(key)) throw bad_selector();
    return std::string(key);
}

}  // namespace

std::optional<std::string> label_problem(std::string_view key, std::string_view value) {
    if (!is_key(key)) return "label key '" + std::string(key) + "' is invalid";
    if (key.starts_with("hetzner.cloud/")) return "label prefix 'hetzner.cloud/' is reserved";
    if (!value.empty() && !is_name(value)) return "label value '" + std::string(value) + "' is invalid";
    return std::nullopt;
}

LabelSelector::Term LabelSelector::parse_term(std::string_view whole) {
    const auto text = trim(whole);
    for (const std::string_view word : {" notin ", " in "})
        if (const auto at = text.find(word); at != std::string_view::npos)
            return {checked_key(text.substr(0, at)),
                    word == " notin ",
                    parse_list(text.substr(at + word.size()))};
    for (const std::string_view sign : {"!=", "==", "="})
        if (const auto at = text.find(sign); at != std::string_view::npos)
            return {checked_key(text.substr(0, at)),
                    sign == "!=",
                    std::vector{std::string(trim(text.substr(at + sign.size())))}};
    const bool negated = text.starts_with('!');
    return {checked_key(negated ? text.substr(1) : text), negated, std::nullopt};
}

LabelSelector::LabelSelector(std::string_view text) {
    for (const auto& term : split_terms(text)) terms_.push_back(parse_term(term));
}

bool LabelSelector::matches(const std::map<std::string, std::string>& labels) const {
    return std::ranges::all_of(terms_, [&](const Term& term) {
        const auto label = labels.find(term.key);
        const bool there = label != labels.end();
        if (!term.values) return there != term.negated;
        return (there && std::ranges::find(*term.values, label->second) != term.values->end()) !=
               term.negated;
    });
}

}  // namespace kavi::lab::hetzner

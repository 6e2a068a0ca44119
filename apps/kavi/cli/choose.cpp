#include "choose.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::app {

const Argument* AnyOption::operator()(std::string_view flag) {
    if (const auto* found = tables_.front().find(flag)) return found;
    if (tables_.size() == 1)
        for (const auto& command : command_table()) command.define(tables_.emplace_back());
    for (const auto& table : tables_)
        if (const auto* found = table.find(flag)) return found;
    return nullptr;
}

namespace {

std::vector<std::string> first_words() {
    std::vector<std::string> words;
    for (const auto& command : command_table()) {
        const std::string word(command.group.empty() ? command.name : command.group);
        if (std::ranges::find(words, word) == words.end()) words.push_back(word);
    }
    return words;
}

[[noreturn]] void refuse_command(std::string_view group,
                                 std::string_view word,
                                 std::vector<std::string> names) {
    const auto spoken = group.empty() ? std::string("kavi") : fmt::format("kavi {}", group);
    Error error(errors::usage, fmt::format("{} has no command '{}'", spoken, printable(word)));
    const auto meant = nearest(word, names);
    if (meant)
        error.fix(fmt::format("did you mean {} {}?", spoken, *meant));
    else if (group.empty())
        error.fix("kavi help lists the commands");
    else
        error.fix(fmt::format("it has: {}", join(names, ", ")));
    throw error;
}

/// Indices of the first two plain words.
std::vector<std::size_t> first_two(std::span<const Word> words) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < words.size() && found.size() < 2; ++i)
        if (words[i].kind == Word::Kind::plain) found.push_back(i);
    return found;
}

std::vector<std::string> without(std::span<const std::string> words, std::span<const std::size_t> indices) {
    std::vector<std::string> rest;
    for (std::size_t i = 0; i < words.size(); ++i)
        if (std::ranges::find(indices, i) == indices.end()) rest.push_back(words[i]);
    return rest;
}

}  // namespace

Choice choose(std::span<const std::string> words) {
    AnyOption any;
    const auto classified = classify(words, [&](std::string_view flag) { return any(flag); });
    const auto plain = first_two(classified);
    if (plain.empty()) return {.words = {words.begin(), words.end()}};

    const auto& first = words[plain[0]];
    const auto members = commands_of(first);
    if (members.empty()) {
        const auto* command = find_command(first);
        if (command == nullptr) refuse_command("", first, first_words());
        return {.command = command, .words = without(words, std::span(plain).first(1))};
    }
    const auto* group_itself = find_command(first);
    if (plain.size() == 2) {
        const auto& second = words[plain[1]];
        const auto member = std::ranges::find(members, second, [](const Command* c) { return c->name; });
        if (member != members.end()) return {.command = *member, .words = without(words, plain)};
        if (group_itself == nullptr) {
            std::vector<std::string> names;
            for (const auto* each : members) names.emplace_back(each->name);
            refuse_command(first, second, names);
        }
    }
    return {.command = group_itself,
            .group = group_itself == nullptr ? first : "",
            .words = without(words, std::span(plain).first(1))};
}

}  // namespace kavi::app

#include "complete.hpp"

#include "choose.hpp"
#include "parse.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

namespace {

enum Bits : unsigned { error_bit = 1, no_space = 2, no_files = 4, folders_only = 8 };

struct Answer {
    std::vector<Candidate> candidates;
    unsigned bits = no_files;
};

std::string text_of(const Answer& answer, std::string_view prefix) {
    std::string text;
    for (const auto& candidate : answer.candidates) {
        if (!candidate.value.starts_with(prefix)) continue;
        text += candidate.value;
        if (!candidate.about.empty()) text += '\t' + printable(candidate.about);
        text += '\n';
    }
    return text + fmt::format(":{}\n", answer.bits);
}

/// The next word of commands that begin with these words: groups and commands first, then a group's members.
Answer command_words(std::span<const std::string> before) {
    Answer answer;
    const auto group = before.empty() ? std::string() : before.front();
    if (before.size() > 1) return answer;
    for (const auto& command : command_table()) {
        if (!group.empty() && command.group != group) continue;
        const bool as_group = group.empty() && !command.group.empty();
        const auto word = as_group ? command.group : command.name;
        const auto seen =
            std::ranges::find(answer.candidates, word, &Candidate::value) != answer.candidates.end();
        if (word.empty() || seen) continue;
        const auto about = std::ranges::find(command_groups(), word, &Group::name);
        answer.candidates.push_back(
            {std::string(word), std::string(as_group ? about->summary : command.summary)});
    }
    return answer;
}

Answer values_of(const Argument& argument, std::span<const std::string> before, const NameSource& names) {
    Answer answer;
    for (const auto& choice : argument.choices) answer.candidates.push_back({choice, ""});
    switch (argument.names) {
        case Names::none:
            break;
        case Names::file:
            answer.bits = 0;
            break;
        case Names::folder:
            answer.bits = folders_only;
            break;
        case Names::command:
            return command_words(before);
        case Names::error_code:
            for (const auto& code : all_error_codes())
                answer.candidates.push_back({std::string(code.id), std::string(code.title)});
            break;
        default:
            answer.candidates = names(argument.names);
    }
    return answer;
}

/// A value behind "--to=".
Answer with_prefix(Answer answer, const std::string& prefix) {
    for (auto& candidate : answer.candidates) candidate.value.insert(0, prefix);
    return answer;
}

Answer flags(const Declared& declared) {
    Answer answer;
    for (const auto* option : declared.options())
        answer.candidates.push_back({option->name() + (option->takes_value() ? "=" : ""), option->help});
    for (const auto& candidate : answer.candidates)
        if (candidate.value.ends_with('=')) answer.bits |= no_space;
    return answer;
}

/// The positional argument that the next plain word is.
const Argument* positional_at(const Declared& declared, std::size_t index) {
    const auto list = declared.positionals();
    if (list.empty()) return nullptr;
    if (index < list.size()) return list[index];
    return list.back()->many ? list.back() : nullptr;
}

Answer answer_for(std::span<const std::string> before, const std::string& current, const NameSource& names) {
    const auto choice = choose(before);
    GlobalOptions options;
    Declared declared;
    declare(declared.global, options);
    Run unused;
    if (choice.command != nullptr) unused = choice.command->define(declared.own);
    const auto find = [&](std::string_view flag) { return declared.find(flag); };
    const auto words = classify(choice.words, find, declared.plain_before_rest());
    if (!words.empty() && words.back().wants_value) return values_of(*words.back().argument, {}, names);

    std::vector<std::string> plain;
    for (const auto& word : words)
        if (word.kind == Word::Kind::plain) plain.push_back(word.text);
    const bool literal = !words.empty() && words.back().kind >= Word::Kind::end;
    if (!literal && current.starts_with("--") && current.contains('=')) {
        const auto* option = find(current.substr(0, current.find('=')));
        if (option == nullptr) return {};
        return with_prefix(values_of(*option, {}, names), current.substr(0, current.find('=') + 1));
    }
    if (!literal && current.starts_with('-')) return flags(declared);
    if (choice.command == nullptr) {
        if (choice.group.empty()) return command_words({});
        return command_words(std::vector{choice.group});
    }
    const auto* argument = positional_at(declared, plain.size());
    auto answer = argument != nullptr ? values_of(*argument, plain, names) : Answer{};
    // `kavi backup` is a command and a group: both its items and its members may come next.
    if (plain.empty() && !commands_of(choice.command->path()).empty())
        std::ranges::copy(command_words(std::vector{choice.command->path()}).candidates,
                          std::back_inserter(answer.candidates));
    return answer;
}

}  // namespace

std::string complete(std::span<const std::string> words, const NameSource& names) {
    if (!words.empty() && words.front() == "--") words = words.subspan(1);
    const auto current = words.empty() ? std::string() : words.back();
    const auto before = words.empty() ? words : words.first(words.size() - 1);
    try {
        return text_of(answer_for(before, current, names), current);
    } catch (const std::exception&) {
        return text_of({.bits = error_bit | no_files}, current);
    }
}

}  // namespace kavi::app

#include "arguments.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::app {

void refuse_value(const Argument& argument, std::string_view value, std::string_view why) {
    throw Error(errors::usage, fmt::format("{}: '{}' {}", argument.name(), printable(value), why));
}

Argument& Argument::one_of(std::vector<std::string> allowed) {
    choices = std::move(allowed);
    return *this;
}

Argument& Argument::completes(Names kind) {
    names = kind;
    return *this;
}

Argument& Argument::from(std::string environment_variable) {
    variable = std::move(environment_variable);
    return *this;
}

Argument& Argument::otherwise(std::string text) {
    fallback = std::move(text);
    return *this;
}

namespace {

std::string not_empty(const Argument& argument, const std::string& value) {
    if (value.empty()) throw Error(errors::usage, fmt::format("{} is empty", argument.name()));
    return value;
}

int whole_number(const Argument& argument, const std::string& value) {
    int number = 0;
    const auto* end = value.data() + value.size();
    const auto [stopped, problem] = std::from_chars(value.data(), end, number);
    if (problem != std::errc() || stopped != end) refuse_value(argument, value, "isn't a whole number");
    return number;
}

std::chrono::milliseconds duration(const Argument& argument, const std::string& value) {
    const auto parsed = parse_duration(value);
    if (!parsed) refuse_value(argument, value, "isn't a duration like 90s, 5m or 1h30m");
    return *parsed;
}

}  // namespace

Argument& Arguments::add(std::string_view flags, std::string value, std::string help) {
    auto& argument = all_.emplace_back();
    if (!flags.empty()) argument.flags = split(flags, ',');
    argument.value = std::move(value);
    argument.help = std::move(help);
    return argument;
}

Argument& Arguments::flag(std::string_view flags, bool& target, std::string help) {
    auto& argument = add(flags, "", std::move(help));
    argument.many = true;
    argument.store = [&](const auto& values) { target = values.back() == "true"; };
    return argument;
}

Argument& Arguments::count(std::string_view flags, int& target, std::string help) {
    auto& argument = add(flags, "", std::move(help));
    argument.many = true;
    argument.store = [&](const auto& values) { target = static_cast<int>(values.size()); };
    return argument;
}

Argument& Arguments::option(std::string_view flags,
                            std::string value,
                            std::string& target,
                            std::string help) {
    auto& argument = add(flags, std::move(value), std::move(help));
    argument.store = [&](const auto& values) { target = not_empty(argument, values.back()); };
    return argument;
}

Argument& Arguments::option(std::string_view flags,
                            std::string value,
                            std::optional<std::string>& target,
                            std::string help) {
    auto& argument = add(flags, std::move(value), std::move(help));
    argument.store = [&](const auto& values) { target = not_empty(argument, values.back()); };
    return argument;
}

Argument& Arguments::option(std::string_view flags,
                            std::string value,
                            std::vector<std::string>& target,
                            std::string help) {
    auto& argument = add(flags, std::move(value), std::move(help));
    argument.many = true;
    argument.store = [&](const auto& values) {
        for (const auto& one : values) target.push_back(not_empty(argument, one));
    };
    return argument;
}

Argument& Arguments::option(std::string_view flags,
                            std::string value,
                            std::optional<int>& target,
                            std::string help) {
    auto& argument = add(flags, std::move(value), std::move(help));
    argument.store = [&](const auto& values) { target = whole_number(argument, values.back()); };
    return argument;
}

Argument& Arguments::option(std::string_view flags,
                            std::string value,
                            std::optional<std::chrono::milliseconds>& target,
                            std::string help) {
    auto& argument = add(flags, std::move(value), std::move(help));
    argument.store = [&](const auto& values) { target = duration(argument, values.back()); };
    return argument;
}

Argument& Arguments::positional(std::string name, std::string& target, std::string help) {
    auto& argument = add("", std::move(name), std::move(help));
    argument.required = true;
    argument.store = [&](const auto& values) { target = not_empty(argument, values.back()); };
    return argument;
}

Argument& Arguments::positional(std::string name, std::optional<std::string>& target, std::string help) {
    auto& argument = add("", std::move(name), std::move(help));
    argument.store = [&](const auto& values) { target = not_empty(argument, values.back()); };
    return argument;
}

Argument& Arguments::positional(std::string name, std::vector<std::string>& target, std::string help) {
    auto& argument = add("", std::move(name), std::move(help));
    argument.many = true;
    argument.store = [&](const auto& values) {
        for (const auto& one : values) target.push_back(not_empty(argument, one));
    };
    return argument;
}

Argument& Arguments::rest(std::string name, std::vector<std::string>& target, std::string help) {
    auto& argument = add("", std::move(name), std::move(help));
    argument.many = argument.rest = true;
    argument.store = [&](const auto& values) { target = values; };
    return argument;
}

const Argument* Arguments::find(std::string_view flag) const {
    const auto found = std::ranges::find_if(all_, [&](const Argument& argument) {
        return std::ranges::find(argument.flags, flag) != argument.flags.end();
    });
    return found == all_.end() ? nullptr : &*found;
}

}  // namespace kavi::app

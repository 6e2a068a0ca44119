#include "help.hpp"

#include "../render/style.hpp"
#include "options.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

namespace {

struct Row {
    std::string left, right;
};

/// Two columns; the right one wraps. A left side that is too wide gets a line of its own.
std::string columns(const std::vector<Row>& rows, int width) {
    constexpr int widest_left = 28, indent = 2, gap = 2;
    int left_width = 0;
    for (const auto& row : rows)
        if (const auto w = display_width(row.left); w <= widest_left) left_width = std::max(left_width, w);
    const std::string margin(static_cast<std::size_t>(indent + left_width + gap), ' ');
    std::string text;
    for (const auto& row : rows) {
        auto head = "  " + pad(row.left, left_width) + "  ";
        if (display_width(row.left) > left_width) head = "  " + row.left + '\n' + margin;
        const auto right = wrap(row.right, width - static_cast<int>(margin.size()));
        for (const auto& line : split(right, '\n')) text += std::exchange(head, margin) + line + '\n';
    }
    return text;
}

std::string positional_text(const Argument& argument) {
    const auto name = argument.many ? argument.value + "…" : argument.value;
    return argument.required ? name : fmt::format("[{}]", name);
}

std::vector<Row> rows_of(const Arguments& arguments, bool positional) {
    std::vector<Row> rows;
    for (const auto& argument : arguments.all()) {
        if (argument.positional() != positional) continue;
        const auto name = argument.many ? argument.value + "…" : argument.value;
        rows.push_back({positional ? name : flags_of(argument), help_of(argument)});
    }
    return rows;
}

std::string section(std::string_view title, const std::vector<Row>& rows, int width) {
    return rows.empty() ? "" : fmt::format("\n{}\n{}", title, columns(rows, width));
}

std::string global_flags(int width) {
    GlobalOptions options;
    Arguments arguments;
    declare(arguments, options);
    std::string names;
    for (const auto& argument : arguments.all()) names += (names.empty() ? "" : ", ") + argument.flags.back();
    return wrap(fmt::format("Options of every command (kavi help): {}", names), width, 2) + '\n';
}

/// One line for a single command or for a whole group, in table order.
std::vector<Row> overview_rows() {
    std::vector<Row> rows;
    for (const auto& command : command_table()) {
        if (command.group.empty()) {
            rows.push_back({std::string(command.name), std::string(command.summary)});
            continue;
        }
        const auto seen =
            std::ranges::any_of(rows, [&](const Row& row) { return row.left == command.group; });
        if (seen) continue;
        const auto group = std::ranges::find(command_groups(), command.group, &Group::name);
        std::string names;
        for (const auto* member : commands_of(command.group))
            if (!member->name.empty()) names += (names.empty() ? "" : ", ") + std::string(member->name);
        rows.push_back({std::string(command.group), fmt::format("{}: {}", group->summary, names)});
    }
    return rows;
}

}  // namespace

std::string flags_of(const Argument& argument) {
    auto text = join(argument.flags, ", ");
    if (argument.flags.front().starts_with("--")) text.insert(0, "    ");  // below the short ones' long form
    if (argument.takes_value()) text += ' ' + argument.value;
    return text;
}

std::string help_of(const Argument& argument) {
    auto text = argument.help;
    if (!argument.choices.empty()) text += ": " + join(argument.choices, ", ");
    std::vector<std::string> notes;
    if (!argument.fallback.empty()) notes.push_back("default " + argument.fallback);
    if (!argument.variable.empty()) notes.push_back("variable " + argument.variable);
    if (argument.takes_value() && argument.many && !argument.positional())
        notes.emplace_back("may be repeated");
    return notes.empty() ? text : fmt::format("{} ({})", text, join(notes, ", "));
}

std::string usage_line(const Command& command, const Arguments& arguments) {
    std::string text = "kavi " + command.path();
    bool options = false;
    for (const auto& argument : arguments.all()) {
        if (!argument.positional())
            options = true;
        else if (argument.rest)
            text += fmt::format(" -- {}…", argument.value);
        else
            text += ' ' + positional_text(argument);
    }
    return options ? text + " [options]" : text;
}

std::string command_help(const Command& command, int width) {
    Arguments arguments;
    command.define(arguments);
    auto text = wrap(fmt::format("kavi {}: {}", command.path(), command.summary), width) + '\n';
    if (!command.details.empty()) text += '\n' + wrap(command.details, width) + '\n';
    text += fmt::format("\n  {}\n", usage_line(command, arguments));
    text += section("Arguments", rows_of(arguments, true), width);
    text += section("Options", rows_of(arguments, false), width);
    text += fmt::format("\nExample\n  {}\n\n", command.example);
    return text + global_flags(width);
}

std::string group_help(std::string_view group, int width) {
    const auto about = std::ranges::find(command_groups(), group, &Group::name);
    std::vector<Row> rows;
    for (const auto* member : commands_of(group))
        rows.push_back({"kavi " + member->path(), std::string(member->summary)});
    return fmt::format("kavi {}: {}\n\n{}\nMore on one: kavi help {} NAME\n",
                       group,
                       about->summary,
                       columns(rows, width),
                       group);
}

std::string overview_help(int width) {
    GlobalOptions options;
    Arguments arguments;
    declare(arguments, options);
    std::string text = wrap(
        "kavi runs a small self-hosted estate from one file: its servers, services, names, "
        "secrets and backups.",
        width);
    text += "\n\n  kavi COMMAND [arguments] [options]\n";
    text += section("Commands", overview_rows(), width);
    text += section("Options of every command, before or behind it", rows_of(arguments, false), width);
    text += "\nMore on one: kavi help COMMAND. On an error: kavi explain CODE.\n";
    return text;
}

}  // namespace kavi::app

// The only file that knows toml++. Its assertions abort on "[[[" and the like, so they are off even in debug
// builds.
#define TOML_ASSERT(condition) static_cast<void>(0)
#define TOML_HEADER_ONLY 1
#include <kavi/base/text.hpp>
#include <kavi/model/problem.hpp>
#include <kavi/model/tree.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>

namespace kavi::model {

namespace {

constexpr std::size_t largest_file = 1024 * 1024;
constexpr std::size_t longest_line =
    16 * 1024;  // toml++ overflows the stack on a dotted key of 200,000 parts
constexpr int deepest = 32;
constexpr int rest_of_line = 1'000'000;  // what a value of several lines covers on its first one

class Converter {
  public:
    Converter(int file, Problems& problems) : file_(file), problems_(problems) {}

    Value convert(const toml::node& node, int depth = 0) {
        Value value{.at = position(node.source())};
        if (depth > deepest) {
            problems_.error(value.at, "this is nested too deeply");
            return value;
        }
        if (const auto* table = node.as_table())
            add_members(*table, value, depth);
        else if (const auto* list = node.as_array())
            add_items(*list, value, depth);
        else
            take_scalar(node, value);
        return value;
    }

  private:
    Position position(const toml::source_region& region) const {
        const bool one_line = region.begin.line == region.end.line;
        const auto width = static_cast<int>(region.end.column) - static_cast<int>(region.begin.column);
        return {.file = file_,
                .line = static_cast<int>(region.begin.line),
                .column = static_cast<int>(region.begin.column),
                .width = one_line ? std::max(width, 1) : rest_of_line};
    }

    /// toml++ sorts tables by key; the file's order comes back from the positions.
    void add_members(const toml::table& table, Value& value, int depth) {
        value.kind = Value::Kind::table;
        for (const auto& [key, node] : table)
            value.members.push_back(
                {std::string(key.str()), position(key.source()), convert(node, depth + 1)});
        std::ranges::stable_sort(value.members, {}, [](const Member& member) {
            return std::pair(member.at.line, member.at.column);
        });
    }

    void add_items(const toml::array& list, Value& value, int depth) {
        value.kind = Value::Kind::list;
        for (const auto& node : list) value.items.push_back(convert(node, depth + 1));
    }

    static void take_scalar(const toml::node& node, Value& value) {
        value.kind = Value::Kind::other;
        if (const auto* text = node.as_string()) {
            value.kind = Value::Kind::text;
            value.text = text->get();
        } else if (const auto* integer = node.as_integer()) {
            value.kind = Value::Kind::integer;
            value.integer = integer->get();
            value.number = static_cast<double>(integer->get());
        } else if (const auto* number = node.as_floating_point()) {
            value.kind = Value::Kind::number;
            value.number = number->get();
        } else if (const auto* boolean = node.as_boolean()) {
            value.kind = Value::Kind::boolean;
            value.boolean = boolean->get();
        }
    }

    int file_;
    Problems& problems_;
};

struct Translation {
    std::string_view theirs, ours;
};

/// toml++'s messages, where a person needs other words.
std::string message_of(std::string_view description) {
    static constexpr std::array translations{
        Translation{"unescaped control characters", "a text isn't closed on its line"},
        Translation{"could not determine value type", "this isn't a value; text stands in quotes"},
        Translation{"key-value pair: encountered end-of-file", "a value is missing"},
        Translation{"value: encountered end-of-file", "a value is missing"},
        Translation{"array: encountered end-of-file", "a list isn't closed"},
        Translation{"dangling comma", "an inline table can't end in a comma"},
        Translation{"invalid utf-8", "this isn't UTF-8"},
    };
    for (const auto& [theirs, ours] : translations)
        if (description.find(theirs) != std::string_view::npos) return std::string(ours);
    constexpr std::string_view boilerplate = "Error while parsing ";
    if (description.starts_with(boilerplate)) description.remove_prefix(boilerplate.size());
    return fmt::format("this isn't TOML: {}", printable(description));
}

/// What mustn't reach toml++; empty: it may.
std::string unfit(std::string_view text) {
    if (text.size() > largest_file) return "the file is larger than 1 MiB";
    if (text.find('\0') != std::string_view::npos) return "the file holds a NUL byte";
    int number = 1;
    for (const auto& line : split(text, '\n')) {
        if (line.size() > longest_line) return fmt::format("line {} is longer than 16 KiB", number);
        ++number;
    }
    return {};
}

}  // namespace

Value read_toml(int file, Problems& problems) {
    const Value nothing{.kind = Value::Kind::table, .at = {.file = file}};
    const auto text = problems.text(file);
    if (auto why = unfit(text); !why.empty()) {
        problems.error({.file = file}, std::move(why));
        return nothing;
    }
    try {
        const auto table = toml::parse(text);
        auto value = Converter(file, problems).convert(table);
        value.at = {.file = file};
        return value;
    } catch (const toml::parse_error& error) {
        const auto& begin = error.source().begin;
        problems.error(
            {.file = file, .line = static_cast<int>(begin.line), .column = static_cast<int>(begin.column)},
            message_of(error.description()));
        return nothing;
    }
}

}  // namespace kavi::model

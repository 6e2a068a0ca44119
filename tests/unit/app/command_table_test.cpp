#include "command_table.hpp"

#include "cli/choose.hpp"
#include "cli/options.hpp"
#include "cli/parse.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <map>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::app;

namespace {

/// The words of an example: examples use no quotes.
std::vector<std::string> words_of(std::string_view line) {
    auto words = split(line, ' ');
    if (!words.empty() && words.front() == "kavi") words.erase(words.begin());
    return words;
}

}  // namespace

TEST_CASE("every command says what it does and shows an example that parses") {
    for (const auto& command : command_table()) {
        CAPTURE(command.path());
        CHECK_FALSE(command.summary.empty());
        CHECK_FALSE(command.summary.ends_with('.'));
        REQUIRE(command.example.starts_with("kavi "));
        const auto choice = choose(words_of(command.example));
        REQUIRE(choice.command == &command);
        GlobalOptions options;
        Declared declared;
        declare(declared.global, options);
        const auto run = command.define(declared.own);
        const auto parsed = parse_options(declared, choice.words, command.path());
        CHECK_NOTHROW(store_positionals(declared, parsed, command.path()));
    }
}

TEST_CASE("no two rows have the same path, and every group is described") {
    std::map<std::string, int> seen;
    for (const auto& command : command_table()) {
        CHECK(++seen[command.path()] == 1);
        if (command.group.empty()) continue;
        CAPTURE(command.group);
        CHECK(std::ranges::find(command_groups(), command.group, &Group::name) != command_groups().end());
    }
}

TEST_CASE("commands agree on which options take a value, and none takes over an option of every command") {
    std::map<std::string, bool> takes_value;
    GlobalOptions options;
    Arguments global;
    declare(global, options);
    for (const auto& command : command_table()) {
        Arguments own;
        const auto run = command.define(own);
        for (const auto& argument : own.all())
            for (const auto& flag : argument.flags) {
                CAPTURE(command.path(), flag);
                CHECK(takes_value.emplace(flag, argument.takes_value()).first->second ==
                      argument.takes_value());
                CHECK(global.find(flag) == nullptr);
            }
    }
}

TEST_CASE("a positional argument that may be left out stands behind those that may not") {
    for (const auto& command : command_table()) {
        Arguments own;
        const auto run = command.define(own);
        bool optional = false;
        for (const auto& argument : own.all()) {
            if (!argument.positional()) continue;
            CAPTURE(command.path(), argument.value);
            CHECK_FALSE((optional && argument.required));
            optional = !argument.required;
        }
    }
}

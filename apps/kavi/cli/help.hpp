#pragma once

#include "../command_table.hpp"

#include <string>
#include <string_view>

namespace kavi::app {

/// The overview: what kavi is, its commands by group, the options of every command.
std::string overview_help(int width);

/// The commands of one group.
std::string group_help(std::string_view group, int width);

/// One command: what it does, its arguments, an example.
std::string command_help(const Command& command, int width);

/// "kavi dns sync [ZONE…]".
std::string usage_line(const Command& command, const Arguments& arguments);

/// "-c, --config FILE".
std::string flags_of(const Argument& argument);

/// The argument's help with its choices, default and variable.
std::string help_of(const Argument& argument);

}  // namespace kavi::app

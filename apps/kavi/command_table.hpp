#pragma once

#include "cli/arguments.hpp"
#include "result.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kavi::app {

class Session;

/// What a chosen command does, with its options already in place.
using Run = std::function<Result(Session&)>;

/// One row of the table. Dispatch, help, completion, the manual and the reference page come from these rows,
/// so a command that doesn't stand here doesn't exist.
struct Command {
    std::string_view group;  ///< "dns"; empty for a command of one word
    std::string_view
        name;  ///< "sync"; empty for the group's own command (`kavi history` has none, `kavi backup` has)
    std::string_view summary;   ///< "make zones as declared"
    std::string_view details;   ///< further sentences for help and manual; may be empty
    std::string_view example;   ///< a whole command line; a test parses it
    Run (*define)(Arguments&);  ///< declares its arguments and gives back what to run

    /// "dns sync".
    std::string path() const;
};

/// What a group of commands is about, for the overview.
struct Group {
    std::string_view name, summary;
};

std::span<const Command> command_table();
std::span<const Group> command_groups();

/// The command of that path ("dns sync"), or nullptr.
const Command* find_command(std::string_view path);

/// The rows of a group, in table order; empty where there is no such group.
std::vector<const Command*> commands_of(std::string_view group);

}  // namespace kavi::app

#pragma once

#include "../environment.hpp"
#include "arguments.hpp"

#include <set>
#include <span>

namespace kavi::app {

/// What a command accepts: its own arguments and those of every command.
struct Declared {
    Arguments own;
    Arguments global;

    const Argument* find(std::string_view flag) const;
    /// How many positional words stand before those that Argument::rest takes; absent where nothing does.
    std::optional<std::size_t> plain_before_rest() const;
    std::vector<const Argument*> options() const;
    std::vector<const Argument*> positionals() const;
};

struct Parsed {
    std::vector<std::string> positionals;  ///< the words that aren't options, in order
    std::set<const Argument*> given;       ///< the options that were given
};

/// Stores the options among `words` in what they are bound to. Throws errors::usage; its advice names
/// `command`
/// ("dns sync", or nothing).
Parsed parse_options(const Declared& declared, std::span<const std::string> words, std::string_view command);

/// Stores, for each option that wasn't given and that has a variable, the variable's value. Throws
/// errors::usage, naming the variable.
void take_from_environment(const Declared& declared, const Parsed& parsed, const Environment& environment);

/// Distributes the words that aren't options over the positional arguments. Throws errors::usage.
void store_positionals(const Declared& declared, const Parsed& parsed, std::string_view command);

}  // namespace kavi::app

#pragma once

#include "../command_table.hpp"
#include "options.hpp"
#include "words.hpp"

#include <span>
#include <string>
#include <vector>

namespace kavi::app {

/// Which command a command line means.
struct Choice {
    const Command* command = nullptr;  ///< absent: none was named, or only a group
    std::string group;                 ///< the group named, where `command` is absent
    std::vector<std::string> words;    ///< all words but the command's own
};

/// Finds the command among options that may stand before it. Throws errors::usage for a name that isn't one,
/// with the nearest that is.
Choice choose(std::span<const std::string> words);

/// The option that any command declares under that flag. Commands agree on which flags take a value.
class AnyOption {
  public:
    AnyOption() { declare(tables_.emplace_back(), unbound_); }

    AnyOption(const AnyOption&) = delete;
    AnyOption& operator=(const AnyOption&) = delete;

    const Argument* operator()(std::string_view flag);

  private:
    GlobalOptions unbound_;         // what declarations bind to; nothing is stored through them here
    std::deque<Arguments> tables_;  // the commands' are added at the first flag that isn't of every command
};

}  // namespace kavi::app

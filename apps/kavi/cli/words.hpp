#pragma once

#include "arguments.hpp"

#include <functional>
#include <span>

namespace kavi::app {

/// A word of the command line and what it is.
struct Word {
    enum class Kind {
        plain,    ///< a command, or a positional argument
        option,   ///< "-n", "--to", "--to=x", "-nq"
        value,    ///< of the option before it
        end,      ///< "--"
        literal,  ///< behind "--", or taken by an Argument::rest
    };
    Kind kind = Kind::plain;
    std::string text;
    /// Option: what it declares; the last one of a cluster of short flags. Value: the option it belongs to.
    const Argument* argument = nullptr;
    std::string unknown;       ///< option: the flag in it that nobody declares
    bool wants_value = false;  ///< option: its value is the next word
};

using FindOption = std::function<const Argument*(std::string_view flag)>;

/// Tells options, their values and other words apart. `plain_before_rest`: how many plain words stand before
/// those that are taken as they are; no limit where absent.
std::vector<Word> classify(std::span<const std::string> words,
                           const FindOption& find_option,
                           std::optional<std::size_t> plain_before_rest = std::nullopt);

}  // namespace kavi::app

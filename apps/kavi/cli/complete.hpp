#pragma once

#include "arguments.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace kavi::app {

struct Candidate {
    std::string value;
    std::string about;  ///< a few words beside it; may be empty
};

/// Where names of the estate come from; asked only when they are wanted. Never the network.
using NameSource = std::function<std::vector<Candidate>(Names kind)>;

/// Answers a shell: `words` are those behind the program's name up to the cursor, the last one (perhaps
/// empty) being completed. One candidate a line, "value TAB about"; the last line is ":N" with the bits
///   1 error (complete nothing)   2 no space behind   4 no file names   8 folders only
/// Whatever is wrong with the words, the answer is a valid one.
std::string complete(std::span<const std::string> words, const NameSource& names);

}  // namespace kavi::app

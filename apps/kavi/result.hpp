#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>

#include <string>
#include <vector>

namespace kavi::app {

/// What a command came to: one value, of which text and JSON are renderings.
struct Result {
    Exit exit = Exit::ok;
    std::string text;                          ///< for people, on standard output; whole lines
    OrderedJson data = OrderedJson::object();  ///< "data" of --json
    std::vector<Error> errors = {};            ///< what failed without ending the command
};

}  // namespace kavi::app

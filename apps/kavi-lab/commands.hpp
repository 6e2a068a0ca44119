#pragma once

#include "lab/options.hpp"

namespace kavi::lab {

/// Carries a command line out; gives the exit code.
int run_command_line(const CommandLine& line);

}  // namespace kavi::lab

#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kavi {

/// A local program to run: no shell is involved, every descriptor but 0-2 is closed.
struct Command {
    std::vector<std::string> arguments;  ///< arguments[0] is looked up in PATH
    std::string input;                   ///< what it reads on standard input
    std::optional<std::filesystem::path> folder;
    /// Added to (or replacing in) the environment; `only_environment` drops the rest.
    std::vector<std::pair<std::string, std::string>> environment;
    bool only_environment = false;
    std::optional<std::chrono::milliseconds> timeout;
};

struct Finished {
    int status = 0;  ///< exit status; 128 + n for signal n; 127 where it couldn't be started
    std::string output;
    std::string errors;
    bool timed_out = false;
};

/// Runs it to its end, or until `stop` is requested or its time is over (then SIGTERM, 2 s later SIGKILL).
Finished run_command(const Command& command, std::stop_token stop = {});

}  // namespace kavi

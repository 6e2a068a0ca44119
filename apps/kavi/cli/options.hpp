#pragma once

#include "arguments.hpp"

namespace kavi::app {

/// Options of every command.
struct GlobalOptions {
    std::optional<std::string> config;
    bool json = false;
    bool json_events = false;
    bool quiet = false;
    int verbose = 0;
    std::string color = "auto";
    std::string ci = "auto";
    bool yes = false;
    bool sealed = false;
    std::optional<std::chrono::milliseconds> timeout;
    bool help = false;
    bool version = false;
};

/// Options of every command that changes something.
struct ChangeOptions {
    bool dry_run = false;
    bool exit_code = false;
    std::optional<std::string> save_plan;
    std::optional<std::string> plan;
    std::optional<std::chrono::milliseconds> lock_wait;
    std::vector<std::string> confirm;
    bool older = false;
};

void declare(Arguments& arguments, GlobalOptions& options);
void declare(Arguments& arguments, ChangeOptions& options);

}  // namespace kavi::app

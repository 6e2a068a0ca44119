#pragma once

#include "environment.hpp"
#include "interrupts.hpp"
#include "output.hpp"

#include <kavi/base/clock.hpp>

#include <functional>
#include <span>

namespace kavi::app {

/// Facts about a standard stream, asked once in main.
struct StreamFacts {
    Sink& sink;
    bool terminal = false;
    int width = 80;
};

/// What surrounds a command line; main hands in the process's, a test its own.
struct Surroundings {
    const Environment& environment;
    Clock& clock;
    StreamFacts out, err;
    Prompt& prompt;
    std::stop_token stop;
    /// Called with --timeout before the command runs.
    std::function<void(std::chrono::milliseconds)> stop_after = [](auto) {};
    std::function<StopReason()> stop_reason = [] { return StopReason::none; };
};

/// Runs one command line from its words to what is printed, and gives back the exit code. Never throws.
Exit run_command_line(std::span<const std::string> words, const Surroundings& surroundings);

}  // namespace kavi::app

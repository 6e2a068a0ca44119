#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/process.hpp>

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace kavi::lab {

/// A failure of the lab itself: what failed, to be completed with because() and fix().
Error lab_error(std::string message);

/// Runs a program and gives its standard output; throws, with the end of what it wrote to standard error,
/// where it exits with anything but 0.
std::string run_tool(std::vector<std::string> arguments,
                     std::string input = {},
                     std::chrono::milliseconds timeout = std::chrono::minutes(2));

/// The same, asking only whether it went well.
bool tool_succeeds(std::vector<std::string> arguments,
                   std::chrono::milliseconds timeout = std::chrono::minutes(2));

/// Letters and digits, from the system's random generator.
std::string random_letters(std::size_t count);

/// Starts a program that goes on when this process ends (its own session, output appended to `log`). Gives
/// its pid.
int start_detached(const std::vector<std::string>& arguments, const std::string& log);

/// When the process was started, in clock ticks after boot; 0: there is no such process. With the pid it
/// names a process for good.
long long start_time_of(int pid);

/// Asks the process to end, waits five seconds, and kills it. Nothing happens where the pid belongs to
/// another process now.
void end_process(int pid, long long started);

}  // namespace kavi::lab

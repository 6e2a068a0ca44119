#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kavi::ops {

/// When the run began, by its name ("20261125T060000Z-4f2a"); nullopt: that is no run's name.
std::optional<std::chrono::sys_seconds> run_time(std::string_view run);

/// "2026-11-25T06:00:00Z"; nullopt: anything else.
std::optional<std::chrono::sys_seconds> parse_iso8601(std::string_view text);

}  // namespace kavi::ops

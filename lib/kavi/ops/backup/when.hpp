#pragma once

#include <kavi/ops/backup/when_zone.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Times (and sizes) as runs, manifests and people write them.
namespace kavi::ops {

/// When the run began, by its name ("20261125T060000Z-4f2a"); nullopt: that is no run's name.
std::optional<std::chrono::sys_seconds> run_time(std::string_view run);

/// "20261125T060000Z".
std::string time_stamp(std::chrono::sys_seconds time);
std::optional<std::chrono::sys_seconds> parse_time_stamp(std::string_view text);

/// "2026-11-25T06:00:00Z"; nullopt: anything else.
std::optional<std::chrono::sys_seconds> parse_iso8601(std::string_view text);

/// Which backup somebody means.
struct When {
    std::string run = {};                             ///< this one; empty: by time
    std::optional<std::chrono::sys_seconds> at = {};  ///< the newest at or before it; nullopt: the newest

    friend bool operator==(const When&, const When&) = default;
};

/// "latest", a run's name, "3h ago", "yesterday", "yesterday 18:00", "today 9:30", "18:00" (the last time
/// that it was), "2026-11-24" (all of that day), "2026-11-24 18:00", "2026-11-24T18:00:00Z"; days and times
/// without Z are the zone's. A time to the minute means all of that minute. Throws errors::usage for anything
/// else, and for the future.
When parse_when(std::string_view text, std::chrono::sys_seconds now, const TimeZone& zone);

/// "2026-11-24 18:00" in the zone.
std::string local_text(std::chrono::sys_seconds time, const TimeZone& zone);

/// "12 s", "5 min", "11 h", "3 days": how long ago.
std::string age_text(std::chrono::seconds age);

/// "0 B", "4.1 kB", "180 MB", "2.3 GB".
std::string size_text(std::uint64_t bytes);

}  // namespace kavi::ops

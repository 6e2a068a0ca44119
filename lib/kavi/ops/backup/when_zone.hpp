#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::ops {

/// A time zone of the system's (RFC 8536, "TZif"), since this C++ library has none of its own.
class TimeZone {
  public:
    /// UTC, which needs no file.
    TimeZone() = default;

    /// "America/Santiago" from the system's zoneinfo. Throws errors::config_invalid where it isn't there.
    static TimeZone load(const std::string& name);
    /// The zone in a file's bytes. Throws errors::config_invalid with `name` where they aren't one.
    static TimeZone read(std::string_view bytes, std::string_view name);

    std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;  ///< to be added to UTC

    std::chrono::local_seconds to_local(std::chrono::sys_seconds time) const {
        return std::chrono::local_seconds(time.time_since_epoch() + offset_at(time));
    }

    /// A time that clocks show twice is the first of the two; one that they skip is as late as if they
    /// hadn't.
    std::chrono::sys_seconds to_utc(std::chrono::local_seconds time) const;

  private:
    /// A day of each year, and the seconds after its midnight.
    struct YearlyMoment {
        enum class Kind { weekday_of_month, day_without_leap, day } kind = Kind::day;
        int month = 0, week = 0, day = 0;
        std::chrono::seconds time{};

        std::chrono::local_seconds in(std::chrono::year year) const;
    };

    /// What holds after the last transition in the file.
    struct Rule {
        std::chrono::seconds standard{}, summer{};
        std::optional<YearlyMoment> begins, ends;  ///< of summer time; both or none

        std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;
    };

    struct Transition {
        std::chrono::sys_seconds at;
        std::chrono::seconds offset;  ///< from then on
    };

    class RuleReader;
    class FileReader;

    std::chrono::seconds first_{};  ///< before the first transition
    std::vector<Transition> transitions_;
    std::optional<Rule> rule_;
};

}  // namespace kavi::ops

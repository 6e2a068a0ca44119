#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

using namespace std::chrono;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// A fixed form: 'd' stands for a digit, 'x' for a lower-case hex digit, anything else for itself.
bool has_form(std::string_view text, std::string_view form) {
    return std::ranges::equal(text, form, [](char c, char wanted) {
        if (wanted == 'd') return is_digit(c);
        if (wanted == 'x') return is_digit(c) || (c >= 'a' && c <= 'f');
        return c == wanted;
    });
}

int number_at(std::string_view digits, std::size_t at, std::size_t count) {
    int value = 0;
    for (const char c : digits.substr(at, count)) value = value * 10 + (c - '0');
    return value;
}

std::string digits_of(std::string_view text) {
    std::string digits;
    std::ranges::copy_if(text, std::back_inserter(digits), is_digit);
    return digits;
}

/// "20261125"; nullopt: no such day.
std::optional<year_month_day> day_of(std::string_view digits) {
    const year_month_day date{year(number_at(digits, 0, 4)),
                              month(static_cast<unsigned>(number_at(digits, 4, 2))),
                              day(static_cast<unsigned>(number_at(digits, 6, 2)))};
    // The system's clock counts nanoseconds: it can't say any year.
    const bool can_be_said = date.year() >= year(1970) && date.year() <= year(2200);
    return date.ok() && can_be_said ? std::optional(date) : std::nullopt;
}

/// "20261125060000"; nullopt: no such day or time.
std::optional<sys_seconds> time_of(std::string_view digits) {
    const auto date = day_of(digits);
    const int hour = number_at(digits, 8, 2), minute = number_at(digits, 10, 2),
              second = number_at(digits, 12, 2);
    if (!date || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return sys_seconds(sys_days(*date)) + hours(hour) + minutes(minute) + seconds(second);
}

/// The last second that a time of day means: "18:00" is all of that minute. Nullopt: it is none.
std::optional<seconds> time_of_day(std::string_view text) {
    std::string padded(text);
    if (has_form(text, "d:dd") || has_form(text, "d:dd:dd")) padded.insert(0, 1, '0');
    const bool exact = has_form(padded, "dd:dd:dd");
    if (!exact && !has_form(padded, "dd:dd")) return std::nullopt;
    const auto digits = digits_of(padded);
    const int hour = number_at(digits, 0, 2), minute = number_at(digits, 2, 2);
    const int second = exact ? number_at(digits, 4, 2) : 59;
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return hours(hour) + minutes(minute) + seconds(second);
}

/// Understands what people write of days and times.
class WhenReader {
  public:
    WhenReader(sys_seconds now, const TimeZone& zone)
        : now_(now), zone_(zone), today_(floor<days>(zone.to_local(now))) {}

    std::optional<sys_seconds> read(std::string_view text) const {
        if (const auto exact = parse_iso8601(text)) return exact;
        if (text.ends_with(" ago")) return ago(trim(text.substr(0, text.size() - 4)));
        if (const auto time = time_of_day(text)) return last_time(*time);
        const auto gap = text.find_first_of(text.size() > 10 && text[10] == 'T' ? "T" : " ");
        const auto date = day(text.substr(0, gap));
        if (!date) return std::nullopt;
        if (gap == std::string_view::npos) return std::min(whole_day(*date), std::max(now_, start_of(*date)));
        const auto time = time_of_day(trim(text.substr(gap + 1)));
        return time ? std::optional(zone_.to_utc(*date + *time)) : std::nullopt;
    }

  private:
    std::optional<sys_seconds> ago(std::string_view text) const {
        const auto duration = parse_duration(text);
        return duration ? std::optional(now_ - floor<seconds>(*duration)) : std::nullopt;
    }

    sys_seconds last_time(seconds time) const {
        const auto today = zone_.to_utc(today_ + time);
        return floor<minutes>(today) <= now_ ? std::min(today, now_) : zone_.to_utc(today_ - days(1) + time);
    }

    std::optional<local_days> day(std::string_view text) const {
        if (text == "today") return today_;
        if (text == "yesterday") return today_ - days(1);
        if (!has_form(text, "dddd-dd-dd")) return std::nullopt;
        const auto date = day_of(digits_of(text));
        return date ? std::optional(local_days(*date)) : std::nullopt;
    }

    sys_seconds start_of(local_days day) const { return zone_.to_utc(day); }

    sys_seconds whole_day(local_days day) const { return start_of(day + days(1)) - seconds(1); }

    sys_seconds now_;
    const TimeZone& zone_;
    local_days today_;
};

}  // namespace

std::optional<sys_seconds> run_time(std::string_view run) {
    if (!has_form(run, "ddddddddTddddddZ-xxxx")) return std::nullopt;
    return parse_time_stamp(run.substr(0, 16));
}

std::string time_stamp(sys_seconds time) {
    auto text = iso8601(time);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

std::optional<sys_seconds> parse_time_stamp(std::string_view text) {
    return has_form(text, "ddddddddTddddddZ") ? time_of(digits_of(text)) : std::nullopt;
}

std::optional<sys_seconds> parse_iso8601(std::string_view text) {
    return has_form(text, "dddd-dd-ddTdd:dd:ddZ") ? time_of(digits_of(text)) : std::nullopt;
}

When parse_when(std::string_view text, sys_seconds now, const TimeZone& zone) {
    text = trim(text);
    if (text == "latest") return {};
    if (run_time(text)) return {.run = std::string(text)};
    const auto at = WhenReader(now, zone).read(text);
    if (!at)
        throw Error(errors::usage, fmt::format("'{}' is no time that kavi understands", printable(text)))
            .fix(
                "write it as \"yesterday 18:00\", 2026-11-24, \"2026-11-24 18:00\", \"3h ago\", a run's "
                "name, or latest");
    if (*at > now + minutes(1))
        throw Error(
            errors::usage,
            fmt::format("'{}' is in the future: it is {} now", printable(text), local_text(now, zone)));
    return {.at = at};
}

std::string local_text(sys_seconds time, const TimeZone& zone) {
    auto text = iso8601(sys_seconds(zone.to_local(time).time_since_epoch())).substr(0, 16);
    text[10] = ' ';
    return text;
}

std::string age_text(seconds age) {
    if (age < minutes(1)) return fmt::format("{} s", std::max<std::int64_t>(age.count(), 0));
    if (age < hours(1)) return fmt::format("{} min", floor<minutes>(age).count());
    if (age < hours(48)) return fmt::format("{} h", floor<hours>(age).count());
    return fmt::format("{} days", floor<days>(age).count());
}

std::string size_text(std::uint64_t bytes) {
    if (bytes < 1000) return fmt::format("{} B", bytes);
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    constexpr std::string_view units[] = {"B", "kB", "MB", "GB", "TB"};
    for (; size >= 999.5 && unit + 1 < std::size(units); ++unit) size /= 1000;
    return fmt::format("{:.{}f} {}", size, size < 9.95 ? 1 : 0, units[unit]);
}

}  // namespace kavi::ops

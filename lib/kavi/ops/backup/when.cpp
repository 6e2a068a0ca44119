#include <kavi/ops/backup/when.hpp>

#include <algorithm>

namespace kavi::ops {

namespace {

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

/// "20261125060000"; nullopt: no such day or time.
std::optional<std::chrono::sys_seconds> time_of(std::string_view digits) {
    using namespace std::chrono;
    const year_month_day date{year(number_at(digits, 0, 4)),
                              month(static_cast<unsigned>(number_at(digits, 4, 2))),
                              day(static_cast<unsigned>(number_at(digits, 6, 2)))};
    const int hour = number_at(digits, 8, 2), minute = number_at(digits, 10, 2),
              second = number_at(digits, 12, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return sys_seconds(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second);
}

std::string digits_of(std::string_view text) {
    std::string digits;
    std::ranges::copy_if(text, std::back_inserter(digits), is_digit);
    return digits;
}

}  // namespace

std::optional<std::chrono::sys_seconds> run_time(std::string_view run) {
    if (!has_form(run, "ddddddddTddddddZ-xxxx")) return std::nullopt;
    return time_of(digits_of(run.substr(0, 16)));
}

std::optional<std::chrono::sys_seconds> parse_iso8601(std::string_view text) {
    if (!has_form(text, "dddd-dd-ddTdd:dd:ddZ")) return std::nullopt;
    return time_of(digits_of(text));
}

}  // namespace kavi::ops

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/when_zone.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::ops {

namespace {

using namespace std::chrono;

constexpr std::string_view zoneinfo = "/usr/share/zoneinfo/";

/// Thrown inside this file only: the bytes aren't a zone.
struct Malformed {};

bool is_zone_name(std::string_view name) {
    return !name.empty() && name.front() != '/' && name.find("..") == std::string_view::npos &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("_+-/").find(c) != std::string_view::npos;
           });
}

}  // namespace

/// Reads the text behind a file's transitions: "<-04>4<-03>,M9.1.6/24,M4.1.6/24" (POSIX, TZ).
class TimeZone::RuleReader {
  public:
    explicit RuleReader(std::string_view text) : rest_(text) {}

    Rule read() {
        Rule rule;
        name();
        rule.standard = rule.summer = -clock_time();
        if (rest_.empty()) return rule;
        name();
        rule.summer = rest_.empty() || rest_.front() == ',' ? rule.standard + hours(1) : -clock_time();
        rule.begins = moment();
        rule.ends = moment();
        if (!rest_.empty()) throw Malformed();
        return rule;
    }

  private:
    char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

    bool take(char c) {
        if (peek() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    void need(char c) {
        if (!take(c)) throw Malformed();
    }

    void name() {
        const bool quoted = take('<');
        const auto ends = [&](char c) {
            return quoted ? c == '>' : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
        };
        const auto end = std::ranges::find_if(rest_, ends);
        if (end == rest_.begin()) throw Malformed();
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
        if (quoted) need('>');
    }

    int number(int most) {
        int value = 0, digits = 0;
        for (; peek() >= '0' && peek() <= '9'; rest_.remove_prefix(1), ++digits) {
            value = value * 10 + (peek() - '0');
            if (value > most) throw Malformed();
        }
        if (digits == 0) throw Malformed();
        return value;
    }

    /// "[+-]hh[:mm[:ss]]"
    seconds clock_time() {
        const bool negative = take('-');
        if (!negative) take('+');
        seconds time = hours(number(167));
        if (take(':')) time += minutes(number(59));
        if (take(':')) time += seconds(number(59));
        return negative ? -time : time;
    }

    YearlyMoment moment() {
        need(',');
        YearlyMoment moment{.time = hours(2)};
        if (take('M')) {
            moment.kind = YearlyMoment::Kind::weekday_of_month;
            moment.month = number(12), need('.');
            moment.week = number(5), need('.');
            moment.day = number(6);
            if (moment.month < 1 || moment.week < 1) throw Malformed();
        } else {
            moment.kind = take('J') ? YearlyMoment::Kind::day_without_leap : YearlyMoment::Kind::day;
            moment.day = number(365);
        }
        if (take('/')) moment.time = clock_time();
        return moment;
    }

    std::string_view rest_;
};

local_seconds TimeZone::YearlyMoment::in(year of) const {
    const local_days first(of / January / 1);
    switch (kind) {
        case Kind::weekday_of_month: {
            const auto in_month = of / std::chrono::month(static_cast<unsigned>(month));
            const weekday wanted(static_cast<unsigned>(day));
            const local_days date = week == 5 ? local_days(in_month / wanted[last])
                                              : local_days(in_month / wanted[static_cast<unsigned>(week)]);
            return date + time;
        }
        case Kind::day_without_leap: {
            const bool behind_leap_day = of.is_leap() && day >= 60;
            return first + days(day - 1 + (behind_leap_day ? 1 : 0)) + time;
        }
        case Kind::day:
            break;
    }
    return first + days(day) + time;
}

seconds TimeZone::Rule::offset_at(sys_seconds time) const {
    if (!begins) return standard;
    const auto middle = year_month_day(floor<days>(time)).year();
    std::vector<Transition> around;
    for (auto year = middle - years(1); year <= middle + years(1); ++year) {
        around.push_back({sys_seconds(begins->in(year).time_since_epoch() - standard), summer});
        around.push_back({sys_seconds(ends->in(year).time_since_epoch() - summer), standard});
    }
    std::ranges::stable_sort(around, {}, &Transition::at);
    auto offset = standard;
    for (const auto& transition : around)
        if (transition.at <= time) offset = transition.offset;
    return offset;
}

/// Reads a TZif file of version 2 or later (all that there are since 2005): its second, 64-bit half.
class TimeZone::FileReader {
  public:
    explicit FileReader(std::string_view bytes) : rest_(bytes) {}

    TimeZone read() {
        const auto first = header();
        take(first.size(4));
        const auto counts = header();
        TimeZone zone;
        const auto times = take(counts.times * 8), types_of = take(counts.times),
                   types = take(counts.types * 6);
        take(counts.characters + counts.leaps * 12 + counts.standards + counts.utcs);
        if (counts.types == 0) throw Malformed();
        zone.first_ = offset(types, 0);
        for (std::size_t i = 0; i < counts.times; ++i)
            zone.transitions_.push_back(
                {sys_seconds(seconds(static_cast<std::int64_t>(number(times.substr(i * 8, 8))))),
                 offset(types, static_cast<unsigned char>(types_of[i]))});
        if (!std::ranges::is_sorted(zone.transitions_, {}, &Transition::at)) throw Malformed();
        zone.rule_ = footer();
        return zone;
    }

  private:
    struct Counts {
        std::size_t utcs, standards, leaps, times, types, characters;

        std::size_t size(std::size_t time_size) const {
            return times * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) + standards +
                   utcs;
        }
    };

    static std::uint64_t number(std::string_view big_endian) {
        std::uint64_t value = 0;
        for (const unsigned char byte : big_endian) value = (value << 8) | byte;
        return value;
    }

    static seconds offset(std::string_view types, std::size_t index) {
        if (index * 6 + 6 > types.size()) throw Malformed();
        return seconds(static_cast<std::int32_t>(number(types.substr(index * 6, 4))));
    }

    std::string_view take(std::size_t count) {
        if (count > rest_.size()) throw Malformed();
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    Counts header() {
        if (take(4) != "TZif" || take(1) < "2") throw Malformed();
        take(15);
        std::array<std::size_t, 6> counts{};
        for (auto& count : counts) count = static_cast<std::size_t>(number(take(4)));
        return {counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    }

    std::optional<Rule> footer() {
        if (take(1) != "\n") throw Malformed();
        const auto text = take(std::min(rest_.find('\n'), rest_.size()));
        if (take(1) != "\n") throw Malformed();
        if (text.empty()) return std::nullopt;
        return RuleReader(text).read();
    }

    std::string_view rest_;
};

TimeZone TimeZone::load(const std::string& name) {
    if (name == "UTC") return {};
    const auto bytes = is_zone_name(name) ? read_file_if_there(std::string(zoneinfo) + name) : std::nullopt;
    if (!bytes)
        throw Error(errors::config_invalid,
                    fmt::format("this machine doesn't know the time zone {}", printable(name)))
            .because(fmt::format("there is no {}{}", zoneinfo, printable(name)))
            .fix("install the package tzdata, or mend \"timezone\" in kavi.toml");
    return read(*bytes, name);
}

TimeZone TimeZone::read(std::string_view bytes, std::string_view name) {
    try {
        return FileReader(bytes).read();
    } catch (const Malformed&) {
        throw Error(errors::config_invalid,
                    fmt::format("this machine's file of the time zone {} is damaged", name))
            .fix("install the package tzdata anew");
    }
}

seconds TimeZone::offset_at(sys_seconds time) const {
    const auto next = std::ranges::upper_bound(transitions_, time, {}, &Transition::at);
    if (next == transitions_.end() && rule_) return rule_->offset_at(time);
    return next == transitions_.begin() ? first_ : std::prev(next)->offset;
}

sys_seconds TimeZone::to_utc(local_seconds time) const {
    const sys_seconds as_utc(time.time_since_epoch());
    const auto before = offset_at(as_utc - days(1)), after = offset_at(as_utc + days(1));
    for (const auto offset : {std::max(before, after), std::min(before, after)})
        if (offset_at(as_utc - offset) == offset) return as_utc - offset;
    return as_utc - before;
}

}  // namespace kavi::ops

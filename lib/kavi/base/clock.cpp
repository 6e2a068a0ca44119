#include <kavi/base/clock.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>

namespace kavi {

std::chrono::system_clock::time_point SystemClock::now() const {
    return std::chrono::system_clock::now();
}

std::chrono::steady_clock::time_point SystemClock::steady() const {
    return std::chrono::steady_clock::now();
}

void SystemClock::sleep_for(std::chrono::milliseconds duration, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any condition;
    std::unique_lock lock(mutex);
    condition.wait_for(lock, std::move(stop), duration, [] { return false; });
}

std::string iso8601(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[32];
    const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, length};
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t milliseconds;
    };

    static constexpr std::array units{
        Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};
    constexpr std::int64_t longest = std::int64_t{100} * 365 * 86'400'000;

    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    auto allowed = units.begin();
    while (!text.empty()) {
        std::int64_t number = 0;
        const auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc() || number < 0) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
        const auto name = text.substr(0, text.find_first_of("0123456789"));
        const auto unit = std::find_if(allowed, units.end(), [&](const Unit& u) { return u.name == name; });
        if (unit == units.end() || number > longest / unit->milliseconds) return std::nullopt;
        total += number * unit->milliseconds;
        if (total > longest) return std::nullopt;
        allowed = unit + 1;
        text.remove_prefix(name.size());
    }
    return std::chrono::milliseconds(total);
}

}  // namespace kavi

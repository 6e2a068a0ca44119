#include "status.hpp"

#include "plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::app {

namespace {

Tone tone_of(ops::Verdict verdict) {
    constexpr std::array tones{Tone::good, Tone::warn, Tone::bad, Tone::warn};
    return tones[static_cast<std::size_t>(verdict)];
}

std::string check_line(const ops::Check& check, const Stream& stream) {
    const auto word = paint(tone_of(check.verdict), pad(ops::name_of(check.verdict), 9), stream.colour);
    auto text = check.text;
    if (!check.next.empty()) text += "    " + check.next;
    if (stream.terminal) text = cut(text, std::max(20, stream.width - 33));
    return fmt::format("  {} {} {}\n", word, pad(cut(check.name, 20), 20), text);
}

std::string counts_text(const ops::StatusReport& report) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kinds{
        {{"server", "servers"}, {"service", "services"}, {"domain", "domains"}, {"storage", "storage"}}};
    std::string text;
    for (const auto& [kind, plural] : kinds) {
        if (const auto count = report.count(kind); count > 0)
            text += fmt::format("{}{} {}/{}", text.empty() ? "" : " · ", plural, report.good(kind), count);
    }
    // A backup that is too old is no good one.
    if (const auto count = report.count("backup"); count > 0)
        text += fmt::format(" · backups {}/{}", report.well("backup"), count);
    return text;
}

}  // namespace

std::string status_text(const ops::StatusReport& report,
                        bool all,
                        std::chrono::milliseconds took,
                        std::string_view clock_time,
                        const Stream& stream) {
    const auto worst = report.worst();
    const auto well = std::ranges::count(report.checks, ops::Verdict::ok, &ops::Check::verdict);
    auto text = fmt::format("{} · {} · {} of {} checks well, in {}\n",
                            paint(tone_of(worst), ops::name_of(worst), stream.colour),
                            clock_time,
                            well,
                            report.checks.size(),
                            duration_text(took));
    for (const auto verdict : {ops::Verdict::down, ops::Verdict::unknown, ops::Verdict::degraded, ops::Verdict::ok})
        for (const auto& check : report.checks)
            if (check.verdict == verdict && (all || verdict != ops::Verdict::ok)) text += check_line(check, stream);
    return text + fmt::format("\n  {}\n", counts_text(report));
}

}  // namespace kavi::app

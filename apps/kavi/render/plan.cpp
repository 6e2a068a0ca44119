#include "plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

namespace {

struct Row {
    std::string sign, subject, reason, effect;
    Tone tone;
};

Row row_of(const plan::Action& action) {
    const auto sign = [&]() -> std::pair<const char*, Tone> {
        switch (action.verb) {
            case plan::Verb::create: return {"+", Tone::good};
            case plan::Verb::update: return {"~", Tone::warn};
            case plan::Verb::replace: return {"±", Tone::warn};
            case plan::Verb::remove: return {"-", Tone::bad};
            case plan::Verb::run: return {"!", Tone::plain};
        }
        return {"!", Tone::plain};
    }();
    return {sign.first, action.subject, action.reason, action.effect, action.destroys ? Tone::bad : sign.second};
}

int widest(const std::vector<Row>& rows, std::string Row::*column, int limit) {
    int width = 0;
    for (const auto& row : rows) width = std::max(width, display_width(row.*column));
    return std::min(width, limit);
}

std::string trimmed_right(std::string line) {
    while (line.ends_with(' ')) line.pop_back();
    return line;
}

std::string group_text(std::string_view name, const std::vector<Row>& rows, const Stream& stream) {
    const auto subject = widest(rows, &Row::subject, 26), reason = widest(rows, &Row::reason, 44);
    auto text = fmt::format("  {}\n", paint(Tone::bold, name, stream.colour));
    for (const auto& row : rows) {
        auto line = trimmed_right(
            fmt::format("{}  {}  {}", pad(row.subject, subject), pad(row.reason, reason), row.effect));
        if (stream.terminal) line = cut(line, stream.width - 6);
        text += fmt::format("    {} {}\n", paint(row.tone, row.sign, stream.colour), line);
    }
    return text;
}

std::string count_text(std::size_t count) {
    return count == 1 ? "1 change" : fmt::format("{} changes", count);
}

std::string destroys_text(const plan::Plan& plan) {
    std::string names;
    for (const auto& action : plan.actions)
        if (action.destroys) names += (names.empty() ? "destroys " : ", ") + action.subject;
    return names.empty() ? "nothing destroyed" : names;
}

}  // namespace

std::string plan_text(const plan::Plan& plan, const Stream& stream) {
    std::vector<std::string> order;
    std::map<std::string, std::vector<Row>> groups;
    for (const auto& action : plan.actions) {
        if (!groups.contains(action.group)) order.push_back(action.group);
        groups[action.group].push_back(row_of(action));
    }
    std::string text;
    for (const auto& name : order) text += group_text(name, groups[name], stream);
    if (const auto same = unchanged_text(plan); !same.empty()) text += fmt::format("  unchanged: {}\n", same);
    for (const auto& note : plan.notes)
        text += fmt::format("  {}\n", wrap("note: " + note, stream.terminal ? stream.width - 2 : 100, 8));
    return text + fmt::format("\n  plan {}  {}, {}\n", short_digest(plan::digest(plan)), count_text(plan.actions.size()), destroys_text(plan));
}

std::string unchanged_text(const plan::Plan& plan) {
    std::string text;
    for (const auto& [what, count] : plan.unchanged) {
        if (count == 0) continue;
        const auto plural = count == 1 || what.ends_with("s") ? "" : "s";
        text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", count, what, plural);
    }
    return text;
}

std::string short_digest(std::string_view digest) {
    const auto hex = digest.substr(digest.find(':') + 1);
    return hex.size() < 8 ? std::string(hex) : fmt::format("{}…{}", hex.substr(0, 4), hex.substr(hex.size() - 2));
}

std::string duration_text(std::chrono::milliseconds duration) {
    const auto tenths = (duration.count() + 50) / 100;
    if (tenths < 100) return fmt::format("{}.{} s", tenths / 10, tenths % 10);
    const auto seconds = (duration.count() + 500) / 1000;
    return seconds < 60 ? fmt::format("{} s", seconds) : fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

}  // namespace kavi::app

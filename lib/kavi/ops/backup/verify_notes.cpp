#include <kavi/ops/backup/verify_notes.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

/// Takes a piece with its dot off the front; nullopt: there is none.
std::optional<std::string_view> take(std::string_view& rest) {
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto piece = rest.substr(0, dot);
    rest.remove_prefix(dot + 1);
    return piece;
}

std::optional<int> level_of(std::string_view text) {
    if (text.size() != 6 || !text.starts_with("level") || text[5] < '0' || text[5] > '3') return std::nullopt;
    return text[5] - '0';
}

}  // namespace

std::string note_file(const VerifiedNote& note) {
    return fmt::format("verified/{}.{}.level{}.{}.{}.json",
                       time_stamp(note.at),
                       note.run,
                       note.level,
                       note.ok ? "ok" : "failed",
                       note.item);
}

std::optional<VerifiedNote> parse_note_file(std::string_view file) {
    constexpr std::string_view folder = "verified/", ending = ".json";
    if (!file.starts_with(folder) || !file.ends_with(ending)) return std::nullopt;
    file.remove_prefix(folder.size());
    const auto stamp = take(file), run = take(file), level = take(file), verdict = take(file);
    if (!verdict || file.size() <= ending.size()) return std::nullopt;
    const auto at = parse_time_stamp(*stamp);
    const auto number = level_of(*level);
    if (!at || !number || !run_time(*run) || (*verdict != "ok" && *verdict != "failed")) return std::nullopt;
    file.remove_suffix(ending.size());
    return VerifiedNote{.run = std::string(*run),
                        .item = std::string(file),
                        .level = *number,
                        .ok = *verdict == "ok",
                        .at = *at};
}

}  // namespace kavi::ops

#include <kavi/base/text.hpp>
#include <kavi/model/problem.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace kavi::model {

namespace {

constexpr int shown_width = 100;

bool starts_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

int code_points(std::string_view text) {
    return static_cast<int>(std::ranges::count_if(text, starts_code_point));
}

/// The byte at which the code point of that index (from 0) begins; the text's size where there are fewer.
std::size_t byte_of(std::string_view text, int index) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (starts_code_point(text[i]) && index-- == 0) return i;
    return text.size();
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Letters, digits and what base64, identifiers and paths are made of.
bool in_word(char c) {
    return is_letter(c) || is_digit(c) || std::string_view("+/_-.=").find(c) != std::string_view::npos;
}

bool is_uuid(std::string_view word) {
    if (word.size() != 36) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (word[i] == '-')) return false;
    }
    return true;
}

/// Public by their nature: paths, names with dots, SSH's public keys, age's recipients, UUIDs.
bool is_public(std::string_view word) {
    return word.starts_with('/') || word.starts_with("AAAA") || word.starts_with("age1") || is_uuid(word) ||
           word.find('.') != std::string_view::npos;
}

bool has_known_prefix(std::string_view word) {
    constexpr std::array prefixes{"AGE-SECRET-KEY-",
                                  "eyJ",
                                  "ghp_",
                                  "gho_",
                                  "ghs_",
                                  "github_pat_",
                                  "glpat-",
                                  "AKIA",
                                  "xoxb-",
                                  "xoxp-",
                                  "sk_live_",
                                  "sk-",
                                  "hvs.",
                                  "dop_v1_",
                                  "st."};
    return word.size() >= 20 &&
           std::ranges::any_of(prefixes, [&](auto prefix) { return word.starts_with(prefix); });
}

bool is_hexadecimal(std::string_view word) {
    return word.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// Text without a meaning to people: long, with letters of both cases and digits, or hexadecimal.
bool is_random(std::string_view word) {
    if (word.size() < 32) return false;
    const auto digits = std::ranges::count_if(word, is_digit);
    const auto upper = std::ranges::count_if(word, [](char c) { return c >= 'A' && c <= 'Z'; });
    const auto all_letters = std::ranges::count_if(word, is_letter);
    return digits >= 3 &&
           ((upper >= 3 && all_letters - upper >= 3) || (is_hexadecimal(word) && all_letters >= 3));
}

bool is_token(std::string_view word, std::string_view before) {
    if (has_known_prefix(word)) return true;
    const auto digest = lower(before);
    return is_random(word) && !is_public(word) && !digest.ends_with("sha256:");
}

/// Calls `visit(word, what stands before it)` for each run of word characters.
template <typename Visit>
void each_word(std::string_view text, Visit visit) {
    for (std::size_t start = 0; start < text.size();) {
        const auto first =
            std::find_if(text.begin() + static_cast<std::ptrdiff_t>(start), text.end(), in_word);
        const auto last = std::find_if_not(first, text.end(), in_word);
        const auto at = static_cast<std::size_t>(first - text.begin());
        const auto size = static_cast<std::size_t>(last - first);
        if (size > 0) visit(text.substr(at, size), text.substr(0, at));
        start = at + size + 1;
    }
}

/// The line as it may be shown: credentials blotted out, control characters as blanks. No column moves.
std::string blotted(std::string_view line) {
    std::string shown(line);
    each_word(line, [&](std::string_view word, std::string_view before) {
        if (is_token(word, before))
            std::fill_n(shown.begin() + static_cast<std::ptrdiff_t>(before.size()), word.size(), '*');
    });
    std::ranges::replace_if(
        shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return shown;
}

std::string plural(std::ptrdiff_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string carets(const Problem& problem) {
    const auto indent = static_cast<std::size_t>(std::max(problem.column - problem.source_column, 0));
    return std::string(indent, ' ') + std::string(static_cast<std::size_t>(std::max(problem.width, 1)), '^');
}

}  // namespace

int Problems::add_source(std::string path, std::string text) {
    Source source{std::move(path), std::move(text), {0}};
    for (std::size_t i = 0; i < source.text.size(); ++i)
        if (source.text[i] == '\n') source.line_starts.push_back(i + 1);
    sources_.push_back(std::move(source));
    return static_cast<int>(sources_.size()) - 1;
}

void Problems::add(const Position& at, Problem::Severity severity, std::string message, std::string hint) {
    found_.push_back({at,
                      {.severity = severity,
                       .file = at.file >= 0 ? path(at.file) : "",
                       .line = at.line,
                       .column = at.column,
                       .width = at.width,
                       .message = printable(message),
                       .hint = printable(hint)}});
}

void Problems::error(const Position& at, std::string message, std::string hint) {
    add(at, Problem::Severity::error, std::move(message), std::move(hint));
}

void Problems::warning(const Position& at, std::string message, std::string hint) {
    add(at, Problem::Severity::warning, std::move(message), std::move(hint));
}

void Problems::error_hiding(const Position& at, std::string message, std::string hint) {
    hidden_.push_back(at);
    error(at, std::move(message), std::move(hint));
}

bool Problems::any_error() const {
    return std::ranges::any_of(
        found_, [](const auto& found) { return found.problem.severity == Problem::Severity::error; });
}

std::string_view Problems::line_of(const Position& at) const {
    if (at.file < 0 || at.line < 1) return {};
    const auto& source = sources_.at(static_cast<std::size_t>(at.file));
    const auto index = static_cast<std::size_t>(at.line - 1);
    if (index >= source.line_starts.size()) return {};
    const auto start = source.line_starts[index];
    const auto line = std::string_view(source.text).substr(start, source.text.find('\n', start) - start);
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

void Problems::show_source(const Position& at, Problem& problem) const {
    auto line = blotted(line_of(at));
    const auto cut_at = [&](int column) { line.resize(byte_of(line, column - 1)); };
    for (const auto& hidden : hidden_)
        if (hidden.file == at.file && hidden.line == at.line && hidden.column <= code_points(line)) {
            cut_at(hidden.column);
            line += "…";
        }
    problem.source_column = 1;
    const auto skip = [&](int count) {
        line.erase(0, byte_of(line, count));
        problem.source_column += count;
    };
    skip(std::min(static_cast<int>(std::min(line.find_first_not_of(' '), line.size())), at.column - 1));
    if (at.column - problem.source_column > shown_width / 2)
        skip(at.column - problem.source_column - shown_width / 4);
    if (code_points(line) > shown_width) {
        line.resize(byte_of(line, shown_width - 1));
        line += "…";
    }
    while (line.ends_with(' ')) line.pop_back();
    const auto room = problem.source_column + code_points(line) - problem.column;
    problem.width = std::clamp(problem.width, 1, std::max(room, 1));
    problem.source = std::move(line);
}

std::vector<Problem> Problems::sorted() const {
    auto found = found_;
    std::ranges::stable_sort(
        found, {}, [](const Found& one) { return std::tuple(one.at.file, one.at.line, one.at.column); });
    std::vector<Problem> problems;
    for (auto& [at, problem] : found) {
        if (at.line > 0) show_source(at, problem);
        problems.push_back(std::move(problem));
    }
    return problems;
}

std::string render_problem(const Problem& problem) {
    std::string place = problem.file;
    if (problem.line > 0) place += fmt::format(":{}:{}", problem.line, problem.column);
    const auto warning = problem.severity == Problem::Severity::warning ? "warning: " : "";
    auto text = fmt::format("{}{}{}{}\n", place, place.empty() ? "" : ": ", warning, problem.message);
    if (problem.source.empty())
        return problem.hint.empty() ? text : text + fmt::format("     {}\n", problem.hint);
    text += fmt::format("{:>5} | {}\n", problem.line, problem.source);
    return text +
           fmt::format("      | {}{}{}\n", carets(problem), problem.hint.empty() ? "" : " ", problem.hint);
}

std::string render_problems(std::span<const Problem> problems) {
    std::string text;
    for (const auto& problem : problems) text += render_problem(problem);
    const auto warnings = std::ranges::count(problems, Problem::Severity::warning, &Problem::severity);
    const auto errors = std::ssize(problems) - warnings;
    if (errors > 0) text += plural(errors, "problem");
    if (warnings > 0) text += fmt::format("{}{}", errors > 0 ? ", " : "", plural(warnings, "warning"));
    return problems.empty() ? text : text + '\n';
}

OrderedJson problems_json(std::span<const Problem> problems) {
    auto list = OrderedJson::array();
    for (const auto& problem : problems)
        list.push_back({{"severity", problem.severity == Problem::Severity::error ? "error" : "warning"},
                        {"file", problem.file},
                        {"line", problem.line},
                        {"column", problem.column},
                        {"message", problem.message},
                        {"hint", problem.hint}});
    return list;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
    const auto meant = nearest(word, candidates);
    return meant ? fmt::format("did you mean \"{}\"?", *meant) : "";
}

bool looks_like_token(std::string_view text) {
    if (text.find("PRIVATE KEY-----") != std::string_view::npos) return true;
    bool found = false;
    each_word(text, [&](std::string_view word, std::string_view before) {
        found = found || is_token(word, before);
    });
    return found;
}

}  // namespace kavi::model

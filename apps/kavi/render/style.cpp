#include "style.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace kavi::app {

std::string paint(Tone tone, std::string_view text, bool colour) {
    if (!colour || tone == Tone::plain || text.empty()) return std::string(text);
    constexpr std::array codes{"", "32", "31", "33", "2", "1"};
    return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(tone)], text);
}

namespace {

using Range = std::pair<char32_t, char32_t>;

constexpr std::array no_width{Range{0x0300, 0x036f},
                              Range{0x0483, 0x0489},
                              Range{0x0591, 0x05bd},
                              Range{0x064b, 0x065f},
                              Range{0x1ab0, 0x1aff},
                              Range{0x1dc0, 0x1dff},
                              Range{0x200b, 0x200f},
                              Range{0x20d0, 0x20ff},
                              Range{0xfe00, 0xfe0f},
                              Range{0xfe20, 0xfe2f}};
constexpr std::array two_wide{Range{0x1100, 0x115f},
                              Range{0x2e80, 0x303e},
                              Range{0x3041, 0x33ff},
                              Range{0x3400, 0x4dbf},
                              Range{0x4e00, 0x9fff},
                              Range{0xa000, 0xa4cf},
                              Range{0xac00, 0xd7a3},
                              Range{0xf900, 0xfaff},
                              Range{0xfe30, 0xfe4f},
                              Range{0xff00, 0xff60},
                              Range{0xffe0, 0xffe6},
                              Range{0x1f300, 0x1f64f},
                              Range{0x1f680, 0x1f6ff},
                              Range{0x1f900, 0x1f9ff},
                              Range{0x20000, 0x3fffd}};

bool within(std::span<const Range> ranges, char32_t c) {
    return std::ranges::any_of(ranges,
                               [&](const Range& range) { return c >= range.first && c <= range.second; });
}

int width_of(char32_t c) {
    if (c < 0x300) return 1;
    if (within(no_width, c)) return 0;
    return within(two_wide, c) ? 2 : 1;
}

struct Character {
    std::size_t bytes;
    int width;
};

/// The character at the start; a byte that is no UTF-8 counts as one column.
Character first_character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0xc0 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (length == 1 || length > text.size()) return {1, 1};
    char32_t point = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i)
        point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
    return {length, width_of(point)};
}

}  // namespace

int display_width(std::string_view utf8) {
    int width = 0;
    while (!utf8.empty()) {
        const auto character = first_character(utf8);
        width += character.width;
        utf8.remove_prefix(character.bytes);
    }
    return width;
}

std::string cut(std::string_view utf8, int width) {
    if (width < 1) return {};
    if (display_width(utf8) <= width) return std::string(utf8);
    std::size_t bytes = 0;
    int used = 0;
    while (bytes < utf8.size()) {
        const auto character = first_character(utf8.substr(bytes));
        if (used + character.width > width - 1) break;
        used += character.width;
        bytes += character.bytes;
    }
    return std::string(utf8.substr(0, bytes)) + "…";
}

std::string pad(std::string_view utf8, int width) {
    const auto missing = std::max(0, width - display_width(utf8));
    return std::string(utf8) + std::string(static_cast<std::size_t>(missing), ' ');
}

std::string wrap(std::string_view text, int width, int indent) {
    std::string result;
    int column = 0;
    while (!text.empty()) {
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (word.empty()) continue;
        const auto needed = display_width(word);
        if (!result.empty() && column + 1 + needed > width) {
            result += '\n' + std::string(static_cast<std::size_t>(indent), ' ');
            column = indent;
        } else if (!result.empty()) {
            result += ' ';
            ++column;
        }
        result += word;
        column += needed;
    }
    return result;
}

}  // namespace kavi::app

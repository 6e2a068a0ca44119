#include "names.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>
#include <vector>

namespace kavi::lab::cloudflare {
namespace {

/// Lower case for the scripts in which domain names are usually written.
char32_t lower_case(char32_t c) {
    if (c < 0x80) return static_cast<char32_t>(std::tolower(static_cast<int>(c)));
    const bool latin = c >= 0xC0 && c <= 0xDE && c != 0xD7;
    const bool greek = c >= 0x391 && c <= 0x3A9;
    const bool cyrillic = c >= 0x410 && c <= 0x42F;
    if (latin || greek || cyrillic) return c + 0x20;
    const bool latin_extended = c >= 0x100 && c <= 0x137;
    return latin_extended && c % 2 == 0 ? c + 1 : c;
}

std::optional<std::u32string> decode_utf8(std::string_view text) {
    std::u32string decoded;
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        const std::size_t length = first < 0x80       ? 1
                                   : first >> 5 == 6  ? 2
                                   : first >> 4 == 14 ? 3
                                   : first >> 3 == 30 ? 4
                                                      : 0;
        if (length == 0 || i + length > text.size()) return std::nullopt;
        char32_t c = length == 1 ? first : first & (0xFFU >> (length + 1));
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if (next >> 6 != 2) return std::nullopt;
            c = (c << 6) | (next & 0x3F);
        }
        decoded += lower_case(c);
        i += length;
    }
    return decoded;
}

// The parameters of RFC 3492, section 5.
constexpr std::uint32_t base = 36, t_min = 1, t_max = 26, skew = 38, damp = 700, initial_bias = 72,
                        initial_n = 128;

std::uint32_t adapt(std::uint32_t delta, std::uint32_t points, bool first) {
    delta = first ? delta / damp : delta / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    for (; delta > ((base - t_min) * t_max) / 2; k += base) delta /= base - t_min;
    return k + (base - t_min + 1) * delta / (delta + skew);
}

char digit(std::uint32_t value) {
    return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

void append_number(std::string& out, std::uint32_t number, std::uint32_t bias) {
    for (std::uint32_t k = base;; k += base) {
        const std::uint32_t t = k <= bias ? t_min : k >= bias + t_max ? t_max : k - bias;
        if (number < t) break;
        out += digit(t + (number - t) % (base - t));
        number = (number - t) / (base - t);
    }
    out += digit(number);
}

std::string punycode(const std::u32string& label) {
    std::string out;
    for (const auto c : label)
        if (c < 0x80) out += static_cast<char>(c);
    const auto basic = static_cast<std::uint32_t>(out.size());
    if (basic > 0) out += '-';
    std::uint32_t n = initial_n, delta = 0, bias = initial_bias, done = basic;
    while (done < label.size()) {
        char32_t next = std::numeric_limits<char32_t>::max();
        for (const auto c : label)
            if (c >= n) next = std::min(next, c);
        delta += (static_cast<std::uint32_t>(next) - n) * (done + 1);
        n = static_cast<std::uint32_t>(next);
        for (const auto c : label) {
            if (c < n) ++delta;
            if (c != n) continue;
            append_number(out, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            ++done;
        }
        ++delta;
        ++n;
    }
    return out;
}

bool is_label(std::string_view label) {
    const auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    };
    return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, allowed);
}

}  // namespace

std::optional<std::string> ascii_label(std::string_view label) {
    const auto decoded = decode_utf8(label);
    if (!decoded) return std::nullopt;
    const bool ascii = std::ranges::all_of(*decoded, [](char32_t c) { return c < 0x80; });
    if (ascii) return lower(label);
    return "xn--" + punycode(*decoded);
}

std::optional<std::string> normal_host(std::string_view text) {
    if (text == ".") return std::string(text);
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty()) return std::nullopt;
    std::string host;
    for (const auto& part : split(text, '.')) {
        const auto label = ascii_label(part);
        const bool wildcard = host.empty() && part == "*";
        if (!label || (!wildcard && !is_label(*label))) return std::nullopt;
        host += (host.empty() ? "" : ".") + *label;
    }
    if (host.size() > 253) return std::nullopt;
    return host;
}

std::optional<std::string> normal_name(std::string_view text, const std::string& zone) {
    if (text == "@") return zone;
    if (text == ".") return std::nullopt;
    const auto name = normal_host(text);
    if (!name) return std::nullopt;
    const bool inside = *name == zone || name->ends_with("." + zone);
    if (inside) return name;
    const auto full = *name + "." + zone;
    if (full.size() > 253) return std::nullopt;
    return full;
}

}  // namespace kavi::lab::cloudflare

#include "record_text.hpp"

#include <kavi/model/record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace kavi::model {
namespace {

constexpr std::size_t longest_string = 255;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

unsigned char byte_of(char c) {
    return static_cast<unsigned char>(c);
}

/// How many bytes follow a first byte of UTF-8; nullopt: it can't be a first one.
std::optional<std::size_t> followers(unsigned char first) {
    if (first < 0x80) return 0;
    if (first >= 0xC2 && first <= 0xDF) return 1;
    if ((first & 0xF0U) == 0xE0) return 2;
    if (first >= 0xF0 && first <= 0xF4) return 3;
    return std::nullopt;
}

bool is_well_formed(std::string_view letter) {
    const auto first = byte_of(letter[0]);
    const auto second = letter.size() > 1 ? byte_of(letter[1]) : 0x80U;
    if (first == 0xE0 && second < 0xA0) return false;  // overlong
    if (first == 0xED && second > 0x9F) return false;  // surrogates
    if (first == 0xF0 && second < 0x90) return false;
    if (first == 0xF4 && second > 0x8F) return false;
    return std::ranges::all_of(letter.substr(1), [](char c) { return (byte_of(c) & 0xC0U) == 0x80; });
}

}  // namespace

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto more = followers(byte_of(text[i]));
        if (!more || i + *more >= text.size() || !is_well_formed(text.substr(i, *more + 1))) return false;
        i += *more + 1;
    }
    return true;
}

bool take_escape(std::string_view text, std::size_t& at, std::string& bytes) {
    if (at + 1 >= text.size()) return false;
    if (!is_digit(text[at + 1])) {
        bytes += text[at + 1];
        at += 2;
        return true;
    }
    if (at + 3 >= text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) return false;
    const int code = (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
    if (code > 255) return false;
    bytes += static_cast<char>(code);
    at += 4;
    return true;
}

bool take_quoted(std::string_view text, std::size_t& at, std::string& bytes) {
    ++at;
    while (at < text.size() && text[at] != '"') {
        if (text[at] == '\\') {
            if (!take_escape(text, at, bytes)) return false;
        } else {
            bytes += text[at++];
        }
    }
    if (at >= text.size()) return false;
    ++at;
    return true;
}

std::string in_quotes(std::string_view bytes, bool numeric) {
    std::string text = "\"";
    for (const char c : bytes) {
        if (c == '"' || c == '\\')
            text += {'\\', c};
        else if (byte_of(c) < 0x20 || byte_of(c) == 0x7F || (numeric && byte_of(c) >= 0x80))
            text += fmt::format("\\{:03}", byte_of(c));
        else
            text += c;
    }
    text += '"';
    return text;
}

Normal<std::string> txt_bytes(std::string_view text) {
    if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return std::string(text);
    std::string bytes;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == ' ' || text[at] == '\t')
            ++at;
        else if (text[at] != '"' || !take_quoted(text, at, bytes))
            return std::unexpected("has a quote too many or an escape that makes no sense");
    }
    return bytes;
}

std::string txt_quoted(std::string_view bytes) {
    bool numeric = false;
    for (std::size_t at = 0; at < bytes.size(); at += longest_string)
        numeric = numeric || !is_utf8(bytes.substr(at, longest_string));
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += longest_string) {
        if (at > 0) text += ' ';
        text += in_quotes(bytes.substr(at, longest_string), numeric);
    }
    return text.empty() ? "\"\"" : text;
}

std::size_t txt_wire_size(std::string_view bytes) {
    return bytes.size() + (bytes.size() + longest_string - 1) / longest_string;
}

}  // namespace kavi::model

#include "txt.hpp"

#include <kavi/base/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace kavi::lab::cloudflare {
namespace {

constexpr std::size_t longest = 255;

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// Reads what follows a backslash at `at`; moves `at` behind it.
bool read_escape(std::string_view text, std::size_t& at, std::string& bytes) {
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

std::optional<std::string> read_quoted(std::string_view text) {
    std::string bytes;
    bool inside = false;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"') {
            inside = !inside;
            ++at;
        } else if (!inside) {
            if (c != ' ' && c != '\t') return std::nullopt;
            ++at;
        } else if (c == '\\') {
            if (!read_escape(text, at, bytes)) return std::nullopt;
        } else {
            bytes += c;
            ++at;
        }
    }
    if (inside) return std::nullopt;
    return bytes;
}

/// Text that a chunk boundary may cut in the middle of a letter is written as \DDD.
bool may_be_cut(std::string_view bytes) {
    const bool ascii =
        std::ranges::all_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) return false;
    const auto as_json = Json(std::string(bytes)).dump(-1, ' ', false, Json::error_handler_t::ignore);
    return bytes.size() > longest || Json::parse(as_json).get<std::string>() != bytes;
}

std::string quote(std::string_view chunk, bool numeric) {
    std::string quoted = "\"";
    for (const char c : chunk) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            quoted += {'\\', c};
        else if (byte < 0x20 || byte == 0x7F || (numeric && byte >= 0x80))
            quoted += fmt::format("\\{:03}", byte);
        else
            quoted += c;
    }
    return quoted + '"';
}

}  // namespace

std::optional<std::string> txt_bytes(std::string_view content) {
    const bool opens = content.starts_with('"');
    const bool closes = content.size() > 1 && content.ends_with('"');
    if (opens && closes) return read_quoted(content);
    if (opens || closes) return std::nullopt;
    return std::string(content);
}

std::string txt_content(std::string_view bytes) {
    const bool numeric = may_be_cut(bytes);
    std::string content;
    for (std::size_t at = 0; at < bytes.size(); at += longest)
        content += (at ? " " : "") + quote(bytes.substr(at, longest), numeric);
    return content;
}

std::size_t txt_wire_size(std::string_view bytes) {
    return bytes.size() + (bytes.size() + longest - 1) / longest;
}

}  // namespace kavi::lab::cloudflare

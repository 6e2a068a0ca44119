#include "record_svcb.hpp"

#include "record_text.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

namespace kavi::model {
namespace {

/// RFC 9460, section 14.3.2, and RFC 9461; the place is the number.
constexpr std::array keys{
    "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath"};

/// "alpn" is 1, "key667" is 667.
std::optional<int> number_of(std::string_view key) {
    const auto known = std::ranges::find(keys, key);
    if (known != keys.end()) return static_cast<int>(known - keys.begin());
    if (!key.starts_with("key")) return std::nullopt;
    int number = 0;
    const auto* end = key.data() + key.size();
    const auto read = std::from_chars(key.data() + 3, end, number);
    if (key.size() == 3 || read.ptr != end || read.ec != std::errc{} || number < 0 || number > 65535)
        return std::nullopt;
    return number;
}

Normal<std::string> normal_hints(std::string_view type, std::string_view list) {
    std::vector<std::string> addresses;
    for (const auto& one : split(list, ',')) {
        auto address = normal_value(type, one);
        if (!address)
            return std::unexpected(
                fmt::format("has the hint '{}', which {}", printable(one), address.error()));
        addresses.push_back(std::move(*address));
    }
    return join(addresses, ",");
}

Normal<std::string> normal_parameter(int key, std::string value, bool has_value) {
    if (key == 2 && has_value) return std::unexpected("gives no-default-alpn a value");
    if (key != 2 && key <= 7 && value.empty())
        return std::unexpected(fmt::format("gives {} no value", keys[static_cast<std::size_t>(key)]));
    if (key == 4) return normal_hints("A", value);
    if (key == 6) return normal_hints("AAAA", value);
    return value;
}

/// Reads a value up to a blank; quotes may stand around it.
bool take_value(std::string_view text, std::size_t& at, std::string& value) {
    if (at < text.size() && text[at] == '"') return take_quoted(text, at, value);
    const auto end = std::min(text.find_first_of(" \t", at), text.size());
    value = text.substr(at, end - at);
    at = end;
    return value.find('"') == std::string::npos;
}

std::string written(int key, const std::string& value) {
    const auto name =
        key < static_cast<int>(keys.size()) ? keys[static_cast<std::size_t>(key)] : fmt::format("key{}", key);
    if (value.empty()) return name;
    const bool plain = std::ranges::all_of(value, [](char c) {
        return c > ' ' && c < 0x7F && std::string_view("\";()\\").find(c) == std::string_view::npos;
    });
    return fmt::format("{}={}", name, plain ? value : in_quotes(value));
}

}  // namespace

Normal<std::string> normal_parameters(std::string_view text) {
    std::map<int, std::string> found;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == ' ' || text[at] == '\t') {
            ++at;
            continue;
        }
        const auto end = std::min(text.find_first_of("= \t", at), text.size());
        const auto name = lower(text.substr(at, end - at));
        const auto key = number_of(name);
        if (!key) return std::unexpected(fmt::format("has the unknown parameter '{}'", printable(name)));
        at = end;
        const bool has_value = at < text.size() && text[at] == '=';
        std::string value;
        if (has_value && !take_value(text, ++at, value)) return std::unexpected("has a quote too many");
        auto normal = normal_parameter(*key, std::move(value), has_value);
        if (!normal) return normal;
        if (!found.emplace(*key, std::move(*normal)).second)
            return std::unexpected(fmt::format("has the parameter {} twice", name));
    }
    std::vector<std::string> words;
    for (const auto& [key, value] : found) words.push_back(written(key, value));
    return join(words, " ");
}

}  // namespace kavi::model

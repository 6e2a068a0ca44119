#include <kavi/base/text.hpp>
#include <kavi/net/curl_trace.hpp>

#include <algorithm>
#include <array>

namespace kavi::net {

namespace {

constexpr std::string_view mask = "***";

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

std::string_view name_before(std::string_view line, std::size_t end) {
    auto begin = end;
    while (begin > 0 && is_name_character(line[begin - 1])) --begin;
    return line.substr(begin, end - begin);
}

/// "authorization: Bearer x" → "authorization: ***"; all that follows goes, so that no odd value leaks its
/// rest.
std::string mask_header(std::string_view line) {
    for (auto colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1))
        if (is_telling_name(name_before(line, colon)))
            return std::string(line.substr(0, colon + 1)).append(" ").append(mask);
    return std::string(line);
}

/// "?token=x&a=b" → "?token=***&a=b".
std::string mask_parameters(std::string_view line) {
    std::string result;
    for (std::size_t at = 0; at < line.size();) {
        const auto equals = line.find('=', at);
        if (equals == std::string_view::npos) return result.append(line.substr(at));
        result.append(line.substr(at, equals + 1 - at));
        const auto end = std::min(line.find_first_of("& ]\r\n", equals), line.size());
        const bool telling = is_telling_name(name_before(line, equals)) && end > equals + 1;
        result.append(telling ? mask : line.substr(equals + 1, end - equals - 1));
        at = end;
    }
    return result;
}

std::string replace_all(std::string text, std::string_view what) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + mask.size()))
        text.replace(at, what.size(), mask);
    return text;
}

}  // namespace

bool is_telling_name(std::string_view name) {
    constexpr std::array<std::string_view, 9> words{"authorization",
                                                    "cookie",
                                                    "token",
                                                    "secret",
                                                    "password",
                                                    "api-key",
                                                    "api_key",
                                                    "signature",
                                                    "credential"};
    const auto small = lower(name);
    return std::ranges::any_of(words, [&](std::string_view word) { return small.find(word) != small.npos; });
}

Redactor::Redactor(const Request& request) {
    constexpr std::size_t shortest = 6;
    for (const auto& header : request.headers) {
        if (!is_telling_name(header.name)) continue;
        const auto space = header.value.find(' ');
        const auto value = space == std::string::npos ? header.value : header.value.substr(space + 1);
        if (value.size() >= shortest) values_.push_back(value);
    }
}

std::string Redactor::redact(std::string_view line) const {
    auto result = mask_parameters(mask_header(line));
    for (const auto& value : values_) result = replace_all(std::move(result), value);
    return printable(result);
}

}  // namespace kavi::net

#include "call.hpp"

#include <kavi/base/text.hpp>

namespace kavi::lab {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::optional<std::string> Call::header(const std::string& name) const {
    const auto found = headers.find(name);
    if (found == headers.end()) return std::nullopt;
    return found->second;
}

std::optional<std::string> Call::parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

std::vector<std::string> Call::parameters(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : query)
        if (key == name) values.push_back(value);
    return values;
}

std::optional<std::string> Call::bearer() const {
    const auto value = header("authorization");
    constexpr std::string_view scheme = "Bearer ";
    if (!value || !value->starts_with(scheme)) return std::nullopt;
    return value->substr(scheme.size());
}

std::string Call::content_type() const {
    const auto value = header("content-type").value_or("");
    return lower(trim(std::string_view(value).substr(0, value.find(';'))));
}

Answer Answer::json(int status, const Json& value) {
    return {.status = status, .body = value.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::string percent_decode(std::string_view text, bool plus_is_blank) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                            hex_digit(text[i + 2]) >= 0;
        if (escape) {
            decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            decoded += plus_is_blank && text[i] == '+' ? ' ' : text[i];
        }
    }
    return decoded;
}

Pairs parse_query(std::string_view query) {
    Pairs pairs;
    while (!query.empty()) {
        const auto piece = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), piece.size() + 1));
        if (piece.empty()) continue;
        const auto equals = piece.find('=');
        const auto value = equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1);
        pairs.emplace_back(percent_decode(piece.substr(0, equals), true), percent_decode(value, true));
    }
    return pairs;
}

}  // namespace kavi::lab

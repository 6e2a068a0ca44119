#include <kavi/api/s3_sign.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>

namespace kavi::api {

namespace {

struct UrlParts {
    std::string_view host, path, query;
};

UrlParts parts_of(std::string_view url) {
    url.remove_prefix(url.find("://") + 3);
    const auto slash = std::min(url.find('/'), url.size());
    UrlParts parts{.host = url.substr(0, slash), .path = url.substr(slash), .query = {}};
    if (const auto mark = parts.path.find('?'); mark != parts.path.npos) {
        parts.query = parts.path.substr(mark + 1);
        parts.path = parts.path.substr(0, mark);
    }
    if (parts.path.empty()) parts.path = "/";
    return parts;
}

/// Sorted, and with "=" where a key has no value.
std::string canonical_query(std::string_view query) {
    if (query.empty()) return {};
    auto pairs = split(query, '&');
    for (auto& pair : pairs)
        if (pair.find('=') == pair.npos) pair += '=';
    std::ranges::sort(pairs);
    return join(pairs, "&");
}

std::string basic_time(std::chrono::system_clock::time_point now) {
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z",
                       parts.tm_year + 1900,
                       parts.tm_mon + 1,
                       parts.tm_mday,
                       parts.tm_hour,
                       parts.tm_min,
                       parts.tm_sec);
}

std::string signature(const S3Access& access, std::string_view day, std::string_view text) {
    auto seed = "AWS4" + std::string(access.secret_key.reveal());
    auto key = hmac_sha256(seed, day);
    wipe(seed);
    for (const std::string_view part :
         {std::string_view(access.region), std::string_view("s3"), std::string_view("aws4_request")})
        key = hmac_sha256(key, part);
    return hex(hmac_sha256(key, text));
}

std::optional<int> digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return {};
}

}  // namespace

std::string s3_encode(std::string_view text, bool path) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_' || c == '.' || c == '~' || (path && c == '/');
        if (plain)
            encoded += c;
        else
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

std::string s3_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto high = text[i] == '%' && i + 2 < text.size() ? digit_of(text[i + 1]) : std::nullopt;
        const auto low = high ? digit_of(text[i + 2]) : std::nullopt;
        if (low) {
            decoded += static_cast<char>(*high * 16 + *low);
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

void s3_sign(net::Request& request, const S3Access& access, std::chrono::system_clock::time_point now) {
    const auto url = parts_of(request.url);
    const auto time = basic_time(now), body = hex(sha256(request.body));
    std::map<std::string, std::string> headers{{"host", std::string(url.host)}};
    request.headers.push_back({"x-amz-date", time});
    request.headers.push_back({"x-amz-content-sha256", body});
    for (const auto& header : request.headers) headers[lower(header.name)] = std::string(trim(header.value));

    std::string lines, names;
    for (const auto& [name, value] : headers) {
        lines += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    const auto canonical = fmt::format(
        "{}\n{}\n{}\n{}\n{}\n{}", request.method, url.path, canonical_query(url.query), lines, names, body);
    const auto day = time.substr(0, 8);
    const auto scope = fmt::format("{}/{}/s3/aws4_request", day, access.region);
    const auto text = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, hex(sha256(canonical)));
    request.headers.push_back(
        {"authorization",
         fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                     access.access_key,
                     scope,
                     names,
                     signature(access, day, text))});
}

}  // namespace kavi::api

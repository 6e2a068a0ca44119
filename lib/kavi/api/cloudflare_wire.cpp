#include "cloudflare_wire.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace kavi::api::cloudflare {
namespace {

using std::chrono::seconds;

const Json& member(const Json& object, const char* key) {
    static const Json nothing = nullptr;
    if (!object.is_object()) return nothing;
    const auto found = object.find(key);
    return found == object.end() ? nothing : *found;
}

bool flag(const Json& object, const char* key) {
    const auto& value = member(object, key);
    return value.is_boolean() && value.get<bool>();
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc{} || read.ptr == text.data()) return std::nullopt;
    return number;
}

/// Numbers come as numbers; some came as text.
std::optional<int> integer(const Json& object, const char* key) {
    const auto& value = member(object, key);
    if (value.is_number_integer()) return value.get<int>();
    if (value.is_number()) return static_cast<int>(value.get<double>());
    if (!value.is_string()) return std::nullopt;
    const auto number = parse_integer(value.get_ref<const std::string&>());
    return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

std::vector<std::string> strings(const Json& array) {
    std::vector<std::string> texts;
    if (!array.is_array()) return texts;
    for (const auto& one : array)
        if (one.is_string()) texts.push_back(one.get<std::string>());
    return texts;
}

/// {} and settings that are all off mean the same as none.
Json settings_on(const Json& settings) {
    Json on = nullptr;
    if (!settings.is_object()) return on;
    for (const auto& [name, value] : settings.items())
        if (value.is_boolean() && value.get<bool>()) on[name] = true;
    return on;
}

Complaint complaint_in(const Json& error) {
    Complaint complaint;
    complaint.code = integer(error, "code").value_or(0);
    complaint.message = printable(string_or(error, "message", "no reason given"));
    complaint.pointer = printable(string_or(member(error, "source"), "pointer"));
    const auto& chain = member(error, "error_chain");
    if (chain.is_array() && !chain.empty()) {
        auto inner = complaint_in(chain.front());
        if (inner.pointer.empty()) inner.pointer = complaint.pointer;
        return inner;
    }
    return complaint;
}

/// "r" of `"default";r=1199;t=300`.
std::optional<std::int64_t> parameter(std::string_view header, char name) {
    for (const auto& part : split(header, ';')) {
        const auto text = trim(part);
        if (text.size() > 2 && text[0] == name && text[1] == '=') return parse_integer(text.substr(2));
    }
    return std::nullopt;
}

bool token_is_wrong(int status, int code) {
    // 6003 and 6111: the Authorization header itself is malformed.
    static constexpr std::array codes{1000, 1001, 6003, 6111, 9106, 9109};
    return status == 401 || std::ranges::find(codes, code) != codes.end();
}

Error refusal(int status, const Complaint& complaint, std::string_view doing) {
    if (token_is_wrong(status, complaint.code)) {
        Error error(errors::credentials_refused,
                    fmt::format("Cloudflare refused the token when asked to {}", doing));
        error.because(fmt::format("{} (code {})", complaint.message, complaint.code));
        error.fix(
            "check CLOUDFLARE_API_TOKEN, or the secret that [cloudflare] token names: whole, alive, no "
            "quotes");
        return error;
    }
    if (status == 403) {
        Error error(errors::rights_missing, fmt::format("the Cloudflare token may not {}", doing));
        error.because(fmt::format("{} (code {})", complaint.message, complaint.code));
        error.fix(
            "give the token Zone → Zone → Read and Zone → DNS → Edit for this zone (and Zone Settings → Edit "
            "where ssl and the like are declared); a zone made minutes ago may need a while");
        return error;
    }
    Error error(errors::dns_failed, fmt::format("Cloudflare refused to {}", doing));
    const auto where = complaint.pointer.empty() ? "" : fmt::format(" at {}", complaint.pointer);
    error.because(fmt::format("{}{} (code {})", complaint.message, where, complaint.code));
    return error;
}

}  // namespace

CloudflareZone zone_of(const Json& json) {
    CloudflareZone zone{.id = string_or(json, "id"), .name = lower(string_or(json, "name"))};
    zone.status = string_or(json, "status", "active");
    zone.paused = flag(json, "paused");
    zone.type = string_or(json, "type", "full");
    zone.plan = string_or(member(json, "plan"), "legacy_id", "free");
    zone.account_id = string_or(member(json, "account"), "id");
    zone.name_servers = strings(member(json, "name_servers"));
    zone.permissions = strings(member(json, "permissions"));
    return zone;
}

CloudflareRecord record_of(const Json& json) {
    CloudflareRecord record{.id = string_or(json, "id"),
                            .type = string_or(json, "type"),
                            .name = string_or(json, "name"),
                            .content = string_or(json, "content")};
    record.data = member(json, "data");
    record.priority = integer(json, "priority");
    record.ttl = integer(json, "ttl").value_or(1);
    record.proxied = flag(json, "proxied");
    record.comment = string_or(json, "comment");
    record.tags = strings(member(json, "tags"));
    record.settings = settings_on(member(json, "settings"));
    record.read_only = flag(member(json, "meta"), "read_only");
    return record;
}

Json to_json(const CloudflareRecordBody& body) {
    Json json{{"type", body.type}, {"name", body.name}, {"ttl", body.ttl}};
    if (!body.id.empty()) json["id"] = body.id;
    if (body.content) json["content"] = *body.content;
    if (!body.data.is_null()) json["data"] = body.data;
    if (body.priority) json["priority"] = *body.priority;
    if (body.proxied) json["proxied"] = *body.proxied;
    if (body.comment) json["comment"] = *body.comment;
    if (body.tags) json["tags"] = *body.tags;
    if (!body.settings.is_null()) json["settings"] = body.settings;
    return json;
}

Json to_json(const CloudflareBatch& batch) {
    Json json = Json::object();
    for (const auto& id : batch.deletes) json["deletes"].push_back({{"id", id}});
    for (const auto& body : batch.patches) json["patches"].push_back(to_json(body));
    for (const auto& body : batch.posts) json["posts"].push_back(to_json(body));
    return json;
}

std::optional<Complaint> complaint_of(const net::Response& response) {
    const auto json = Json::parse(response.body, nullptr, false);
    const auto& list = member(json, "errors");
    if (!list.is_array() || list.empty() || flag(json, "success")) return std::nullopt;
    return complaint_in(list.front());
}

Error error_of(const net::Response& response, std::string_view doing) {
    const auto complaint = complaint_of(response).value_or(Complaint{.message = "no reason given"});
    if (response.status == 429) {
        Error error(errors::network_failed,
                    fmt::format("Cloudflare's rate limit stopped kavi when asked to {}", doing));
        error.because("all tools that use this token share 1,200 calls in five minutes");
        return error.fix("try again in five minutes");
    }
    if (response.status >= 500 || response.status < 400) {
        Error error(errors::network_failed,
                    fmt::format("Cloudflare didn't answer properly when asked to {}", doing));
        error.because(fmt::format("HTTP {}", response.status));
        return error.fix("try again; https://www.cloudflarestatus.com says whether it is them");
    }
    return refusal(response.status, complaint, doing);
}

std::optional<seconds> wait_asked(const net::Response& response) {
    if (const auto text = response.header("Retry-After"))
        if (const auto number = parse_integer(trim(*text)); number && *number >= 0) return seconds(*number);
    return budget_spent(response);
}

std::optional<seconds> budget_spent(const net::Response& response) {
    const auto text = response.header("Ratelimit");
    if (!text) return std::nullopt;
    const auto left = parameter(*text, 'r'), in = parameter(*text, 't');
    if (!left || !in || *left > 0 || *in < 0) return std::nullopt;
    return seconds(*in);
}

}  // namespace kavi::api::cloudflare

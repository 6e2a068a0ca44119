#include "content.hpp"

#include "names.hpp"
#include "problem.hpp"
#include "txt.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <vector>

#include <arpa/inet.h>

namespace kavi::lab::cloudflare {
namespace {

enum class Kind { number, text, quoted, host };

struct DataField {
    const char* name;
    Kind kind = Kind::number;
    double most = 65535;
    double least = 0;
};

/// The members of "data" in the order in which content shows them.
const std::map<std::string, std::vector<DataField>, std::less<>> data_types{
    {"CAA", {{"flags", Kind::number, 255}, {"tag", Kind::text}, {"value", Kind::quoted}}},
    {"CERT", {{"type"}, {"key_tag"}, {"algorithm", Kind::number, 255}, {"certificate", Kind::text}}},
    {"DNSKEY",
     {{"flags"},
      {"protocol", Kind::number, 255},
      {"algorithm", Kind::number, 255},
      {"public_key", Kind::text}}},
    {"DS",
     {{"key_tag"},
      {"algorithm", Kind::number, 255},
      {"digest_type", Kind::number, 255},
      {"digest", Kind::text}}},
    {"HTTPS", {{"priority"}, {"target", Kind::host}, {"value", Kind::text}}},
    {"LOC",
     {{"lat_degrees", Kind::number, 90},
      {"lat_minutes", Kind::number, 59},
      {"lat_seconds", Kind::number, 59.999},
      {"lat_direction", Kind::text},
      {"long_degrees", Kind::number, 180},
      {"long_minutes", Kind::number, 59},
      {"long_seconds", Kind::number, 59.999},
      {"long_direction", Kind::text},
      {"altitude", Kind::number, 42849672.95, -100000},
      {"size", Kind::number, 90000000},
      {"precision_horz", Kind::number, 90000000},
      {"precision_vert", Kind::number, 90000000}}},
    {"NAPTR",
     {{"order"},
      {"preference"},
      {"flags", Kind::quoted},
      {"service", Kind::quoted},
      {"regex", Kind::quoted},
      {"replacement", Kind::text}}},
    {"SMIMEA",
     {{"usage", Kind::number, 255},
      {"selector", Kind::number, 255},
      {"matching_type", Kind::number, 255},
      {"certificate", Kind::text}}},
    {"SRV", {{"priority"}, {"weight"}, {"port"}, {"target", Kind::host}}},
    {"SSHFP", {{"algorithm", Kind::number, 255}, {"type", Kind::number, 255}, {"fingerprint", Kind::text}}},
    {"SVCB", {{"priority"}, {"target", Kind::host}, {"value", Kind::text}}},
    {"TLSA",
     {{"usage", Kind::number, 255},
      {"selector", Kind::number, 255},
      {"matching_type", Kind::number, 255},
      {"certificate", Kind::text}}},
    {"URI", {{"weight"}, {"target", Kind::quoted}}},
};

constexpr std::array content_types{"A", "AAAA", "CNAME", "MX", "NS", "OPENPGPKEY", "PTR", "TXT"};

Problem invalid_content(const std::string& type, int code = 9007) {
    return {400, code, "Content for " + type + " record is invalid.", "/content"};
}

Json checked_number(const Json& value, const DataField& field) {
    if (!value.is_number()) throw Problem{400, 9101, std::string(field.name) + " must be a number.", "/data"};
    if (value < field.least || value > field.most)
        throw Problem{400, 9101, std::string(field.name) + " is out of range.", "/data"};
    return value;
}

Json checked_host(const std::string& type, const std::string& text) {
    const auto host = normal_host(text);
    if (!host) throw invalid_content(type);
    return *host;
}

Json checked_member(const std::string& type, const Json& data, const DataField& field) {
    if (!data.contains(field.name))
        throw Problem{400, 9101, std::string(field.name) + " is a required data field.", "/data"};
    const auto& value = data[field.name];
    if (field.kind == Kind::number) return checked_number(value, field);
    if (!value.is_string()) throw Problem{400, 9101, std::string(field.name) + " must be a string.", "/data"};
    if (field.kind == Kind::host) return checked_host(type, value.get<std::string>());
    return value;
}

std::string shown(const Json& value, Kind kind) {
    if (value.is_number_float()) return fmt::format("{}", value.get<double>());
    if (value.is_number()) return value.dump();
    const auto text = value.get<std::string>();
    return kind == Kind::quoted ? '"' + text + '"' : text;
}

std::optional<std::int64_t> checked_priority(const Json& body, bool needed) {
    if (!body.contains("priority")) {
        if (needed) throw Problem{400, 9100, "priority is a required field.", "/priority"};
        return std::nullopt;
    }
    const auto& value = body["priority"];
    if (!value.is_number_integer() || value < 0 || value > 65535)
        throw Problem{400, 9100, "priority must be a number from 0 to 65535.", "/priority"};
    return value.get<std::int64_t>();
}

Value normal_data(const std::string& type, const Json& body) {
    if (!body.contains("data") || !body["data"].is_object())
        throw Problem{400, 9101, "data is a required field for " + type + " records.", "/data"};
    Value value;
    value.data = Json::object();
    for (const auto& field : data_types.find(type)->second) {
        const auto member = checked_member(type, body["data"], field);
        value.data[field.name] = member;
        const bool hidden = type == "SRV" && std::string_view(field.name) == "priority";
        if (!hidden) value.content += (value.content.empty() ? "" : " ") + shown(member, field.kind);
    }
    if (type == "URI") value.priority = checked_priority(body, true);
    if (type == "SRV") value.priority = value.data["priority"].get<std::int64_t>();
    return value;
}

std::string normal_address(const std::string& type, const std::string& text) {
    const bool four = type == "A";
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> shown_text{};
    const int family = four ? AF_INET : AF_INET6;
    if (::inet_pton(family, text.c_str(), address.data()) != 1)
        throw Problem{
            400,
            four ? 9005 : 9006,
            fmt::format("Content for {} record must be a valid {} address.", type, four ? "IPv4" : "IPv6"),
            "/content"};
    return ::inet_ntop(family, address.data(), shown_text.data(), shown_text.size());
}

std::string normal_txt(const std::string& text) {
    const auto bytes = txt_bytes(text);
    if (!bytes || bytes->empty()) throw invalid_content("TXT");
    if (txt_wire_size(*bytes) > 4096)
        throw Problem{400, 9015, "Content for TXT record exceeds 4096 bytes.", "/content"};
    return txt_content(*bytes);
}

Json number_from(const std::string& word) {
    const auto value = Json::parse(word, nullptr, false);
    if (!value.is_number()) throw Problem{400, 1004, "'" + word + "' in the zone file isn't a number."};
    return value;
}

std::string unquoted(const std::string& word) {
    const bool quoted = word.size() > 1 && word.front() == '"' && word.back() == '"';
    return quoted ? word.substr(1, word.size() - 2) : word;
}

/// Addresses behind which nothing of the customer's can be.
bool is_forbidden_target(const std::string& address) {
    static constexpr std::array prefixes{
        "0.", "10.", "127.", "169.254.", "192.168.", "1.1.1.1", "1.0.0.1", "224."};
    if (std::ranges::any_of(prefixes, [&](const char* prefix) { return address.starts_with(prefix); }))
        return true;
    int second = 0;
    return std::sscanf(address.c_str(), "172.%d.", &second) == 1 && second >= 16 && second <= 31;
}

}  // namespace

bool is_record_type(std::string_view type) {
    return has_data(type) || std::ranges::find(content_types, type) != content_types.end();
}

bool has_data(std::string_view type) {
    return data_types.contains(type);
}

Value normal_value(const std::string& type, const Json& body) {
    if (has_data(type)) return normal_data(type, body);
    if (!body.contains("content") || !body["content"].is_string())
        throw Problem{400, 9007, "content is a required field.", "/content"};
    const auto text = body["content"].get<std::string>();
    Value value;
    if (type == "A" || type == "AAAA")
        value.content = normal_address(type, text);
    else if (type == "TXT")
        value.content = normal_txt(text);
    else if (type == "OPENPGPKEY")
        value.content = text;
    else
        value.content = checked_host(type, text).get<std::string>();
    if (value.content.empty()) throw invalid_content(type);
    if (value.content == "." && type != "MX") throw invalid_content(type);
    if (type == "MX") value.priority = checked_priority(body, true);
    return value;
}

Json body_from_words(const std::string& type, const std::vector<std::string>& words) {
    const bool first_is_priority = type == "MX" || type == "URI";
    std::vector<std::string> rest(words.begin() + (first_is_priority ? 1 : 0), words.end());
    Json body = Json::object();
    if (first_is_priority) body["priority"] = number_from(words.front());
    if (rest.empty() || !is_record_type(type))
        throw Problem{400, 1004, "A line of the zone file can't be read."};
    if (!has_data(type)) {
        body["content"] = join(rest, " ");
        return body;
    }
    const auto& fields = data_types.find(type)->second;
    if (rest.size() < fields.size()) throw Problem{400, 1004, "A line of the zone file can't be read."};
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const bool last = i + 1 == fields.size();
        const auto word = last ? join(std::span(rest).subspan(i), " ") : rest[i];
        body["data"][fields[i].name] =
            fields[i].kind == Kind::number ? number_from(word) : Json(unquoted(word));
    }
    return body;
}

bool is_proxiable(const std::string& type, const std::string& content) {
    if (type == "CNAME") return true;
    if (type == "A") return !is_forbidden_target(content);
    return type == "AAAA" && content != "::1" && content != "::" && !content.starts_with("fe80:") &&
           !content.starts_with("fc") && !content.starts_with("fd");
}

}  // namespace kavi::lab::cloudflare

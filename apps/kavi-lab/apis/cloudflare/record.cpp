#include "record.hpp"

#include "content.hpp"
#include "names.hpp"
#include "problem.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace kavi::lab::cloudflare {
namespace {

/// What the body says about a record, with `before` underneath where it is an edit.
Json merged(const Json& body, Write how, const Record* before) {
    if (how != Write::edit || !before) return body;
    auto whole = to_json(*before);
    const bool other_type = body.contains("type") && body["type"] != before->type;
    for (const auto& [name, value] : body.items()) whole[name] = value;
    if (body.contains("content") && !body.contains("data") && other_type) whole.erase("data");
    return whole;
}

std::string checked_type(const Json& body) {
    const auto type = string_or(body, "type");
    if (!is_record_type(type)) throw Problem{400, 9002, "DNS record type is invalid.", "/type"};
    return type;
}

std::string checked_name(const Json& body, const std::string& zone) {
    if (!body.contains("name") || !body["name"].is_string())
        throw Problem{400, 9000, "DNS name is required.", "/name"};
    const auto text = body["name"].get<std::string>();
    const auto name = text.empty() || text.size() > 255 ? std::nullopt : normal_name(text, zone);
    if (!name) throw Problem{400, 9000, "DNS name is invalid.", "/name"};
    return *name;
}

std::int64_t checked_ttl(const Json& body, const Plan& plan) {
    if (!body.contains("ttl")) return 1;
    const auto& value = body["ttl"];
    const bool good =
        value.is_number_integer() && (value == 1 || (value >= plan.shortest_ttl && value <= 86400));
    if (!good)
        throw Problem{400,
                      9021,
                      fmt::format("Invalid TTL. Must be between {} and 86400 seconds, or 1 for Automatic.",
                                  plan.shortest_ttl),
                      "/ttl"};
    return value.get<std::int64_t>();
}

bool checked_flag(const Json& body, const char* name) {
    if (!body.contains(name)) return false;
    if (!body[name].is_boolean()) throw Problem{400, 9004, std::string(name) + " must be a boolean.", name};
    return body[name].get<bool>();
}

std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::optional<std::string> checked_comment(const Json& body, const Plan& plan, bool from_before) {
    if (!body.contains("comment")) return std::nullopt;
    if (body["comment"].is_null() && from_before) return std::nullopt;
    if (!body["comment"].is_string()) throw Problem{400, 9301, "comment must be a string.", "/comment"};
    auto text = body["comment"].get<std::string>();
    if (text.find_first_of("\r\n") != std::string::npos)
        throw Problem{400, 9301, "comment must not contain line breaks.", "/comment"};
    if (characters(text) > plan.comment)
        throw Problem{400,
                      9301,
                      fmt::format("comment exceeds the maximum of {} characters.", plan.comment),
                      "/comment"};
    if (text.empty()) return std::nullopt;
    return text;
}

bool is_tag(const std::string& tag) {
    const auto name = tag.substr(0, tag.find(':'));
    const auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    };
    const auto value_size = tag.size() > name.size() ? tag.size() - name.size() - 1 : 0;
    return !name.empty() && name.size() <= 32 && value_size <= 100 && !lower(name).starts_with("cf-") &&
           std::ranges::all_of(name, allowed);
}

std::vector<std::string> checked_tags(const Json& body, const Plan& plan) {
    std::vector<std::string> tags;
    if (!body.contains("tags") || body["tags"].is_null()) return tags;
    if (!body["tags"].is_array()) throw Problem{400, 9300, "tags must be a list.", "/tags"};
    for (const auto& tag : body["tags"]) {
        if (!tag.is_string() || !is_tag(tag.get<std::string>()))
            throw Problem{400, 9300, "a tag is invalid.", "/tags"};
        tags.push_back(tag.get<std::string>());
    }
    if (tags.size() > plan.tags)
        throw Problem{
            400,
            9300,
            fmt::format("DNS record has {} tags, exceeding the quota of {}.", tags.size(), plan.tags),
            "/tags"};
    std::ranges::sort(tags);  // the order sent isn't kept
    return tags;
}

/// What doesn't apply is dropped without a word, as the real one does.
Json checked_settings(const Json& body, const Record& record, const Plan& plan) {
    Json kept = Json::object();
    if (!body.contains("settings") || body["settings"].is_null()) return kept;
    if (!body["settings"].is_object()) throw Problem{400, 9302, "settings must be an object.", "/settings"};
    for (const char* name : {"ipv4_only", "ipv6_only"})
        if (record.proxied && checked_flag(body["settings"], name)) kept[name] = true;
    const bool may_flatten = record.type == "CNAME" && !record.proxied && plan.name != "free";
    if (checked_flag(body["settings"], "flatten_cname") && may_flatten) kept["flatten_cname"] = true;
    return kept;
}

void set_proxied(Record& record, bool wanted, Write how) {
    const bool can_be = record.type == "A" || record.type == "AAAA" || record.type == "CNAME";
    if (wanted && !can_be) throw Problem{400, 9004, "This record type cannot be proxied.", "/proxied"};
    // An edit that wants the impossible is said to be a success, and isn't.
    if (wanted && !record.proxiable && how != Write::edit)
        throw Problem{
            400, 9003, "Target " + record.content + " is not allowed for a proxied record.", "/content"};
    record.proxied = wanted && record.proxiable;
    if (record.proxied) record.ttl = 1;
}

Json text_or_null(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json(nullptr);
}

}  // namespace

Json to_json(const Record& record) {
    Json json{{"id", record.id},
              {"name", record.name},
              {"type", record.type},
              {"content", record.content},
              {"proxiable", record.proxiable},
              {"proxied", record.proxied},
              {"ttl", record.ttl},
              {"settings", record.settings},
              {"meta", Json::object()},
              {"comment", text_or_null(record.comment)},
              {"tags", record.tags},
              {"created_on", record.created},
              {"modified_on", record.modified}};
    if (record.read_only) json["meta"]["read_only"] = true;
    if (record.private_routing) json["private_routing"] = true;
    if (record.priority) json["priority"] = *record.priority;
    if (!record.data.is_null()) json["data"] = record.data;
    if (!record.comment_modified.empty()) json["comment_modified_on"] = record.comment_modified;
    if (!record.tags_modified.empty()) json["tags_modified_on"] = record.tags_modified;
    return json;
}

Plan plan_of(const std::string& name) {
    if (name == "enterprise") return {name, 1'000'000, 3500, 500, 20, 30};
    if (name == "pro" || name == "business") return {name, 3500, 3500, 500, 20, 60};
    return {};
}

Record make_record(
    const Json& body, const std::string& zone, const Plan& plan, Write how, const Record* before) {
    if (!body.is_object()) throw Problem{400, 9207, "Request body is invalid."};
    const auto whole = merged(body, how, before);
    Record record;
    record.type = checked_type(whole);
    record.name = checked_name(whole, zone);
    record.ttl = checked_ttl(whole, plan);
    auto value = normal_value(record.type, whole);
    record.content = std::move(value.content);
    record.data = std::move(value.data);
    record.priority = value.priority;
    record.proxiable = is_proxiable(record.type, record.content);
    set_proxied(record, checked_flag(whole, "proxied"), how);
    record.comment = checked_comment(whole, plan, how == Write::edit && !body.contains("comment"));
    record.tags = checked_tags(whole, plan);
    record.settings = checked_settings(whole, record, plan);
    record.private_routing = checked_flag(whole, "private_routing");
    return record;
}

}  // namespace kavi::lab::cloudflare

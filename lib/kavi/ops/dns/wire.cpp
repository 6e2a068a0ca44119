#include "wire.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace kavi::ops {
namespace {

bool is_text_member(std::string_view name) {
    static constexpr std::array texts{"tag", "value", "digest", "target", "fingerprint", "certificate"};
    return std::ranges::find(texts, name) != texts.end();
}

int number(std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// A member as a word: numbers came as text, and the null target of SRV came as `false`.
std::string word_of(const Json& data, std::string_view name) {
    const auto member = data.find(name);
    if (member == data.end()) return {};
    if (member->is_boolean()) return name == "target" ? "." : "";
    if (member->is_string()) return member->get<std::string>();
    return member->is_number() ? member->dump() : std::string();
}

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

/// The value as a zone file has it; `content` where members are missing.
std::string text_of(const api::CloudflareRecord& record) {
    if (record.type == "MX") return fmt::format("{} {}", record.priority.value_or(0), record.content);
    const auto members = model::value_members(record.type);
    if (members.empty() || !record.data.is_object()) return record.content;
    std::string text;
    for (const auto name : members) {
        auto word = word_of(record.data, name);
        if (record.type == "CAA" && name == "value") word = in_quotes(word);
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

/// Parameters as Cloudflare's documents show them: alpn="h3,h2".
std::string with_quotes(std::string_view parameters) {
    std::string text;
    bool inside = false, open = false;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const char c = parameters[i];
        if (inside && c == '\\' && i + 1 < parameters.size()) {
            text += {c, parameters[++i]};
            continue;
        }
        if (c == '"') inside = !inside;
        if (c == ' ' && !inside && open) {
            text += '"';
            open = false;
        }
        text += c;
        if (c == '=' && !inside && !open && i + 1 < parameters.size() && parameters[i + 1] != '"') {
            text += '"';
            open = true;
        }
    }
    return open ? text + '"' : text;
}

Json data_of(const model::Record& record) {
    const auto words = model::value_words(record.type, record.value);
    Json data = Json::object();
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string name(model::value_members(record.type)[i]);
        const bool parameters = (record.type == "HTTPS" || record.type == "SVCB") && name == "value";
        if (parameters)
            data[name] = with_quotes(words[i]);
        else if (is_text_member(name))
            data[name] = words[i];
        else
            data[name] = number(words[i]);
    }
    return data;
}

}  // namespace

LiveRecord live_record(api::CloudflareRecord record) {
    LiveRecord live;
    live.record.type = record.type;
    auto name = model::normal_host(record.name);
    live.record.name = name ? std::move(*name) : lower(record.name);
    if (model::is_managed_type(record.type)) {
        auto value = model::normal_value(record.type, text_of(record));
        live.record.value = value ? std::move(*value) : record.content;
    } else {
        live.record.value = record.content;
    }
    live.record.ttl = record.proxied ? 1 : record.ttl;
    live.record.proxied = record.proxied;
    live.record.comment = std::move(record.comment);
    live.id = std::move(record.id);
    live.read_only = record.read_only;
    live.tags = std::move(record.tags);
    live.settings = std::move(record.settings);
    return live;
}

api::CloudflareRecordBody body_of(const model::Record& record, const std::string& id) {
    api::CloudflareRecordBody body{.id = id, .type = record.type, .name = record.name, .ttl = record.ttl};
    if (record.type == "TXT") {
        body.content = model::txt_quoted(record.value);
    } else if (record.type == "MX") {
        const auto words = model::value_words("MX", record.value);
        body.priority = number(words[0]);
        body.content = words[1];
    } else if (!model::value_members(record.type).empty()) {
        body.data = data_of(record);
    } else {
        body.content = record.value;
    }
    if (model::can_be_proxied(record.type)) body.proxied = record.proxied;
    body.comment = record.comment;
    return body;
}

}  // namespace kavi::ops

#include "dns_declared.hpp"

#include "record_text.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace kavi::model {
namespace {

std::string text_of(const std::variant<std::string, std::int64_t>& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    return std::get<std::string>(value);
}

std::string advice(std::string_view word, std::span<const std::string> names) {
    const auto near = nearest(word, names);
    return near ? fmt::format(" (did you mean {}?)", *near)
                : fmt::format(" (there are {})", join(names, ", "));
}

/// The words that `data` (and `priority`) give.
Normal<std::string> text_of_data(const DeclaredRecord& declared, std::string_view type) {
    const auto members = value_members(type);
    const std::vector<std::string> names(members.begin(), members.end());
    if (names.empty()) return std::unexpected(fmt::format("type {} has content, not data", type));
    auto data = declared.data;
    if (declared.priority) data.emplace("priority", *declared.priority);
    for (const auto& [name, value] : data)
        if (std::ranges::find(names, name) == names.end())
            return std::unexpected(fmt::format("data has no member {}{}", name, advice(name, names)));
    std::vector<std::string> words;
    for (const auto& name : names) {
        const auto value = data.find(name);
        const bool optional = name == "value" && type != "CAA";
        if (value == data.end() && !optional) return std::unexpected(fmt::format("data lacks {}", name));
        auto text = value == data.end() ? std::string() : text_of(value->second);
        words.push_back(type == "CAA" && name == "value" ? in_quotes(text) : std::move(text));
    }
    return join(words, " ");
}

/// "@" as a target is the zone; a name without a dot would be a top-level domain.
Normal<std::string> with_full_target(std::string_view type, std::string text, std::string_view zone) {
    static constexpr std::array ends_in_host{"CNAME", "MX", "NS", "PTR", "SRV"};
    if (std::ranges::find(ends_in_host, type) == ends_in_host.end()) return text;
    const auto at = text.find_last_of(" \t") + 1;
    const auto host = std::string_view(text).substr(at);
    if (host == "@") return text.replace(at, 1, zone);
    if (!host.empty() && host.find('.') == std::string_view::npos)
        return std::unexpected(
            fmt::format("names '{}', which has no dot: write {}.{}", printable(host), printable(host), zone));
    return text;
}

Normal<std::string> text_of(const DeclaredRecord& declared, std::string_view type, std::string_view zone) {
    if (!declared.data.empty()) return text_of_data(declared, type);
    if (!declared.content) return std::unexpected("it has neither content nor data");
    if (type == "TXT") return *declared.content;
    std::string text(trim(*declared.content));
    const bool takes_priority = type == "MX" || type == "SRV" || type == "HTTPS" || type == "SVCB";
    if (declared.priority && !takes_priority)
        return std::unexpected(fmt::format("type {} has no priority", type));
    if (declared.priority) text = fmt::format("{} {}", *declared.priority, text);
    if (type == "MX" && text.find_first_of(" \t") == std::string::npos)
        return std::unexpected("it needs a priority");
    return with_full_target(type, std::move(text), zone);
}

}  // namespace

Normal<Record> declared_record(const DeclaredRecord& declared, std::string_view zone) {
    Record record;
    for (const char c : declared.type) record.type += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    if (!is_managed_type(record.type))
        return std::unexpected(fmt::format("type {} isn't managed by kavi", printable(declared.type)));
    auto name = normal_name(declared.name, zone);
    if (!name) return std::unexpected("the name " + name.error());
    const auto text = text_of(declared, record.type, zone);
    if (!text) return std::unexpected(text.error());
    auto value = normal_value(record.type, *text);
    if (!value) return std::unexpected("the content " + value.error());
    record.name = std::move(*name);
    record.value = std::move(*value);
    record.proxied = declared.proxied.value_or(false);
    record.ttl = declared.ttl.value_or(1);
    record.comment = std::string(trim(declared.comment.value_or("")));
    if (record.proxied && record.ttl != 1) return std::unexpected("a proxied record has no ttl of its own");
    return record;
}

}  // namespace kavi::model

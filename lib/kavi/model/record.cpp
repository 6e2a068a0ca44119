#include <kavi/base/text.hpp>
#include <kavi/model/record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include <idn2.h>

namespace kavi::model {
namespace {

constexpr std::array managed{
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NS", "PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"};

constexpr std::size_t longest_label = 63, longest_name = 253;

constexpr bool is_name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// U-labels to A-labels; the rest in lower case.
Normal<std::string> to_ascii(std::string_view text) {
    if (is_ascii(text)) return lower(text);
    std::string ascii;
    for (const auto& label : split(text, '.')) {
        if (!ascii.empty()) ascii += '.';
        if (is_ascii(label)) {
            ascii += lower(label);
            continue;
        }
        std::uint8_t* converted = nullptr;
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(label.c_str());
        const int status = ::idn2_lookup_u8(bytes, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        const std::unique_ptr<std::uint8_t, decltype(&::idn2_free)> owner(converted, &::idn2_free);
        if (status != IDN2_OK)
            return std::unexpected(fmt::format("can't be written in punycode: {}", ::idn2_strerror(status)));
        ascii += reinterpret_cast<const char*>(converted);
    }
    return ascii;
}

/// Why the name, in lower case, can't be one; empty: it can.
std::string problem_with(std::string_view name) {
    if (name.empty()) return "is empty";
    if (name.size() > longest_name) return fmt::format("is longer than {} characters", longest_name);
    std::size_t label = 0;
    for (std::size_t i = name.starts_with("*.") ? 2 : 0; i <= name.size(); ++i) {
        if (i == name.size() || name[i] == '.') {
            if (label == 0) return "has an empty label";
            if (label > longest_label)
                return fmt::format("has a label longer than {} characters", longest_label);
            label = 0;
        } else if (!is_name_letter(name[i])) {
            if (name[i] == '*') return "has a * that isn't its first label";
            return fmt::format("has a '{}', which names can't have", printable(name.substr(i, 1)));
        } else {
            ++label;
        }
    }
    return {};
}

bool is_within(std::string_view name, std::string_view zone) {
    return name.ends_with(zone) && (name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.');
}

}  // namespace

bool is_managed_type(std::string_view type) {
    return std::ranges::find(managed, type) != managed.end();
}

bool can_be_proxied(std::string_view type) {
    return type == "A" || type == "AAAA" || type == "CNAME";
}

Normal<std::string> normal_host(std::string_view text) {
    if (text == ".") return std::string(text);
    if (text == "*") return std::unexpected("has a * without a name behind it");
    if (text.ends_with('.')) text.remove_suffix(1);
    auto host = to_ascii(text);
    if (!host) return host;
    if (auto problem = problem_with(*host); !problem.empty()) return std::unexpected(std::move(problem));
    return host;
}

Normal<std::string> normal_name(std::string_view text, std::string_view zone) {
    if (text == "@") return std::string(zone);
    if (text == ".") return std::unexpected("isn't a name");
    const bool absolute = text.ends_with('.');
    if (text == "*") return "*." + std::string(zone);
    auto name = normal_host(text);
    if (!name || is_within(*name, zone)) return name;
    if (absolute) return std::unexpected(fmt::format("isn't in the zone {}", zone));
    *name += '.';
    *name += zone;
    if (name->size() > longest_name)
        return std::unexpected(fmt::format("is longer than {} characters", longest_name));
    return name;
}

std::string short_name(std::string_view name, std::string_view zone) {
    if (name == zone) return "@";
    if (!is_within(name, zone)) return std::string(name);
    return std::string(name.substr(0, name.size() - zone.size() - 1));
}

}  // namespace kavi::model

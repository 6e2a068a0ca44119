#include "record_svcb.hpp"
#include "record_text.hpp"

#include <kavi/base/text.hpp>
#include <kavi/model/record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include <arpa/inet.h>

namespace kavi::model {
namespace {

constexpr std::size_t largest_txt = 4096;  // Cloudflare's limit, on the wire

enum class Word { byte, number, host_or_none, tag, quoted, hex, parameters };

struct Shape {
    std::string_view type;
    std::vector<Word> words;
    std::vector<std::string_view> names;
};

/// What the values of types of several words consist of; the last word takes all that follows.
const std::array shapes{
    Shape{"CAA", {Word::byte, Word::tag, Word::quoted}, {"flags", "tag", "value"}},
    Shape{"DS",
          {Word::number, Word::byte, Word::byte, Word::hex},
          {"key_tag", "algorithm", "digest_type", "digest"}},
    Shape{"HTTPS", {Word::number, Word::host_or_none, Word::parameters}, {"priority", "target", "value"}},
    Shape{"MX", {Word::number, Word::host_or_none}, {"priority", "target"}},
    Shape{"SRV",
          {Word::number, Word::number, Word::number, Word::host_or_none},
          {"priority", "weight", "port", "target"}},
    Shape{"SSHFP", {Word::byte, Word::byte, Word::hex}, {"algorithm", "type", "fingerprint"}},
    Shape{"SVCB", {Word::number, Word::host_or_none, Word::parameters}, {"priority", "target", "value"}},
    Shape{"TLSA",
          {Word::byte, Word::byte, Word::byte, Word::hex},
          {"usage", "selector", "matching_type", "certificate"}},
};

const Shape* shape_of(std::string_view type) {
    const auto found = std::ranges::find(shapes, type, &Shape::type);
    return found == shapes.end() ? nullptr : &*found;
}

Normal<std::string> normal_address(std::string_view text, int family) {
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> shown{};
    const std::string given(text);
    if (::inet_pton(family, given.c_str(), address.data()) != 1 || given.size() != text.size())
        return std::unexpected(family == AF_INET ? "isn't an IPv4 address" : "isn't an IPv6 address");
    return std::string(::inet_ntop(family, address.data(), shown.data(), shown.size()));
}

Normal<std::string> normal_number(std::string_view text, unsigned most) {
    unsigned number = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (text.empty() || read.ptr != end || read.ec != std::errc{} || number > most)
        return std::unexpected(
            fmt::format("has '{}' where a number from 0 to {} is due", printable(text), most));
    return std::to_string(number);
}

Normal<std::string> normal_target(std::string_view text, bool may_be_none) {
    auto host = normal_host(text);
    if (!host) return std::unexpected("names a host that " + host.error());
    if (*host == ".") {
        if (may_be_none) return host;
        return std::unexpected("names no host");
    }
    if (host->starts_with('*')) return std::unexpected("names a host with a *");
    const auto last = std::string_view(*host).substr(host->rfind('.') + 1);
    if (last.find_first_not_of("0123456789") == std::string_view::npos)
        return std::unexpected("is an address where a host name is due");
    return host;
}

Normal<std::string> normal_hex(std::string_view text) {
    std::string digits;
    for (const char c : lower(text))
        if (c != ' ' && c != '\t') digits += c;
    if (digits.empty() || digits.size() % 2 != 0 ||
        digits.find_first_not_of("0123456789abcdef") != std::string::npos)
        return std::unexpected("has no even number of hexadecimal digits at its end");
    return digits;
}

Normal<std::string> normal_quoted(std::string_view text) {
    if (!text.starts_with('"')) return std::string(text);
    std::string bytes;
    std::size_t at = 0;
    if (!take_quoted(text, at, bytes) || at != text.size()) return std::unexpected("has a quote too many");
    return bytes;
}

Normal<std::string> normal_tag(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    auto tag = lower(text);
    if (tag.empty() || !std::ranges::all_of(tag, is_letter))
        return std::unexpected(fmt::format("has '{}' where a tag like issue is due", printable(text)));
    return tag;
}

Normal<std::string> normal_word(Word word, std::string_view text) {
    switch (word) {
        case Word::byte:
            return normal_number(text, 255);
        case Word::number:
            return normal_number(text, 65535);
        case Word::host_or_none:
            return normal_target(text, true);
        case Word::tag:
            return normal_tag(text);
        case Word::quoted:
            return normal_quoted(text);
        case Word::hex:
            return normal_hex(text);
        case Word::parameters:
            return normal_parameters(text);
    }
    return std::string(text);
}

/// Cuts the first `count - 1` words off; the rest is the last one.
std::vector<std::string_view> cut(std::string_view text, std::size_t count) {
    std::vector<std::string_view> words;
    while (words.size() + 1 < count) {
        const auto end = std::min(text.find_first_of(" \t"), text.size());
        words.push_back(text.substr(0, end));
        text = trim(text.substr(end));
    }
    words.push_back(text);
    return words;
}

/// The digest's length where the algorithm says it: RFC 4255, 6594 (SSHFP), 4034, 4509, 6605 (DS), 6698
/// (TLSA).
std::optional<std::size_t> digits_due(std::string_view type, const std::vector<std::string>& words) {
    if (type == "SSHFP" && words[1] == "1") return 40;
    if (type == "SSHFP" && words[1] == "2") return 64;
    if (type == "DS" && words[2] == "1") return 40;
    if (type == "DS" && words[2] == "2") return 64;
    if (type == "DS" && words[2] == "4") return 96;
    if (type == "TLSA" && words[2] == "1") return 64;
    if (type == "TLSA" && words[2] == "2") return 128;
    return std::nullopt;
}

Normal<std::string> normal_shape(const Shape& shape, std::string_view text) {
    const auto given = cut(text, shape.words.size());
    std::vector<std::string> words;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const bool optional = shape.words[i] == Word::parameters;
        if (given[i].empty() && !optional)
            return std::unexpected(fmt::format("has {} where {} words are due", i, shape.words.size()));
        auto word = normal_word(shape.words[i], given[i]);
        if (!word) return word;
        words.push_back(std::move(*word));
    }
    const auto due = digits_due(shape.type, words);
    if (due && words.back().size() != *due)
        return std::unexpected(
            fmt::format("has a digest of {} hexadecimal digits instead of {}", words.back().size(), *due));
    if (shape.words.back() == Word::parameters && words[0] == "0" && !words.back().empty())
        return std::unexpected("has priority 0 (an alias) and parameters");
    if (words.back().empty() && shape.words.back() == Word::parameters) words.pop_back();
    return join(words, " ");
}

Normal<std::string> normal_txt(std::string_view text) {
    auto bytes = txt_bytes(text);
    if (!bytes) return bytes;
    if (bytes->empty()) return std::unexpected("is empty");
    if (const auto size = txt_wire_size(*bytes); size > largest_txt)
        return std::unexpected(fmt::format("takes {} bytes, more than {}", size, largest_txt));
    return bytes;
}

}  // namespace

Normal<std::string> normal_value(std::string_view type, std::string_view text) {
    if (type == "TXT") return normal_txt(text);
    text = trim(text);
    if (text.empty()) return std::unexpected("is empty");
    if (type == "A") return normal_address(text, AF_INET);
    if (type == "AAAA") return normal_address(text, AF_INET6);
    if (const auto* shape = shape_of(type)) return normal_shape(*shape, text);
    if (type == "CNAME" || type == "NS" || type == "PTR") return normal_target(text, false);
    return std::unexpected("is of a type that isn't managed");
}

std::vector<std::string> value_words(std::string_view type, std::string_view value) {
    const auto* shape = shape_of(type);
    if (!shape) return {std::string(value)};
    std::vector<std::string> words;
    for (std::size_t i = 0; i + 1 < shape->words.size(); ++i) {
        const auto end = std::min(value.find(' '), value.size());
        words.emplace_back(value.substr(0, end));
        value.remove_prefix(std::min(end + 1, value.size()));
    }
    words.emplace_back(value);
    return words;
}

std::span<const std::string_view> value_members(std::string_view type) {
    const auto* shape = shape_of(type);
    return shape ? std::span<const std::string_view>(shape->names) : std::span<const std::string_view>();
}

std::string shown_value(std::string_view type, std::string_view value) {
    if (type == "TXT") return txt_quoted(value);
    if (type != "CAA") return std::string(value);
    const auto words = value_words(type, value);
    return fmt::format("{} {} {}", words[0], words[1], in_quotes(words[2]));
}

}  // namespace kavi::model

#include <kavi/base/secret.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/bech32.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace kavi::seal {

namespace {

constexpr std::string_view alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t checksum_size = 6;

using Groups = std::vector<std::uint8_t>;  // of five bits

std::uint32_t checksum_step(std::uint32_t state, std::uint8_t value) {
    constexpr std::uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    const auto top = state >> 25;
    state = ((state & 0x1ffffff) << 5) ^ value;
    for (unsigned bit = 0; bit < 5; ++bit)
        if ((top >> bit) & 1) state ^= generator[bit];
    return state;
}

std::uint32_t checksum(std::string_view prefix, const Groups& groups) {
    std::uint32_t state = 1;
    for (const unsigned char c : prefix) state = checksum_step(state, static_cast<std::uint8_t>(c >> 5));
    state = checksum_step(state, 0);
    for (const unsigned char c : prefix) state = checksum_step(state, c & 31);
    for (const auto group : groups) state = checksum_step(state, group);
    return state;
}

/// Repacks `from` bits a value into `to` bits. nullopt: bits left over that aren't a zero padding.
std::optional<std::vector<std::uint8_t>> repack(std::span<const std::uint8_t> values,
                                                unsigned from,
                                                unsigned to,
                                                bool pad) {
    std::vector<std::uint8_t> result;
    std::uint32_t buffer = 0;
    unsigned held = 0;
    for (const auto value : values) {
        buffer = ((buffer << from) | value) & 0xfff;
        held += from;
        while (held >= to) {
            held -= to;
            result.push_back(static_cast<std::uint8_t>((buffer >> held) & ((1U << to) - 1)));
        }
    }
    const auto rest = buffer & ((1U << held) - 1);
    if (pad && held > 0)
        result.push_back(static_cast<std::uint8_t>((rest << (to - held)) & ((1U << to) - 1)));
    if (!pad && (held >= from || rest != 0)) return std::nullopt;
    return result;
}

/// The groups that the text's characters stand for; nullopt for an unknown one.
std::optional<Groups> groups_of(std::string_view text) {
    Groups groups;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        groups.push_back(static_cast<std::uint8_t>(value));
    }
    return groups;
}

bool mixed_case(std::string_view text) {
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    return std::ranges::any_of(text, is_lower) && std::ranges::any_of(text, is_upper);
}

}  // namespace

std::string encode_bech32(std::string_view prefix, std::string_view data) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(data.data());
    auto groups = repack({begin, data.size()}, 8, 5, true).value();
    auto whole = groups;
    whole.insert(whole.end(), checksum_size, 0);
    const auto sum = checksum(prefix, whole) ^ 1;
    for (std::size_t i = 0; i < checksum_size; ++i)
        groups.push_back(static_cast<std::uint8_t>((sum >> (5 * (checksum_size - 1 - i))) & 31));
    std::string text(prefix);
    text += '1';
    for (const auto group : groups) text += alphabet[group];
    return text;
}

std::optional<Bech32> decode_bech32(std::string_view text) {
    if (mixed_case(text)) return std::nullopt;
    auto normal = lower(text);
    const auto separator = normal.rfind('1');
    if (separator == std::string::npos || separator == 0 || normal.size() - separator - 1 < checksum_size)
        return std::nullopt;
    Bech32 result{normal.substr(0, separator), {}};
    const auto printable_ascii = [](char c) { return c >= 33 && c <= 126; };
    auto groups = groups_of(std::string_view(normal).substr(separator + 1));
    wipe(normal);
    if (!groups || !std::ranges::all_of(result.prefix, printable_ascii)) return std::nullopt;
    if (checksum(result.prefix, *groups) != 1) return std::nullopt;
    groups->resize(groups->size() - checksum_size);
    const auto bytes = repack(*groups, 5, 8, false);
    if (!bytes) return std::nullopt;
    result.data.assign(bytes->begin(), bytes->end());
    return result;
}

}  // namespace kavi::seal

#include "estate_keys.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace kavi::model {

namespace {

constexpr std::array ssh_types{"ssh-ed25519",
                               "ssh-rsa",
                               "ecdsa-sha2-nistp256",
                               "ecdsa-sha2-nistp384",
                               "ecdsa-sha2-nistp521",
                               "sk-ssh-ed25519@openssh.com",
                               "sk-ecdsa-sha2-nistp256@openssh.com"};

/// The first string of an SSH wire encoding; empty where there is none.
std::string_view first_string(std::string_view bytes) {
    if (bytes.size() < 4) return {};
    std::uint32_t size = 0;
    for (const char c : bytes.substr(0, 4)) size = size << 8 | static_cast<unsigned char>(c);
    return size <= bytes.size() - 4 ? bytes.substr(4, size) : std::string_view();
}

constexpr std::string_view bech32_letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

std::uint32_t bech32_step(std::uint32_t checksum, std::uint32_t value) {
    constexpr std::array<std::uint32_t, 5> generator{
        0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    const auto top = checksum >> 25;
    checksum = (checksum & 0x1ffffff) << 5 ^ value;
    for (std::size_t i = 0; i < generator.size(); ++i)
        if ((top >> i & 1) != 0) checksum ^= generator[i];
    return checksum;
}

}  // namespace

bool is_ssh_public_key(std::string_view line) {
    const auto words = split(trim(line), ' ');
    if (words.size() < 2 || line.find_first_of("\n\r") != std::string_view::npos) return false;
    if (std::ranges::find(ssh_types, words[0]) == ssh_types.end()) return false;
    const auto blob = decode_base64(words[1]);
    return blob && first_string(*blob) == words[0] && blob->size() > words[0].size() + 36;
}

bool is_age_recipient(std::string_view text) {
    constexpr std::string_view prefix = "age";
    constexpr std::size_t characters = 52 + 6;  // 32 bytes in groups of five bits, and the checksum
    if (!text.starts_with("age1") || text.size() != prefix.size() + 1 + characters) return false;
    std::uint32_t checksum = 1;
    for (const char c : prefix) checksum = bech32_step(checksum, static_cast<std::uint32_t>(c) >> 5);
    checksum = bech32_step(checksum, 0);
    for (const char c : prefix) checksum = bech32_step(checksum, static_cast<std::uint32_t>(c) & 31);
    for (const char c : text.substr(prefix.size() + 1)) {
        const auto value = bech32_letters.find(c);
        if (value == std::string_view::npos) return false;
        checksum = bech32_step(checksum, static_cast<std::uint32_t>(value));
    }
    return checksum == 1;
}

bool is_host_key_fingerprint(std::string_view text) {
    constexpr std::string_view prefix = "SHA256:";
    if (!text.starts_with(prefix)) return false;
    const auto bytes = decode_base64(text.substr(prefix.size()));
    return bytes && bytes->size() == 32 && !text.ends_with('=');
}

}  // namespace kavi::model

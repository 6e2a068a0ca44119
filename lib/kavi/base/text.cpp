#include <kavi/base/text.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <stdexcept>

namespace kavi {

std::string_view trim(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n\f\v";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    std::string joined;
    for (const auto& part : parts) {
        if (&part != parts.data()) joined += separator;
        joined += part;
    }
    return joined;
}

std::string lower(std::string_view ascii) {
    std::string result(ascii);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

namespace {

/// Packs 8-bit bytes into groups of `bits` and maps each by `alphabet`.
std::string encode_groups(std::string_view bytes, unsigned bits, std::string_view alphabet) {
    std::string text;
    std::uint32_t buffer = 0;
    unsigned held = 0;
    for (const unsigned char byte : bytes) {
        buffer = (buffer << 8) | byte;
        held += 8;
        while (held >= bits) {
            held -= bits;
            text += alphabet[(buffer >> held) & ((1U << bits) - 1)];
        }
    }
    if (held > 0) text += alphabet[(buffer << (bits - held)) & ((1U << bits) - 1)];
    return text;
}

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(std::string_view bytes, bool padded) {
    auto text = encode_groups(bytes, 6, base64_alphabet);
    while (padded && text.size() % 4 != 0) text += '=';
    return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
    const auto whole = text.size();
    while (!text.empty() && text.back() == '=' && whole - text.size() < 2) text.remove_suffix(1);
    if (text.size() != whole && whole % 4 != 0) return std::nullopt;
    std::string bytes;
    std::uint32_t buffer = 0;
    unsigned held = 0;
    for (const char c : text) {
        const auto value = base64_alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        buffer = (buffer << 6) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>((buffer >> held) & 0xff);
        }
    }
    if (held >= 6 || (buffer & ((1U << held) - 1)) != 0) return std::nullopt;
    return bytes;
}

std::string base32(std::string_view bytes) { return encode_groups(bytes, 5, "abcdefghijklmnopqrstuvwxyz234567"); }

std::string sha256(std::string_view bytes) {
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()),
           bytes.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
    return digest;
}

std::string sha256_tag(std::string_view bytes) { return "sha256:" + hex(sha256(bytes)); }

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    unsigned length = 0;
    HMAC(EVP_sha256(),
         key.data(),
         static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(bytes.data()),
         bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()),
         &length);
    return digest;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
        throw std::runtime_error("the system's random generator failed");
    return bytes;
}

std::string shell_quote(std::string_view word) {
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

std::string printable(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == 0x1b) {  // an escape sequence: CSI runs to its final byte, OSC to BEL or ST, others take one more byte
            if (i + 1 < text.size() && text[i + 1] == '[') {
                i += 2;
                while (i < text.size() && (text[i] < 0x40 || text[i] > 0x7e)) ++i;
            } else if (i + 1 < text.size() && text[i + 1] == ']') {
                i += 2;
                while (i < text.size() && text[i] != '\a' && text[i] != 0x1b) ++i;
                if (i < text.size() && text[i] == 0x1b) ++i;
            } else {
                ++i;
            }
        } else if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
            ++i;  // C1 controls in UTF-8
        } else if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') {
            clean += text[i];
        }
    }
    return clean;
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
    std::optional<std::string> best;
    auto best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const auto& candidate : candidates) {
        const auto distance = edit_distance(lower(word), lower(candidate));
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace kavi

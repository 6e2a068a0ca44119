#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/ssh_keys.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>

namespace kavi::net {

namespace {

constexpr std::string_view key_type = "ssh-ed25519";
constexpr std::string_view magic("openssh-key-v1\0", 15);
constexpr std::string_view begin_mark = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view end_mark = "-----END OPENSSH PRIVATE KEY-----";

struct FreeKey {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

using RawKey = std::array<unsigned char, 32>;

std::string_view view(const RawKey& raw) {
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

void put_number(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

void put_string(std::string& out, std::string_view text) {
    put_number(out, static_cast<std::uint32_t>(text.size()));
    out.append(text);
}

/// Takes a length-prefixed string off the front; nullopt where it is cut off.
std::optional<std::string_view> take_string(std::string_view& in) {
    if (in.size() < 4) return {};
    std::uint32_t size = 0;
    for (int i = 0; i < 4; ++i)
        size = size << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
    if (in.size() - 4 < size) return {};
    const auto text = in.substr(4, size);
    in.remove_prefix(4 + size);
    return text;
}

std::string public_blob(const RawKey& public_key) {
    std::string blob;
    put_string(blob, key_type);
    put_string(blob, view(public_key));
    return blob;
}

/// The part of the file that a passphrase would encrypt. Reserved in full, so that no copy stays behind.
std::string private_part(const RawKey& private_key, const RawKey& public_key, std::string_view comment) {
    std::string part;
    part.reserve(256 + comment.size());
    const auto check = random_bytes(4);
    part.append(check).append(check);
    put_string(part, key_type);
    put_string(part, view(public_key));
    put_number(part, 64);
    part.append(view(private_key)).append(view(public_key));
    put_string(part, comment);
    for (char pad = 1; part.size() % 8 != 0; ++pad) part += pad;
    return part;
}

Secret key_file(std::string_view blob, std::string& part) {
    std::string bytes;
    bytes.reserve(256 + blob.size() + part.size());
    bytes.append(magic);
    put_string(bytes, "none");
    put_string(bytes, "none");
    put_string(bytes, "");
    put_number(bytes, 1);
    put_string(bytes, blob);
    put_string(bytes, part);
    auto encoded = base64(bytes);
    std::string file;
    file.reserve(encoded.size() * 2 + 200);
    file.append(begin_mark).append("\n");
    for (std::size_t at = 0; at < encoded.size(); at += 70)
        file.append(std::string_view(encoded).substr(at, 70)).append("\n");
    file.append(end_mark).append("\n");
    wipe(part);
    wipe(bytes);
    wipe(encoded);
    return Secret::take(file);
}

}  // namespace

SshKeyPair make_ed25519_key(std::string_view comment) {
    const std::unique_ptr<EVP_PKEY, FreeKey> key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    RawKey private_key{}, public_key{};
    std::size_t private_size = private_key.size(), public_size = public_key.size();
    if (!key || EVP_PKEY_get_raw_private_key(key.get(), private_key.data(), &private_size) != 1 ||
        EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &public_size) != 1)
        throw Error(errors::internal, "no Ed25519 key could be made");
    const auto blob = public_blob(public_key);
    auto part = private_part(private_key, public_key, comment);
    OPENSSL_cleanse(private_key.data(), private_key.size());
    const std::string separator = comment.empty() ? "" : " ";
    return {.private_key = key_file(blob, part),
            .public_line = fmt::format("{} {}{}{}", key_type, base64(blob), separator, comment),
            .digest = sha256(blob)};
}

std::optional<std::string> public_key_digest(std::string_view line) {
    const auto text = trim(line);
    const auto space = text.find(' ');
    if (space == std::string_view::npos || text.find('\n') != std::string_view::npos) return {};
    const auto type = text.substr(0, space);
    const auto rest = trim(text.substr(space));
    const auto blob = decode_base64(rest.substr(0, rest.find_first_of(" \t")));
    if (!blob) return {};
    std::string_view in = *blob;
    const auto inner_type = take_string(in);
    if (!inner_type || *inner_type != type || in.empty()) return {};
    return sha256(*blob);
}

bool is_encrypted_key(std::string_view private_key) {
    const auto begin = private_key.find(begin_mark);
    if (begin == std::string_view::npos)
        return private_key.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
               private_key.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
    std::string head;
    for (const char c : private_key.substr(begin + begin_mark.size(), 80))
        if (c != '\n' && c != '\r' && head.size() < 40) head += c;
    const auto bytes = decode_base64(head);
    if (!bytes || !bytes->starts_with(magic)) return false;
    std::string_view in = std::string_view(*bytes).substr(magic.size());
    const auto cipher = take_string(in);
    return cipher && *cipher != "none";
}

}  // namespace kavi::net

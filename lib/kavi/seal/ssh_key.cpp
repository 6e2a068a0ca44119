#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/crypto.hpp>
#include <kavi/seal/ssh_key.hpp>
#include <kavi/seal/ssh_wire.hpp>

#include <fmt/format.h>

#include <utility>

namespace kavi::seal {

namespace {

constexpr std::string_view ed25519_type = "ssh-ed25519";
constexpr std::string_view begin_line = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view end_line = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view magic = std::string_view("openssh-key-v1\0", 15);

Error unfit(std::string_view source, std::string_view why) {
    return Error(errors::sealed_unreadable, fmt::format("the SSH key {} can't be used", source))
        .because(std::string(why));
}

/// The bytes between the two lines; nullopt: not there, or not base64.
std::optional<std::string> pem_content(std::string_view text) {
    const auto begin = text.find(begin_line);
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin + begin_line.size());
    const auto end = text.find(end_line);
    if (end == std::string_view::npos) return std::nullopt;
    std::string packed;
    for (const char c : text.substr(0, end))
        if (c != '\n' && c != '\r' && c != ' ') packed += c;
    auto content = decode_base64(packed);
    wipe(packed);
    return content;
}

std::optional<SshPublicKey> public_key_of(std::string_view wire, std::string_view comment) {
    WireReader fields(wire);
    const auto type = fields.string();
    if (!type || type->empty()) return std::nullopt;
    if (*type == ed25519_type) {
        const auto key = fields.string();
        if (!key || key->size() != 32 || !fields.at_end()) return std::nullopt;
    }
    return SshPublicKey{std::string(*type), std::string(wire), std::string(comment)};
}

/// The part of the file that holds the seed: two equal numbers, type, public half, both halves, comment,
/// padding.
SshPrivateKey private_part(std::string_view bytes, std::string_view source) {
    WireReader fields(bytes);
    const auto first = fields.number(), second = fields.number();
    const auto type = fields.string();
    if (!first || first != second || !type) throw unfit(source, "it is damaged");
    if (*type != ed25519_type)
        throw unfit(source, fmt::format("it is an {} key; only ssh-ed25519 ones work", *type));
    const auto half = fields.string(), both = fields.string(), comment = fields.string();
    if (!half || !both || both->size() != 64 || !comment) throw unfit(source, "it is damaged");
    SshPrivateKey key{Secret(both->substr(0, 32)), SshPublicKey::of_ed25519(*half, *comment)};
    if (ed25519_public(key.seed) != *half) throw unfit(source, "its two halves don't belong together");
    return key;
}

}  // namespace

std::string SshPublicKey::ed25519() const {
    return type == ed25519_type ? wire.substr(wire.size() - 32) : std::string();
}

std::string SshPublicKey::fingerprint() const {
    return "SHA256:" + base64(sha256(wire), false);
}

std::string SshPublicKey::line() const {
    const auto key = fmt::format("{} {}", type, base64(wire));
    return comment.empty() ? key : key + " " + comment;
}

SshPublicKey SshPublicKey::of_ed25519(std::string_view key, std::string_view comment) {
    std::string wire;
    put_string(wire, ed25519_type);
    put_string(wire, key);
    return {std::string(ed25519_type), std::move(wire), std::string(comment)};
}

std::optional<SshPublicKey> parse_ssh_public_key(std::string_view line) {
    const auto words = trim(line);
    const auto type_end = words.find(' ');
    if (type_end == std::string_view::npos) return std::nullopt;
    const auto rest = trim(words.substr(type_end + 1));
    const auto key_end = rest.find_first_of(" \t");
    const auto wire = decode_base64(rest.substr(0, key_end));
    if (!wire) return std::nullopt;
    const auto comment = key_end == std::string_view::npos ? std::string_view() : trim(rest.substr(key_end));
    auto key = public_key_of(*wire, comment);
    if (!key || key->type != words.substr(0, type_end)) return std::nullopt;
    return key;
}

bool looks_like_ssh_private_key(std::string_view text) {
    return trim(text).starts_with(begin_line);
}

SshPrivateKey read_ssh_private_key(std::string_view text, std::string_view source) {
    auto content = pem_content(text);
    if (!content) throw unfit(source, "it isn't a private key in OpenSSH's own form");
    const Secret bytes = Secret::take(*content);
    WireReader fields(bytes.reveal());
    if (fields.bytes(magic.size()) != magic) throw unfit(source, "it is of an unknown version");
    const auto cipher = fields.string(), derivation = fields.string(), options = fields.string();
    const auto count = fields.number();
    const auto half = fields.string(), sealed = fields.string();
    if (!cipher || !derivation || !options || count != 1U || !half || !sealed)
        throw unfit(source, "it is damaged");
    if (*cipher != "none") throw unfit(source, "it has a passphrase");
    return private_part(*sealed, source);
}

SshPrivateKey generate_ssh_key(std::string_view comment) {
    auto seed = random_secret(32);
    auto key = SshPublicKey::of_ed25519(ed25519_public(seed), comment);
    return {std::move(seed), std::move(key)};
}

Secret write_ssh_private_key(const SshPrivateKey& key) {
    const auto half = key.public_key.ed25519();
    auto check = random_bytes(4);
    auto both = std::string(key.seed.reveal()) + half;
    std::string secret_part = check + check;
    put_string(secret_part, ed25519_type);
    put_string(secret_part, half);
    put_string(secret_part, both);
    put_string(secret_part, key.public_key.comment);
    for (char pad = 1; secret_part.size() % 8 != 0; ++pad) secret_part += pad;

    std::string bytes(magic);
    put_string(bytes, "none");
    put_string(bytes, "none");
    put_string(bytes, "");
    put_number(bytes, 1);
    put_string(bytes, key.public_key.wire);
    put_string(bytes, secret_part);

    auto packed = base64(bytes);
    std::string text = std::string(begin_line) + "\n";
    for (std::size_t at = 0; at < packed.size(); at += 70) text += packed.substr(at, 70) + "\n";
    text += std::string(end_line) + "\n";
    for (auto* used : {&both, &secret_part, &bytes, &packed}) wipe(*used);
    return Secret::take(text);
}

}  // namespace kavi::seal

#include <kavi/base/text.hpp>
#include <kavi/seal/crypto.hpp>
#include <kavi/seal/ssh_wire.hpp>
#include <kavi/seal/sshsig.hpp>

namespace kavi::seal {

namespace {

constexpr std::string_view magic = "SSHSIG";
constexpr std::string_view begin_line = "-----BEGIN SSH SIGNATURE-----";
constexpr std::string_view end_line = "-----END SSH SIGNATURE-----";
constexpr std::string_view ed25519_type = "ssh-ed25519";

/// What is really signed: the message's digest, bound to the namespace. nullopt: an unknown hash.
std::optional<std::string> signed_bytes(std::string_view name_space,
                                        std::string_view hash,
                                        std::string_view message) {
    if (hash != "sha512" && hash != "sha256") return std::nullopt;
    std::string bytes(magic);
    put_string(bytes, name_space);
    put_string(bytes, "");
    put_string(bytes, hash);
    put_string(bytes, hash == "sha512" ? sha512(message) : sha256(message));
    return bytes;
}

std::optional<std::string> unarmored(std::string_view text) {
    text = trim(text);
    if (!text.starts_with(begin_line) || !text.ends_with(end_line)) return std::nullopt;
    text.remove_prefix(begin_line.size());
    text.remove_suffix(std::min(end_line.size(), text.size()));
    std::string packed;
    for (const char c : text)
        if (c != '\n' && c != '\r') packed += c;
    return decode_base64(packed);
}

/// The 64 bytes inside the signature field; nullopt: not Ed25519.
std::optional<std::string_view> raw_signature(std::string_view field) {
    WireReader fields(field);
    const auto type = fields.string(), bytes = fields.string();
    if (type != ed25519_type || !bytes || bytes->size() != 64 || !fields.at_end()) return std::nullopt;
    return bytes;
}

}  // namespace

std::string sign_sshsig(const SshPrivateKey& key, std::string_view name_space, std::string_view message) {
    std::string signature;
    put_string(signature, ed25519_type);
    put_string(signature, ed25519_sign(key.seed, *signed_bytes(name_space, "sha512", message)));
    std::string bytes(magic);
    put_number(bytes, 1);
    put_string(bytes, key.public_key.wire);
    put_string(bytes, name_space);
    put_string(bytes, "");
    put_string(bytes, "sha512");
    put_string(bytes, signature);

    const auto packed = base64(bytes);
    std::string text = std::string(begin_line) + "\n";
    for (std::size_t at = 0; at < packed.size(); at += 70) text += packed.substr(at, 70) + "\n";
    return text + std::string(end_line) + "\n";
}

std::optional<SshPublicKey> verify_sshsig(std::string_view signature,
                                          std::string_view name_space,
                                          std::string_view message) {
    const auto bytes = unarmored(signature);
    if (!bytes) return std::nullopt;
    WireReader fields(*bytes);
    const auto start = fields.bytes(magic.size());
    const auto version = fields.number();
    const auto wire = fields.string(), space = fields.string(), reserved = fields.string(),
               hash = fields.string(), field = fields.string();
    if (start != magic || version != 1U || space != name_space || !reserved || !hash || !field)
        return std::nullopt;
    auto key = parse_ssh_public_key(std::string(ed25519_type) + " " + base64(*wire));
    const auto raw = raw_signature(*field);
    const auto covered = signed_bytes(name_space, *hash, message);
    if (!fields.at_end() || !key || !raw || !covered || !ed25519_verify(key->ed25519(), *raw, *covered))
        return std::nullopt;
    return key;
}

}  // namespace kavi::seal

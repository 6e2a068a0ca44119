#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/age_keys.hpp>
#include <kavi/seal/bech32.hpp>
#include <kavi/seal/crypto.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::seal {

namespace {

constexpr std::size_t file_key_size = 16;
constexpr std::size_t wrapped_size = file_key_size + 16;
constexpr std::string_view x25519_label = "age-encryption.org/v1/X25519";
constexpr std::string_view ssh_label = "age-encryption.org/v1/ssh-ed25519";
constexpr std::string_view scrypt_label = "age-encryption.org/v1/scrypt";
constexpr std::string_view identity_prefix = "age-secret-key-";

AgeError bad(std::string_view what) {
    return {AgeFault::header, fmt::format("the age header is malformed: {}", what)};
}

/// A stanza's argument that must be exactly so many bytes.
std::string decoded(const std::string& argument, std::size_t size, std::string_view what) {
    auto bytes = argument.find('=') == std::string::npos ? decode_base64(argument) : std::nullopt;
    if (!bytes || bytes->size() != size)
        throw bad(fmt::format("{} isn't {} bytes of canonical base64", what, size));
    return *bytes;
}

/// Before any decryption: a body of another length could tell an attacker which of his guesses is the key.
void check_shape(const Stanza& stanza, std::size_t arguments) {
    if (stanza.arguments.size() != arguments)
        throw bad(
            fmt::format("a {} recipient has {} arguments", stanza.arguments[0], stanza.arguments.size() - 1));
    if (stanza.body.size() != wrapped_size)
        throw bad(fmt::format("a {} recipient's body isn't {} bytes", stanza.arguments[0], wrapped_size));
}

// --- X25519 ---

Secret x25519_wrap_key(const Secret& shared, std::string_view share, std::string_view recipient) {
    return hkdf_sha256(shared.reveal(), std::string(share) + std::string(recipient), x25519_label);
}

Stanza wrap(const X25519Recipient& recipient, const Secret& file_key) {
    const auto ephemeral = random_secret(32);
    const auto share = x25519_public(ephemeral);
    const auto shared = x25519(ephemeral, recipient.key);
    if (!shared) throw Error(errors::sealed_unreadable, "the age recipient is a point of low order");
    return {{"X25519", base64(share, false)},
            seal_once(x25519_wrap_key(*shared, share, recipient.key), file_key)};
}

std::optional<Secret> unwrap(const X25519Identity& identity, const std::vector<Stanza>& stanzas) {
    const auto own = x25519_public(identity.scalar);
    for (const auto& stanza : stanzas) {
        if (stanza.arguments[0] != "X25519") continue;
        check_shape(stanza, 2);
        const auto share = decoded(stanza.arguments[1], 32, "an X25519 share");
        const auto shared = x25519(identity.scalar, share);
        if (!shared) throw bad("an X25519 share is a point of low order");
        if (auto key = open_once(x25519_wrap_key(*shared, share, own), stanza.body)) return key;
    }
    return std::nullopt;
}

// --- ssh-ed25519 ---

std::string ssh_tag(const SshPublicKey& key) {
    return base64(sha256(key.wire).substr(0, 4), false);
}

/// Multiplies by a scalar made from the SSH key, so that the result belongs to that key and no other.
std::optional<Secret> tweaked(const Secret& shared, const SshPublicKey& key) {
    return x25519(hkdf_sha256({}, key.wire, ssh_label), shared.reveal());
}

Secret ssh_wrap_key(const Secret& shared, std::string_view share, std::string_view recipient) {
    return hkdf_sha256(shared.reveal(), std::string(share) + std::string(recipient), ssh_label);
}

Stanza wrap(const SshRecipient& recipient, const Secret& file_key) {
    const auto point = ed25519_to_x25519(recipient.key.ed25519());
    const auto ephemeral = random_secret(32);
    const auto share = x25519_public(ephemeral);
    const auto plain = point ? x25519(ephemeral, *point) : std::nullopt;
    const auto shared = plain ? tweaked(*plain, recipient.key) : std::nullopt;
    if (!shared) throw Error(errors::sealed_unreadable, "the SSH key isn't a point of the curve");
    return {{"ssh-ed25519", ssh_tag(recipient.key), base64(share, false)},
            seal_once(ssh_wrap_key(*shared, share, *point), file_key)};
}

std::optional<Secret> unwrap(const SshIdentity& identity, const std::vector<Stanza>& stanzas) {
    const auto& key = identity.key.public_key;
    const auto scalar = ed25519_seed_to_x25519(identity.key.seed);
    for (const auto& stanza : stanzas) {
        if (stanza.arguments[0] != "ssh-ed25519") continue;
        check_shape(stanza, 3);
        if (stanza.arguments[1] != ssh_tag(key)) continue;
        const auto share = decoded(stanza.arguments[2], 32, "an ssh-ed25519 share");
        const auto plain = x25519(scalar, share);
        const auto shared = plain ? tweaked(*plain, key) : std::nullopt;
        if (!shared) throw bad("an ssh-ed25519 share is a point of low order");
        if (auto file_key = open_once(ssh_wrap_key(*shared, share, x25519_public(scalar)), stanza.body))
            return file_key;
    }
    return std::nullopt;
}

// --- passphrase ---

Stanza wrap(const PassphraseRecipient& recipient, const Secret& file_key) {
    const auto salt = random_bytes(16);
    const auto key = scrypt(recipient.passphrase, std::string(scrypt_label) + salt, recipient.work_factor);
    return {{"scrypt", base64(salt, false), std::to_string(recipient.work_factor)}, seal_once(key, file_key)};
}

/// "[1-9][0-9]*", nothing else.
int work_factor(const std::string& text, int largest) {
    int factor = 0;
    const auto* end = text.data() + text.size();
    const bool digits = !text.empty() && text[0] >= '1' && text[0] <= '9';
    const auto [stopped, error] = std::from_chars(text.data(), end, factor);
    if (!digits || stopped != end || (error != std::errc() && error != std::errc::result_out_of_range))
        throw bad("scrypt's work factor isn't a plain number");
    if (error != std::errc() || factor > largest)
        throw bad(fmt::format("scrypt's work factor is larger than {}", largest));
    return factor;
}

std::optional<Secret> unwrap(const PassphraseIdentity& identity, const std::vector<Stanza>& stanzas) {
    for (const auto& stanza : stanzas) {
        if (stanza.arguments[0] != "scrypt") continue;
        check_shape(stanza, 3);
        const auto salt = decoded(stanza.arguments[1], 16, "scrypt's salt");
        const auto factor = work_factor(stanza.arguments[2], identity.largest_work_factor);
        const auto key = scrypt(identity.passphrase, std::string(scrypt_label) + salt, factor);
        if (auto file_key = open_once(key, stanza.body)) return file_key;
    }
    return std::nullopt;
}

Error not_a_recipient(std::string_view why) {
    Error error(errors::sealed_unreadable, "an age recipient can't be used");
    error.because(std::string(why));
    error.fix("a recipient looks like 'age1…' (age-keygen prints it) or 'ssh-ed25519 AAAA…'");
    return error;
}

Identity parse_identity_line(std::string_view line, std::string_view source, int number) {
    auto decoded_line = decode_bech32(line);
    const auto refuse = [&](std::string_view why) {
        return Error(errors::sealed_unreadable, fmt::format("the identity file {} can't be used", source))
            .because(fmt::format("line {} {}", number, why));
    };
    if (!decoded_line) throw refuse("isn't an age identity (AGE-SECRET-KEY-1…), or is damaged");
    if (decoded_line->prefix.starts_with("age-plugin-"))
        throw refuse("belongs to a plugin of age's, which kavi can't use");
    if (decoded_line->prefix == "age-secret-key-pq-")
        throw refuse("is of the post-quantum kind, which kavi can't use");
    if (decoded_line->prefix != identity_prefix || decoded_line->data.size() != 32)
        throw refuse("isn't an X25519 identity");
    return X25519Identity{Secret::take(decoded_line->data)};
}

}  // namespace

Recipient parse_recipient(std::string_view text) {
    text = trim(text);
    if (text.starts_with("ssh-")) {
        auto key = parse_ssh_public_key(text);
        if (!key) throw not_a_recipient("the SSH key is damaged");
        if (key->ed25519().empty())
            throw not_a_recipient(fmt::format("{} keys don't work, only ssh-ed25519", key->type));
        if (!ed25519_to_x25519(key->ed25519()))
            throw not_a_recipient("the SSH key isn't a point of the curve");
        return SshRecipient{std::move(*key)};
    }
    const auto decoded_text = decode_bech32(text);
    if (!decoded_text)
        throw not_a_recipient(fmt::format("'{}' isn't one, or has a typing mistake", printable(text)));
    if (decoded_text->prefix == "age1pq") throw not_a_recipient("it is of the post-quantum kind");
    if (decoded_text->prefix != "age" || decoded_text->data.size() != 32)
        throw not_a_recipient(fmt::format("'{}' isn't an X25519 recipient", printable(text)));
    return X25519Recipient{decoded_text->data};
}

std::string X25519Identity::recipient() const {
    return encode_bech32("age", x25519_public(scalar));
}

Secret X25519Identity::text() const {
    auto text = encode_bech32(identity_prefix, scalar.reveal());
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return Secret::take(text);
}

X25519Identity X25519Identity::generate() {
    return {random_secret(32)};
}

std::vector<Identity> parse_identities(std::string_view text, std::string_view source) {
    if (looks_like_ssh_private_key(text)) return {SshIdentity{read_ssh_private_key(text, source)}};
    std::vector<Identity> identities;
    int number = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trim(text.substr(0, end));
        ++number;
        if (!line.empty() && !line.starts_with('#'))
            identities.push_back(parse_identity_line(line, source, number));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    if (identities.empty())
        throw Error(errors::sealed_unreadable, fmt::format("the identity file {} holds no identity", source));
    return identities;
}

Stanza wrap_file_key(const Recipient& recipient, const Secret& file_key) {
    return std::visit([&](const auto& one) { return wrap(one, file_key); }, recipient);
}

std::optional<Secret> unwrap_file_key(const Identity& identity, const std::vector<Stanza>& stanzas) {
    return std::visit([&](const auto& one) { return unwrap(one, stanzas); }, identity);
}

void check_passphrase_alone(const std::vector<Stanza>& stanzas) {
    const auto is_passphrase = [](const Stanza& stanza) { return stanza.arguments[0] == "scrypt"; };
    if (stanzas.size() > 1 && std::ranges::any_of(stanzas, is_passphrase))
        throw bad("a passphrase stands beside other recipients");
}

}  // namespace kavi::seal

#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/seal/age_header.hpp>
#include <kavi/seal/ssh_key.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Who an age file is for, and who can open it.
namespace kavi::seal {

struct X25519Recipient {
    std::string key;  ///< 32 bytes
};

struct SshRecipient {
    SshPublicKey key;  ///< ssh-ed25519
};

struct PassphraseRecipient {
    Secret passphrase;
    int work_factor = 18;  ///< log2 of scrypt's N: 256 MiB of memory
};

using Recipient = std::variant<X25519Recipient, SshRecipient, PassphraseRecipient>;

/// "age1…" or an authorized_keys line. Throws errors::sealed_unreadable saying what it is instead.
Recipient parse_recipient(std::string_view text);

struct X25519Identity {
    Secret scalar;

    std::string recipient() const;  ///< "age1…"
    Secret text() const;            ///< "AGE-SECRET-KEY-1…"
    static X25519Identity generate();
};

struct SshIdentity {
    SshPrivateKey key;
};

struct PassphraseIdentity {
    Secret passphrase;
    int largest_work_factor = 22;  ///< 4 GiB of memory; more is refused before anything is derived
};

using Identity = std::variant<X25519Identity, SshIdentity, PassphraseIdentity>;

/// Reads an identity file: lines AGE-SECRET-KEY-1…, '#' comments, or an OpenSSH private key. Throws
/// errors::sealed_unreadable with `source` (never a line of it).
std::vector<Identity> parse_identities(std::string_view text, std::string_view source);

/// The stanza with which this recipient gets the file key.
Stanza wrap_file_key(const Recipient& recipient, const Secret& file_key);

/// The file key, or nullopt where no stanza is for this identity. Throws AgeError (header) for a stanza of
/// its kind that breaks the rules.
std::optional<Secret> unwrap_file_key(const Identity& identity, const std::vector<Stanza>& stanzas);

/// Throws AgeError (header) where a passphrase stands beside other recipients.
void check_passphrase_alone(const std::vector<Stanza>& stanzas);

}  // namespace kavi::seal

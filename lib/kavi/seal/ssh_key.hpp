#pragma once

#include <kavi/base/secret.hpp>

#include <optional>
#include <string>
#include <string_view>

/// OpenSSH's keys, Ed25519 only where a private half is involved.
namespace kavi::seal {

/// What stands in an authorized_keys line.
struct SshPublicKey {
    std::string type;  ///< "ssh-ed25519"
    std::string wire;  ///< the blob that is base64 in the line
    std::string comment;

    /// The 32 bytes of an Ed25519 key; empty for any other type.
    std::string ed25519() const;
    /// "SHA256:…" as ssh-keygen -l shows it.
    std::string fingerprint() const;
    /// "ssh-ed25519 AAAA… comment".
    std::string line() const;

    static SshPublicKey of_ed25519(std::string_view key, std::string_view comment);

    friend bool operator==(const SshPublicKey& a, const SshPublicKey& b) { return a.wire == b.wire; }
};

/// nullopt: it isn't one, or its options stand in front (not wanted here).
std::optional<SshPublicKey> parse_ssh_public_key(std::string_view line);

struct SshPrivateKey {
    Secret seed;  ///< 32 bytes
    SshPublicKey public_key;
};

bool looks_like_ssh_private_key(std::string_view text);

/// Reads a file of ssh-keygen's. Throws errors::sealed_unreadable with `source` where it is malformed, has a
/// passphrase or isn't Ed25519.
SshPrivateKey read_ssh_private_key(std::string_view text, std::string_view source);

SshPrivateKey generate_ssh_key(std::string_view comment);

/// The file that ssh and sshd read, without a passphrase.
Secret write_ssh_private_key(const SshPrivateKey& key);

}  // namespace kavi::seal

#pragma once

#include <kavi/base/secret.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace kavi::net {

/// A key pair made here: what goes to a server as its host key, or to a person.
struct SshKeyPair {
    Secret private_key;       ///< openssh-key-v1, without a passphrase, ending in a newline
    std::string public_line;  ///< "ssh-ed25519 AAAA… comment"
    std::string digest;       ///< SHA-256 of the public blob, 32 raw bytes: what SshTarget::pins holds
};

/// A fresh Ed25519 key. The comment may not hold a line break. Format: OpenSSH's PROTOCOL.key.
SshKeyPair make_ed25519_key(std::string_view comment = "");

/// The digest (SHA-256, 32 raw bytes) of a public key's line, "ssh-ed25519 AAAA… comment"; nullopt where it
/// isn't one: unknown layout, base64 that isn't canonical, or a blob of another type than the line says.
std::optional<std::string> public_key_digest(std::string_view line);

/// Does this private key (PEM or OpenSSH form) ask for a passphrase?
bool is_encrypted_key(std::string_view private_key);

}  // namespace kavi::net

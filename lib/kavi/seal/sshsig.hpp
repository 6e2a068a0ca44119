#pragma once

#include <kavi/seal/ssh_key.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// Signatures as `ssh-keygen -Y sign` makes and `ssh-keygen -Y verify` checks them (OpenSSH's
/// PROTOCOL.sshsig).
namespace kavi::seal {

/// Signs with Ed25519 in this process. The result is the armored signature, "-----BEGIN SSH SIGNATURE-----…".
std::string sign_sshsig(const SshPrivateKey& key, std::string_view name_space, std::string_view message);

/// The key that made the armored signature over this message in this namespace; nullopt: it isn't a good
/// signature, or not by an Ed25519 key. Whether that key may sign is the caller's question.
std::optional<SshPublicKey> verify_sshsig(std::string_view signature,
                                          std::string_view name_space,
                                          std::string_view message);

}  // namespace kavi::seal

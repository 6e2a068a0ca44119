#pragma once

#include <string_view>

/// Public keys as people paste them.
namespace kavi::model {

/// A line of authorized_keys without options: a known type, base64 that holds that type, perhaps a comment.
bool is_ssh_public_key(std::string_view line);

/// An age recipient of the X25519 kind: bech32 of 32 bytes with the prefix "age", checksum included.
/// Source: BIP 173, and the age specification.
bool is_age_recipient(std::string_view text);

/// "SHA256:" and the 43 characters of base64, as ssh-keygen -l prints it.
bool is_host_key_fingerprint(std::string_view text);

}  // namespace kavi::model

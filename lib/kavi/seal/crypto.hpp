#pragma once

#include <kavi/base/secret.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// The primitives that age and SSH signatures are made of, on OpenSSL. Byte strings throughout.
namespace kavi::seal {

/// HKDF-SHA-256 (RFC 5869), extract and expand. An empty salt is 32 zero bytes.
Secret hkdf_sha256(std::string_view key_material,
                   std::string_view salt,
                   std::string_view info,
                   std::size_t length = 32);

/// scrypt with N = 2^log2_n, r = 8, p = 1, 32 bytes. Takes 2^(log2_n + 10) bytes of memory while it runs.
/// Throws errors::sealed_unreadable where that can't be had.
Secret scrypt(const Secret& passphrase, std::string_view salt, int log2_n);

std::string sha512(std::string_view bytes);

/// A fresh key of `count` bytes.
Secret random_secret(std::size_t count);

/// X25519's public value of a 32-byte scalar.
std::string x25519_public(const Secret& scalar);

/// nullopt: the point is of low order, so the result would be zero.
std::optional<Secret> x25519(const Secret& scalar, std::string_view point);

/// ChaCha20-Poly1305 under a key used once: the nonce is zero. What is sealed is 16 bytes longer.
std::string seal_once(const Secret& key, const Secret& plain);
std::optional<Secret> open_once(const Secret& key, std::string_view sealed);

std::string ed25519_public(const Secret& seed);
std::string ed25519_sign(const Secret& seed, std::string_view message);
bool ed25519_verify(std::string_view public_key, std::string_view signature, std::string_view message);

/// The Curve25519 u coordinate of an Ed25519 public key; nullopt: it is no point of the curve.
std::optional<std::string> ed25519_to_x25519(std::string_view public_key);

/// The X25519 scalar that belongs to an Ed25519 seed.
Secret ed25519_seed_to_x25519(const Secret& seed);

/// Compares in time that depends on the sizes only.
bool same_bytes(std::string_view a, std::string_view b);

}  // namespace kavi::seal

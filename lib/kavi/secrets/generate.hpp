#pragma once

#include <kavi/secrets/secrets.hpp>

namespace kavi::secrets {

/// What a secret may be made of where it is missing.
enum class Recipe {
    none,  ///< a person must say it
    fingerprint_key,
    encryption_key,  ///< Infisical's: 16 random bytes as 32 hex digits
    auth_secret,     ///< Infisical's: base64 of 32 random bytes
    database_uri,    ///< Infisical's own role, with a password of letters and digits
    redis_url,
    password,  ///< 32 letters and digits
};

/// By the secret's name: INFISICAL_ENCRYPTION_KEY and the other three of Infisical's own, …_PASSWORD,
/// …_SECRET.
Recipe recipe_of(std::string_view name);

/// A fresh value. Letters and digits only where it stands in an address, so that no program has to decode it.
Secret generate(Recipe recipe);

}  // namespace kavi::secrets

#include <kavi/base/text.hpp>
#include <kavi/secrets/generate.hpp>

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace kavi::secrets {

namespace {

struct Row {
    std::string_view name;
    Recipe recipe;
};

constexpr std::array exact{
    Row{"KAVI_FINGERPRINT_KEY", Recipe::fingerprint_key},
    Row{"INFISICAL_ENCRYPTION_KEY", Recipe::encryption_key},
    Row{"INFISICAL_AUTH_SECRET", Recipe::auth_secret},
    Row{"INFISICAL_DB_CONNECTION_URI", Recipe::database_uri},
    Row{"INFISICAL_REDIS_URL", Recipe::redis_url},
};

/// 62 letters and digits; bytes that would favour the first ones are thrown away.
std::string letters_and_digits(std::size_t count) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::size_t fair = 256 / alphabet.size() * alphabet.size();
    std::string text;
    while (text.size() < count)
        for (const unsigned char byte : random_bytes(count))
            if (byte < fair && text.size() < count) text += alphabet[byte % alphabet.size()];
    return text;
}

std::string fresh(Recipe recipe) {
    switch (recipe) {
        case Recipe::fingerprint_key:
            return base64(random_bytes(32));
        case Recipe::encryption_key:
            return hex(random_bytes(16));
        case Recipe::auth_secret:
            return base64(random_bytes(32));
        case Recipe::database_uri:
            return fmt::format("postgres://infisical:{}@postgres:5432/infisical", letters_and_digits(32));
        case Recipe::redis_url:
            return fmt::format("redis://:{}@redis:6379", letters_and_digits(32));
        case Recipe::password:
            return letters_and_digits(32);
        case Recipe::none:
            break;
    }
    throw std::logic_error("nothing can be made from no recipe");
}

}  // namespace

Recipe recipe_of(std::string_view name) {
    for (const auto& row : exact)
        if (row.name == name) return row.recipe;
    if (name.ends_with("_PASSWORD") || name.ends_with("_SECRET")) return Recipe::password;
    return Recipe::none;
}

Secret generate(Recipe recipe) {
    auto text = fresh(recipe);
    return Secret::take(text);
}

}  // namespace kavi::secrets

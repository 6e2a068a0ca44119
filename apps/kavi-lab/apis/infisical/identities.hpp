#pragma once

#include "../http/call.hpp"
#include "../lab_apis.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab::infisical {

struct Identity {
    IdentitySeed seed;
    std::string id, client_secret_id;
    std::int64_t logins = 0;
    bool client_secret_revoked = false;
    std::deque<std::chrono::system_clock::time_point> failures{};
    std::optional<std::chrono::system_clock::time_point> locked_until{};
};

/// The machine identities of an instance and their tokens.
class Identities {
  public:
    Identities(const std::vector<IdentitySeed>& seeds, InfisicalAge age, std::string organisation);

    /// Universal auth: {accessToken, expiresIn, accessTokenMaxTTL, tokenType}. Throws Problem.
    Json log_in(const std::string& client_id, const std::string& client_secret);
    Json renew(const std::string& token);
    void revoke(const std::string& token);
    void revoke_client_secret(Identity& identity);
    /// A new token of token auth, {accessToken, …, tokenData}.
    Json make_token(Identity& identity, const std::string& name);

    /// Who sends that request; its token is used once more. Throws Problem.
    const Identity& caller(const Call& call);

    Identity* by_id(std::string_view id) const;

    const std::vector<std::unique_ptr<Identity>>& all() const { return all_; }

  private:
    using Time = std::chrono::system_clock::time_point;

    struct Token {
        Identity* identity;
        std::string method;
        Time made;
        std::int64_t uses = 0;
        bool revoked = false;
    };

    Token& token_of(const std::string& text, const std::string& revoked_prefix);
    Token& make(Identity& identity, const std::string& method, std::string& id);
    std::string sign(const Token& token, const std::string& id, std::chrono::seconds ttl) const;
    Json claims(const Token& token, const std::string& id, std::chrono::seconds ttl) const;
    Json granted(const Token& token, const std::string& id) const;
    std::chrono::seconds time_left(const Token& token) const;
    Json verified_claims(const std::string& text) const;
    void check_lockout(Identity& identity);
    void wrong_secret(Identity& identity);

    InfisicalAge age_;
    std::string organisation_;
    std::string key_;
    std::vector<std::unique_ptr<Identity>> all_;
    std::map<std::string, Token> tokens_;  ///< by their jti
};

}  // namespace kavi::lab::infisical

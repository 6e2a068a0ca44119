#include "infisical.hpp"

namespace kavi::lab::infisical {
namespace {

/// Both members, or 422 that names each absent one.
std::pair<std::string, std::string> credentials(const Json& body) {
    Json issues = Json::array();
    for (const auto* field : {"clientId", "clientSecret"}) {
        const auto found = body.find(field);
        if (found == body.end())
            issues.push_back(type_issue(field, "string", Json(Json::value_t::discarded)));
        else if (!found->is_string())
            issues.push_back(type_issue(field, "string", *found));
    }
    if (!issues.empty()) throw validation(std::move(issues));
    return {body["clientId"], body["clientSecret"]};
}

Identity& identity_of(Infisical& infisical, const Call& call) {
    infisical.caller(call);
    auto* found = infisical.identities().by_id(call.params.at("id"));
    if (found == nullptr) throw not_found("Failed to find identity with ID " + call.params.at("id"));
    return *found;
}

Answer revoke_client_secret(Infisical& infisical, const Call& call) {
    auto& identity = identity_of(infisical, call);
    infisical.identities().revoke_client_secret(identity);
    return Answer::json(200,
                        {{"clientSecretData",
                          {{"id", identity.client_secret_id},
                           {"createdAt", timestamp()},
                           {"updatedAt", timestamp()},
                           {"description", ""},
                           {"clientSecretPrefix", identity.seed.client_secret.substr(0, 4)},
                           {"clientSecretNumUses", identity.logins},
                           {"clientSecretNumUsesLimit", identity.seed.client_secret_uses},
                           {"clientSecretTTL", 0},
                           {"identityUAId", identity.id},
                           {"isClientSecretRevoked", true}}}});
}

Answer status(const Infisical& infisical) {
    Json body{{"date", timestamp()},
              {"message", "Ok"},
              {"emailConfigured", false},
              {"inviteOnlySignup", true},
              {"redisConfigured", true},
              {"secretScanningConfigured", false}};
    if (infisical.seed().age == InfisicalAge::july_2026) {
        body["auditLogStorageDisabled"] = false;
        body["maxIdentityAccessTokenTTL"] = 7776000;
    }
    return Answer::json(200, body);
}

}  // namespace

void add_auth_routes(Router& router, Infisical& infisical) {
    router.add("GET", "/api/status", [&](Call&) { return status(infisical); });
    router.add("POST", "/api/v1/auth/universal-auth/login", [&](Call& call) {
        const auto [id, secret] = credentials(body_of(call));
        return Answer::json(200, infisical.identities().log_in(id, secret));
    });
    router.add("POST", "/api/v1/auth/token/renew", [&](Call& call) {
        return Answer::json(200, infisical.identities().renew(required(body_of(call), "accessToken")));
    });
    router.add("POST", "/api/v1/auth/token/revoke", [&](Call& call) {
        infisical.identities().revoke(required(body_of(call), "accessToken"));
        return Answer::json(200, {{"message", "Successfully revoked access token"}});
    });
    router.add("POST", "/api/v1/auth/token-auth/identities/{id}/tokens", [&](Call& call) {
        auto& identity = identity_of(infisical, call);
        return Answer::json(200,
                            infisical.identities().make_token(identity, string_or(body_of(call), "name")));
    });
    router.add("POST",
               "/api/v1/auth/universal-auth/identities/{id}/client-secrets/{secret}/revoke",
               [&](Call& call) { return revoke_client_secret(infisical, call); });
}

}  // namespace kavi::lab::infisical

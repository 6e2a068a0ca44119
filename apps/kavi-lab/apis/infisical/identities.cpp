#include "identities.hpp"

#include "problem.hpp"
#include "vault.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <utility>

namespace kavi::lab::infisical {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::size_t lockout_threshold = 3;
constexpr auto lockout_window = seconds(30);

std::string url_base64(std::string_view bytes) {
    auto text = base64(bytes, false);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::optional<Json> decoded_json(std::string text) {
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    const auto bytes = decode_base64(text);
    if (!bytes) return std::nullopt;
    auto value = Json::parse(*bytes, nullptr, false);
    if (!value.is_object()) return std::nullopt;
    return value;
}

std::int64_t epoch(system_clock::time_point time) {
    return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count();
}

Problem malformed() {
    return token_error(
        "The provided access token is malformed. Please use a valid token or generate a new one and try "
        "again.");
}

}  // namespace

Identities::Identities(const std::vector<IdentitySeed>& seeds, InfisicalAge age, std::string organisation)
    : age_(age), organisation_(std::move(organisation)), key_(random_bytes(32)) {
    for (const auto& seed : seeds) {
        auto& one = *all_.emplace_back(std::make_unique<Identity>());
        one.seed = seed;
        one.id = uuid_of("identity " + seed.name);
        one.client_secret_id = uuid_of("client secret of " + seed.name);
        if (seed.client_id.empty()) one.seed.client_id = uuid_of("client of " + seed.name);
        if (seed.client_secret.empty()) one.seed.client_secret = hex(sha256("client secret " + seed.name));
    }
}

Json Identities::log_in(const std::string& client_id, const std::string& client_secret) {
    const auto found = std::ranges::find_if(
        all_, [&](const auto& one) { return one->seed.client_id == client_id && !client_id.empty(); });
    if (found == all_.end()) throw unauthorized("Invalid credentials");
    auto& identity = **found;
    check_lockout(identity);
    if (identity.client_secret_revoked || client_secret != identity.seed.client_secret)
        wrong_secret(identity);
    const auto& seed = identity.seed;
    if (seed.client_secret_ttl && seed.client_secret_ttl->count() <= 0)
        throw unauthorized("Access denied due to expired client secret");
    if (seed.client_secret_uses > 0 && identity.logins >= seed.client_secret_uses)
        throw unauthorized("Access denied due to client secret usage limit reached");
    ++identity.logins;
    identity.failures.clear();
    std::string id;
    const auto& token = make(identity, "universal-auth", id);
    return granted(token, id);
}

void Identities::check_lockout(Identity& identity) {
    if (!identity.locked_until) return;
    if (system_clock::now() < *identity.locked_until)
        throw unauthorized("This identity auth method is temporarily locked, please try again later");
    identity.locked_until.reset();
    identity.failures.clear();
}

void Identities::wrong_secret(Identity& identity) {
    const auto now = system_clock::now();
    auto& failures = identity.failures;
    while (!failures.empty() && now - failures.front() > lockout_window) failures.pop_front();
    failures.push_back(now);
    if (failures.size() >= lockout_threshold) identity.locked_until = now + identity.seed.lockout;
    throw unauthorized("Invalid credentials");
}

Identities::Token& Identities::make(Identity& identity, const std::string& method, std::string& id) {
    id = fresh_uuid();
    return tokens_[id] = Token{&identity, method, system_clock::now()};
}

Json Identities::granted(const Token& token, const std::string& id) const {
    const auto ttl = time_left(token);
    const bool periodic = token.identity->seed.token_period.count() > 0;
    return {{"accessToken", sign(token, id, ttl)},
            {"expiresIn", ttl.count()},
            {"accessTokenMaxTTL", periodic ? 0 : token.identity->seed.token_max_ttl.count()},
            {"tokenType", "Bearer"}};
}

seconds Identities::time_left(const Token& token) const {
    const auto& seed = token.identity->seed;
    if (seed.token_period.count() > 0) return seed.token_period;
    if (seed.token_max_ttl.count() == 0) return seed.token_ttl;
    const auto age = std::chrono::duration_cast<seconds>(system_clock::now() - token.made);
    return std::min(seed.token_ttl, seed.token_max_ttl - age);
}

Json Identities::claims(const Token& token, const std::string& id, seconds ttl) const {
    const auto now = epoch(system_clock::now());
    const auto& identity = *token.identity;
    Json claims{{"identityId", identity.id},
                {"clientSecretId", token.method == "universal-auth" ? identity.client_secret_id : ""},
                {"identityAccessTokenId", id},
                {"authTokenType", "identityAccessToken"},
                {"iat", now},
                {"exp", now + ttl.count()}};
    if (age_ == InfisicalAge::june_2025) return claims;
    claims.update({{"identityName", identity.seed.name},
                   {"authMethod", token.method},
                   {"orgId", organisation_},
                   {"rootOrgId", organisation_},
                   {"parentOrgId", organisation_},
                   {"ipRestrictionEnabled", true},
                   {"accessTokenTTL", identity.seed.token_ttl.count()},
                   {"accessTokenMaxTTL", identity.seed.token_max_ttl.count()},
                   {"accessTokenPeriod", identity.seed.token_period.count()},
                   {"creationEpoch", epoch(token.made)},
                   {"identityAuth", Json::object()},
                   {"jti", id}});
    return claims;
}

std::string Identities::sign(const Token& token, const std::string& id, seconds ttl) const {
    const auto signed_part =
        url_base64(R"({"alg":"HS256","typ":"JWT"})") + "." + url_base64(claims(token, id, ttl).dump());
    return signed_part + "." + url_base64(hmac_sha256(key_, signed_part));
}

Json Identities::verified_claims(const std::string& text) const {
    const auto parts = split(text, '.');
    if (parts.size() != 3 || !decoded_json(parts[0])) throw malformed();
    const auto claims = decoded_json(parts[1]);
    if (!claims) throw malformed();
    if (parts[2] != url_base64(hmac_sha256(key_, parts[0] + "." + parts[1])))
        throw token_error("invalid signature");
    if (claims->value("exp", std::int64_t{0}) <= epoch(system_clock::now()))
        throw token_error("Your token has expired. Please re-authenticate.");
    return *claims;
}

Identities::Token& Identities::token_of(const std::string& text, const std::string& prefix) {
    const auto claims = verified_claims(text);
    const auto found = tokens_.find(string_or(claims, "identityAccessTokenId"));
    const bool old = age_ == InfisicalAge::june_2025;
    if (found == tokens_.end()) throw unauthorized("No identity access token found");
    auto& token = found->second;
    if (token.identity->client_secret_revoked && token.method == "universal-auth")
        throw unauthorized(prefix + "client secret has been revoked");
    if (token.revoked)
        throw unauthorized(old ? "No identity access token found" : prefix + "token has been revoked");
    return token;
}

Json Identities::renew(const std::string& text) {
    auto& token = token_of(text, "Cannot renew: ");
    if (time_left(token).count() <= 0) throw unauthorized("Cannot renew: token has reached its max TTL");
    return granted(token, string_or(verified_claims(text), "identityAccessTokenId"));
}

void Identities::revoke(const std::string& text) {
    token_of(text, "Cannot revoke: ").revoked = true;
}

void Identities::revoke_client_secret(Identity& identity) {
    identity.client_secret_revoked = true;
}

Json Identities::make_token(Identity& identity, const std::string& name) {
    std::string id;
    const auto& token = make(identity, "token-auth", id);
    auto answer = granted(token, id);
    const auto made = timestamp(token.made);
    answer["tokenData"] = {{"id", id},
                           {"accessTokenTTL", identity.seed.token_ttl.count()},
                           {"accessTokenMaxTTL", identity.seed.token_max_ttl.count()},
                           {"accessTokenNumUses", 0},
                           {"accessTokenNumUsesLimit", identity.seed.token_uses},
                           {"accessTokenLastUsedAt", nullptr},
                           {"accessTokenLastRenewedAt", nullptr},
                           {"isAccessTokenRevoked", false},
                           {"identityUAClientSecretId", nullptr},
                           {"identityId", identity.id},
                           {"createdAt", made},
                           {"updatedAt", made},
                           {"name", name.empty() ? Json(nullptr) : Json(name)},
                           {"authMethod", "token-auth"},
                           {"accessTokenPeriod", identity.seed.token_period.count()},
                           {"subOrganizationId", nullptr}};
    return answer;
}

const Identity& Identities::caller(const Call& call) {
    const auto text = call.bearer();
    if (!text || text->empty()) throw unauthorized("Token missing");
    for (const auto& one : all_)
        if (!one->seed.token.empty() && one->seed.token == *text) return *one;
    if (text->starts_with("st.")) {
        const auto id = split(*text, '.').at(1);
        throw not_found("Service token with ID '" + id + "' not found");
    }
    auto& token = token_of(*text, "Failed to authorize: ");
    const auto limit = token.identity->seed.token_uses;
    if (limit > 0 && token.uses >= limit)
        throw unauthorized("Failed to authorize: token usage limit reached");
    ++token.uses;
    return *token.identity;
}

Identity* Identities::by_id(std::string_view id) const {
    for (const auto& one : all_)
        if (one->id == id) return one.get();
    return nullptr;
}

}  // namespace kavi::lab::infisical

#include <kavi/api/infisical_wire.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::api::infisical {

namespace {

constexpr std::string_view sealed_advice =
    "try again; while Infisical is down, '--sealed' works from the sealed copy of its secrets";

Json* member(Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

bool flag(Json& object, const char* key) {
    const auto* value = member(object, key);
    return value && value->is_boolean() && value->get<bool>();
}

/// The messages of a 422 are an array of issues: "secretName: may not contain a colon".
std::string issues(const Json& list) {
    std::vector<std::string> parts;
    for (const auto& issue : list) {
        const auto text = string_or(issue, "message");
        const bool named = issue.is_object() && issue.contains("path") && issue["path"].is_array() &&
                           !issue["path"].empty() && issue["path"].back().is_string();
        parts.push_back(named ? issue["path"].back().get<std::string>() + ": " + text : text);
    }
    return join(parts, "; ");
}

Error told(Error error, const Complaint& complaint) {
    if (!complaint.message.empty()) error.because(complaint.message);
    if (!complaint.request_id.empty()) error.because(fmt::format("request {}", complaint.request_id));
    return error;
}

Error refused_token(const Complaint& complaint, std::string_view base_url) {
    auto error = told(
        Error(errors::credentials_refused, fmt::format("Infisical at {} refused the access token", base_url)),
        complaint);
    return error.fix(
        "set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and …_CLIENT_SECRET, or a token that is still good as "
        "INFISICAL_TOKEN");
}

Error no_right(const Complaint& complaint, std::string_view doing) {
    auto error =
        told(Error(errors::rights_missing, fmt::format("this identity may not {}", doing)), complaint);
    return error.fix(
        complaint.error == "ProjectMembershipNotFound"
            ? "add the identity to the project in Infisical (Access Control → Machine Identities)"
            : "give the identity a role in the project that may do this");
}

/// Takes the value out of the JSON, so that no readable copy stays there.
InfisicalSecret secret_of(Json& json) {
    InfisicalSecret secret;
    secret.key = string_or(json, "secretKey");
    if (auto* value = member(json, "secretValue"); value && value->is_string())
        secret.value = Secret::take(value->get_ref<std::string&>());
    secret.folder = string_or(json, "secretPath");
    secret.environment = string_or(json, "environment");
    if (const auto* version = member(json, "version"); version && version->is_number_integer())
        secret.version = version->get<std::int64_t>();
    secret.hidden = flag(json, "secretValueHidden");
    secret.personal = string_or(json, "type") == "personal";
    secret.quoted_newlines = flag(json, "skipMultilineEncoding");
    return secret;
}

std::vector<InfisicalSecret> secrets_of(Json* list) {
    std::vector<InfisicalSecret> secrets;
    if (!list || !list->is_array()) return secrets;
    for (auto& json : *list) secrets.push_back(secret_of(json));
    return secrets;
}

}  // namespace

Complaint complaint_of(const net::Response& response) {
    Complaint complaint{.status = response.status, .error = {}, .message = {}, .request_id = {}};
    const auto body = Json::parse(response.body, nullptr, false);
    if (!body.is_object()) return complaint;
    complaint.error = printable(string_or(body, "error"));
    complaint.request_id = printable(string_or(body, "reqId"));
    const auto message = body.find("message");
    if (message == body.end()) return complaint;
    complaint.message = printable(message->is_array() ? issues(*message) : string_or(body, "message"));
    return complaint;
}

Error error_of(const Complaint& complaint, std::string_view doing, std::string_view base_url) {
    if (complaint.stale_token()) return refused_token(complaint, base_url);
    if (complaint.status == 403) return no_right(complaint, doing);
    if (complaint.status == 429)
        return told(Error(errors::secrets_unavailable,
                          fmt::format("Infisical's rate limit stopped kavi: {}", doing)),
                    complaint)
            .fix("wait a minute and try again");
    if (complaint.status >= 500)
        return told(Error(errors::secrets_unavailable,
                          fmt::format("Infisical at {} fails (HTTP {})", base_url, complaint.status)),
                    complaint)
            .fix(std::string(sealed_advice));
    if (complaint.status < 400 || complaint.unknown_route())
        return told(Error(errors::secrets_unavailable,
                          fmt::format(
                              "what answers at {} isn't Infisical (HTTP {})", base_url, complaint.status)),
                    complaint)
            .fix("check the address ([secrets] url, INFISICAL_DOMAIN) and what stands in front of it");
    const auto code = complaint.status == 404 ? errors::secret_missing : errors::infisical_refused;
    return told(Error(code, fmt::format("Infisical couldn't {}", doing)), complaint);
}

Error login_error_of(const Complaint& complaint, std::string_view base_url) {
    const bool refused = complaint.status == 401 || complaint.status == 403 || complaint.status == 422;
    if (!refused) return error_of(complaint, "log in", base_url);
    auto error =
        told(Error(errors::credentials_refused, fmt::format("Infisical at {} refused the login", base_url)),
             complaint);
    if (complaint.message.find("locked") != std::string::npos)
        return error.fix("wait five minutes: until then the right secret is refused too");
    if (complaint.message.find("expired") != std::string::npos ||
        complaint.message.find("usage limit") != std::string::npos)
        return error.fix("make a new client secret for this identity in Infisical");
    return error.fix(
        "check INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and …_CLIENT_SECRET; kavi doesn't try again, because three "
        "failures "
        "lock the identity");
}

Error unavailable(const Error& error, std::string_view base_url) {
    if (error.code() != errors::network_failed) return error;
    Error result(errors::secrets_unavailable, fmt::format("Infisical at {} can't be reached", base_url));
    result.because(error.message());
    for (const auto& cause : error.causes()) result.because(cause);
    return result.fix(std::string(sealed_advice));
}

Json body_of(net::Response& response, std::string_view base_url) {
    auto body = Json::parse(response.body, nullptr, false);
    const auto start = response.body.substr(0, 1);
    wipe(response.body);
    if (body.is_object() && !body.contains("approval")) return body;
    if (body.is_object()) {
        Error error(errors::infisical_refused, "Infisical wants the change approved first");
        throw error.fix("approve the request in Infisical, then run this again");
    }
    Error error(errors::secrets_unavailable, fmt::format("what answers at {} isn't Infisical", base_url));
    error.because(start == "<" ? "it sent a web page" : "its answer isn't JSON");
    throw error.fix("check the address ([secrets] url, INFISICAL_DOMAIN) and what stands in front of it");
}

InfisicalListing listing_of(Json body) {
    InfisicalListing listing;
    listing.secrets = secrets_of(member(body, "secrets"));
    std::ranges::stable_sort(listing.secrets, {}, &InfisicalSecret::key);
    if (auto* imports = member(body, "imports"); imports && imports->is_array())
        for (auto& json : *imports)
            listing.imports.push_back({string_or(json, "environment"),
                                       string_or(json, "secretPath"),
                                       secrets_of(member(json, "secrets"))});
    return listing;
}

InfisicalProject project_of(const Json& project) {
    InfisicalProject result{string_or(project, "id"), string_or(project, "slug"), {}};
    if (const auto list = project.find("environments"); list != project.end() && list->is_array())
        for (const auto& environment : *list) result.environments.push_back(string_or(environment, "slug"));
    return result;
}

}  // namespace kavi::api::infisical

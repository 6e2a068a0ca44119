#include <kavi/api/infisical.hpp>
#include <kavi/api/infisical_wire.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace kavi::api {

using namespace infisical;

/// One request to be: what it is for, where it goes, and its body.
struct Infisical::Call {
    std::string doing;
    std::string method;
    std::string path;
    std::string body = {};  ///< JSON; wiped once sent
    std::string etag = {};
    bool repeatable = false;
};

namespace {

/// Percent-encodes all but unreserved characters (RFC 3986).
std::string word(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

std::string_view truth(bool value) {
    return value ? "true" : "false";
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool digit = std::string_view("0123456789abcdefABCDEF").find(text[i]) != std::string_view::npos;
        if (dash ? text[i] != '-' : !digit) return false;
    }
    return true;
}

std::string without_tail(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    if (url.ends_with("/api")) url.resize(url.size() - 4);
    while (url.ends_with('/')) url.pop_back();
    return url;
}

/// Of a service token "st.id.secret.key" only three parts are meant for the server.
Secret sendable(const Secret& token) {
    const auto text = trim(token.reveal());
    if (!text.starts_with("st.")) return Secret(text);
    auto parts = split(text, '.');
    if (parts.size() > 3) parts.resize(3);
    auto three = join(parts, ".");
    for (auto& part : parts) wipe(part);
    return Secret::take(three);
}

std::string list_path(bool old,
                      const std::string& project,
                      const std::string& environment,
                      const InfisicalQuery& query) {
    const auto common = fmt::format("environment={}&secretPath={}&expandSecretReferences={}&recursive={}",
                                    word(environment),
                                    word(query.folder),
                                    truth(query.expand),
                                    truth(query.recursive));
    if (old)
        return fmt::format(
            "/api/v3/secrets/raw?workspaceId={}&{}&include_imports=true", word(project), common);
    return fmt::format(
        "/api/v4/"
        "secrets?projectId={}&{}&includeImports=true&includePersonalOverrides=true&viewSecretValue=true",
        word(project),
        common);
}

std::string wiped_dump(Json& body) {
    auto text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    for (auto& [key, value] : body.items())
        if (value.is_string()) wipe(value.get_ref<std::string&>());
    return text;
}

}  // namespace

Infisical::Infisical(net::Transport& transport, std::string base_url, InfisicalCredentials credentials)
    : transport_(transport),
      base_url_(without_tail(std::move(base_url))),
      credentials_(std::move(credentials)) {
    if (const auto* given = std::get_if<InfisicalToken>(&credentials_)) token_ = sendable(given->token);
}

net::Response Infisical::send(const Call& call, const Secret* token, std::stop_token stop) {
    net::Request request{.method = call.method, .url = base_url_ + call.path};
    request.headers.push_back({"Accept", "application/json"});
    if (!call.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    if (!call.etag.empty()) request.headers.push_back({"If-None-Match", call.etag});
    if (token) request.headers.push_back({"Authorization", "Bearer " + std::string(token->reveal())});
    request.body = call.body;
    request.repeatable = call.repeatable;
    const auto forget = [&] {
        wipe(request.body);
        if (token) wipe(request.headers.back().value);
    };
    try {
        auto response = transport_.send(request, std::move(stop));
        forget();
        return response;
    } catch (const Error& error) {
        forget();
        throw unavailable(error, base_url_);
    }
}

Secret Infisical::log_in(const InfisicalUniversalAuth& auth, std::stop_token stop) {
    Json body{{"clientId", auth.client_id}, {"clientSecret", std::string(trim(auth.client_secret.reveal()))}};
    Call call{"log in", "POST", "/api/v1/auth/universal-auth/login", wiped_dump(body)};
    auto response = send(call, nullptr, std::move(stop));
    wipe(call.body);
    if (response.status != 200) throw login_error_of(complaint_of(response), base_url_);
    auto answer = body_of(response, base_url_);
    auto token = string_or(answer, "accessToken");
    if (token.empty())
        throw Error(errors::secrets_unavailable, fmt::format("what answers at {} isn't Infisical", base_url_))
            .because("its login gave no token");
    if (auto& copy = answer["accessToken"]; copy.is_string()) wipe(copy.get_ref<std::string&>());
    return Secret::take(token);
}

Secret Infisical::token(std::stop_token stop) {
    const std::lock_guard lock(token_mutex_);
    if (!token_) token_ = log_in(std::get<InfisicalUniversalAuth>(credentials_), std::move(stop));
    return *token_;
}

Secret Infisical::renewed(const Secret& stale, std::stop_token stop) {
    const std::lock_guard lock(token_mutex_);
    if (token_ && *token_ == stale)
        token_ = log_in(std::get<InfisicalUniversalAuth>(credentials_), std::move(stop));
    return *token_;
}

/// With a token; one that has died in a long run is replaced by one new login.
net::Response Infisical::authorised(const Call& call, std::stop_token stop) {
    const auto first = token(stop);
    auto response = send(call, &first, stop);
    const bool may_log_in = std::holds_alternative<InfisicalUniversalAuth>(credentials_);
    if (response.status < 400 || !may_log_in || !complaint_of(response).stale_token()) return response;
    const auto second = renewed(first, stop);
    return send(call, &second, stop);
}

net::Response Infisical::need(const Call& call, std::stop_token stop) {
    auto response = authorised(call, std::move(stop));
    if (response.status != 200) throw error_of(complaint_of(response), call.doing, base_url_);
    return response;
}

void Infisical::log_out(std::stop_token stop) noexcept {
    if (!std::holds_alternative<InfisicalUniversalAuth>(credentials_)) return;
    try {
        const std::lock_guard lock(token_mutex_);
        if (!token_) return;
        Json body{{"accessToken", std::string(token_->reveal())}};
        Call call{"log out", "POST", "/api/v1/auth/token/revoke", wiped_dump(body)};
        token_.reset();
        send(call, nullptr, std::move(stop));
        wipe(call.body);
    } catch (const std::exception&) {  // it dies by itself within its time
    }
}

std::vector<InfisicalProject> Infisical::projects(std::stop_token stop) {
    const Call call{"list the projects", "GET", "/api/v1/projects"};
    auto response = authorised(call, stop);
    if (response.status != 200 && complaint_of(response).unknown_route()) {
        old_server_ = true;
        response = authorised({call.doing, "GET", "/api/v1/workspace"}, stop);
    }
    if (response.status != 200) throw error_of(complaint_of(response), call.doing, base_url_);
    const auto body = body_of(response, base_url_);
    std::vector<InfisicalProject> found;
    for (const auto* key : {"projects", "workspaces"})
        if (body.contains(key) && body[key].is_array())
            for (const auto& project : body[key]) found.push_back(project_of(project));
    return found;
}

InfisicalProject Infisical::project(std::string_view slug_or_id, std::stop_token stop) {
    if (is_uuid(slug_or_id)) return {std::string(slug_or_id), {}, {}};
    const Call call{
        fmt::format("find the project {}", slug_or_id), "GET", "/api/v1/projects/slug/" + word(slug_or_id)};
    auto response = authorised(call, stop);
    if (response.status == 200) {
        auto found = project_of(body_of(response, base_url_));
        if (!found.id.empty()) return found;
    } else if (response.status != 404) {
        throw error_of(complaint_of(response), call.doing, base_url_);
    }
    std::vector<std::string> slugs;
    for (auto& project : projects(stop)) {
        if (project.slug == slug_or_id) return std::move(project);
        slugs.push_back(project.slug);
    }
    Error error(errors::secret_missing,
                fmt::format("Infisical has no project '{}' that this identity is in", slug_or_id));
    const auto near = nearest(slug_or_id, slugs);
    if (near) error.because(fmt::format("did you mean '{}'?", *near));
    throw error.fix(
        near || slugs.empty()
            ? std::string("write the project's slug as [secrets] project, and add the identity to it")
            : fmt::format("write one of these as [secrets] project: {}", join(slugs, ", ")));
}

net::Response Infisical::list_response(const std::string& project_id,
                                       const std::string& environment,
                                       const InfisicalQuery& query,
                                       std::stop_token stop) {
    Call call{fmt::format("read the folder {} of {}", query.folder, environment), "GET", {}, {}, query.etag};
    call.path = list_path(old_server_, project_id, environment, query);
    auto response = authorised(call, stop);
    if (!old_server_ && response.status == 404 && complaint_of(response).unknown_route()) {
        call.path = list_path(true, project_id, environment, query);
        response = authorised(call, stop);
        if (response.status < 400 || !complaint_of(response).unknown_route()) old_server_ = true;
    }
    if (response.status == 200 || response.status == 304) return response;
    const auto complaint = complaint_of(response);
    if (complaint.status == 404 && complaint.error == "SecretPathNotFound") return response;
    throw error_of(complaint, call.doing, base_url_);
}

/// A service token of one scope answers for that scope, whatever was asked.
void Infisical::check_scope(const InfisicalListing& listing,
                            const std::string& environment,
                            const std::string& folder) const {
    for (const auto& secret : listing.secrets) {
        const bool inside = secret.folder.empty() || secret.folder == folder || folder == "/" ||
                            secret.folder.starts_with(folder + "/");
        if (inside && (secret.environment.empty() || secret.environment == environment)) continue;
        Error error(errors::rights_missing,
                    fmt::format("this token may not read the folder {} of {}", folder, environment));
        error.because(fmt::format("it is a service token for {} of {}", secret.folder, secret.environment));
        throw error.fix("use a machine identity with Universal Auth");
    }
}

Infisical::Fresh Infisical::list_if_changed(const std::string& project_id,
                                            const std::string& environment,
                                            const InfisicalQuery& query,
                                            std::stop_token stop) {
    auto asked = query;
    asked.folder = normal_folder(query.folder);
    auto response = list_response(project_id, environment, asked, std::move(stop));
    if (response.status == 304) return {true, std::nullopt};
    if (response.status == 404) return {};
    const auto etag = response.header("etag").value_or("");
    auto listing = listing_of(body_of(response, base_url_));
    listing.etag = etag;
    if (old_server_ && asked.folder != "/" && listing.secrets.empty() && listing.imports.empty()) return {};
    check_scope(listing, environment, asked.folder);
    return {false, std::move(listing)};
}

std::optional<InfisicalListing> Infisical::list(const std::string& project_id,
                                                const std::string& environment,
                                                const InfisicalQuery& query,
                                                std::stop_token stop) {
    auto asked = query;
    asked.etag.clear();
    return list_if_changed(project_id, environment, asked, std::move(stop)).listing;
}

std::vector<std::string> Infisical::folders(const std::string& project_id,
                                            const std::string& environment,
                                            std::stop_token stop) {
    const auto query = fmt::format("environment={}&path=%2F&recursive=true", word(environment));
    Call call{
        "list the folders", "GET", fmt::format("/api/v2/folders?projectId={}&{}", word(project_id), query)};
    auto response = authorised(call, stop);
    if (response.status == 404 && complaint_of(response).unknown_route()) {
        call.path = fmt::format("/api/v1/folders?workspaceId={}&{}", word(project_id), query);
        response = authorised(call, stop);
    }
    if (response.status != 200) throw error_of(complaint_of(response), call.doing, base_url_);
    const auto body = body_of(response, base_url_);
    std::set<std::string> found{"/"};
    if (body.contains("folders") && body["folders"].is_array())
        for (const auto& folder : body["folders"])
            found.insert(normal_folder(string_or(folder, "relativePath", string_or(folder, "name"))));
    return {found.begin(), found.end()};
}

void Infisical::make_folder(const std::string& project_id,
                            const std::string& environment,
                            const std::string& folder,
                            std::stop_token stop) {
    const auto slash = folder.rfind('/');
    const auto parent = slash == 0 ? std::string("/") : folder.substr(0, slash);
    Json body{{"projectId", project_id},
              {"workspaceId", project_id},
              {"environment", environment},
              {"name", folder.substr(slash + 1)},
              {"path", parent}};
    const auto* path = old_server_ ? "/api/v1/folders" : "/api/v2/folders";
    need({fmt::format("make the folder {}", folder), "POST", path, body.dump()}, std::move(stop));
}

void Infisical::set(const std::string& project_id,
                    const std::string& environment,
                    const std::string& folder,
                    const std::map<std::string, Secret>& secrets,
                    std::stop_token stop) {
    const auto path = normal_folder(folder);
    if (old_server_) return set_one_by_one(project_id, environment, path, secrets, std::move(stop));
    Json body{
        {"projectId", project_id}, {"environment", environment}, {"secretPath", path}, {"mode", "upsert"}};
    body["secrets"] = Json::array();
    for (const auto& [key, value] : secrets)
        body["secrets"].push_back({{"secretKey", key}, {"secretValue", std::string(value.reveal())}});
    Call call{
        fmt::format(
            "write {} to the folder {}", secrets.size() == 1 ? secrets.begin()->first : "secrets", path),
        "PATCH",
        "/api/v4/secrets/batch",
        body.dump(-1, ' ', false, Json::error_handler_t::replace)};
    for (auto& one : body["secrets"]) wipe(one["secretValue"].get_ref<std::string&>());
    call.repeatable = true;  // the second time it changes nothing
    auto response = authorised(call, stop);
    if (response.status == 404 && complaint_of(response).unknown_route()) {
        old_server_ = true;
        wipe(call.body);
        return set_one_by_one(project_id, environment, path, secrets, std::move(stop));
    }
    if (response.status == 404 && path != "/") {
        make_folder(project_id, environment, path, stop);
        response = authorised(call, stop);
    }
    wipe(call.body);
    if (response.status != 200) throw error_of(complaint_of(response), call.doing, base_url_);
    body_of(response, base_url_);
}

void Infisical::set_one_by_one(const std::string& project_id,
                               const std::string& environment,
                               const std::string& folder,
                               const std::map<std::string, Secret>& secrets,
                               std::stop_token stop) {
    for (const auto& [key, value] : secrets) {
        Json body{{"workspaceId", project_id},
                  {"environment", environment},
                  {"secretPath", folder},
                  {"type", "shared"},
                  {"secretValue", std::string(value.reveal())}};
        Call call{fmt::format("write {} to the folder {}", key, folder),
                  "PATCH",
                  "/api/v3/secrets/raw/" + word(key)};
        call.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
        wipe(body["secretValue"].get_ref<std::string&>());
        auto response = authorised(call, stop);
        call.method = "POST";
        if (response.status == 404) response = authorised(call, stop);
        if (response.status == 404 && folder != "/") {
            make_folder(project_id, environment, folder, stop);
            response = authorised(call, stop);
        }
        wipe(call.body);
        if (response.status != 200) throw error_of(complaint_of(response), call.doing, base_url_);
        body_of(response, base_url_);
    }
}

void Infisical::unset(const std::string& project_id,
                      const std::string& environment,
                      const std::string& folder,
                      const std::vector<std::string>& keys,
                      std::stop_token stop) {
    const auto path = normal_folder(folder);
    Json body{{"environment", environment}, {"secretPath", path}, {"secrets", Json::array()}};
    body[old_server_ ? "workspaceId" : "projectId"] = project_id;
    for (const auto& key : keys) body["secrets"].push_back({{"secretKey", key}, {"type", "shared"}});
    const Call call{fmt::format("delete {} in the folder {}", join(keys, ", "), path),
                    "DELETE",
                    old_server_ ? "/api/v3/secrets/batch/raw" : "/api/v4/secrets/batch",
                    body.dump()};
    auto response = need(call, std::move(stop));
    body_of(response, base_url_);
}

std::map<std::string, Secret> merged(InfisicalListing listing) {
    std::map<std::string, Secret> values;
    const auto add = [&](InfisicalSecret& secret) {
        if (values.contains(secret.key)) return;
        if (secret.hidden)
            throw Error(errors::rights_missing,
                        fmt::format("this identity may not see the value of {}", secret.key))
                .fix("give it a role in the project that may read values");
        values.emplace(secret.key, std::move(secret.value));
    };
    for (auto& secret : listing.secrets)
        if (secret.personal) add(secret);
    for (auto& secret : listing.secrets) add(secret);
    for (auto import = listing.imports.rbegin(); import != listing.imports.rend(); ++import)
        for (auto& secret : import->secrets) add(secret);
    return values;
}

std::string normal_folder(std::string_view folder) {
    std::string path;
    for (const auto& part : split(folder, '/'))
        if (!part.empty()) path += "/" + part;
    return path.empty() ? "/" : path;
}

std::string stored_form(std::string_view value) {
    const bool final_newline = value.ends_with('\n');
    std::string stored(trim(value));
    if (final_newline) stored += '\n';
    return stored;
}

}  // namespace kavi::api

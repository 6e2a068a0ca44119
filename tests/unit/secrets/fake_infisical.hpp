#pragma once

#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/transport.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kavi::test {

/// Answers as Infisical's API does, as far as a test sets it up; counts and remembers what it is asked.
class FakeInfisical final : public net::Transport {
  public:
    struct Folder {
        std::map<std::string, std::string> raw;
        std::map<std::string, std::string> expanded = {};  ///< where it differs from raw
        Json imports = Json::array();
    };

    std::map<std::string, Folder> folders;  ///< "prod:/infra"
    std::vector<std::string> environments{"dev", "staging", "prod"};
    bool old_server = false;
    std::optional<net::Response> always;  ///< this, whatever is asked
    bool unreachable = false;
    int tokens = 0;           ///< tokens given out; the newest is good
    bool token_dies = false;  ///< the first token is refused once
    std::vector<std::string> asked;
    std::vector<std::string> bodies;

    net::Response send(const net::Request& request, std::stop_token) override {
        const std::lock_guard lock(mutex_);
        const auto path = request.url.substr(request.url.find("/api/"));
        asked.push_back(request.method + " " + path);
        bodies.push_back(request.body);
        if (unreachable)
            throw net::NetworkError(
                net::NetworkFailure::refused, false, "nobody listens at secrets.test:443");
        if (always) return *always;
        return answer(request, path);
    }

    int count(std::string_view start) const {
        return static_cast<int>(
            std::ranges::count_if(asked, [&](const auto& line) { return line.starts_with(start); }));
    }

    static net::Response reply(int status, const Json& body) {
        return {.status = status, .headers = {}, .body = body.dump()};
    }

    static net::Response complaint(int status, std::string_view error, std::string_view message) {
        return reply(status,
                     {{"reqId", "req-1"}, {"statusCode", status}, {"error", error}, {"message", message}});
    }

    static Json secret(const std::string& key, const std::string& value) {
        return {{"secretKey", key}, {"secretValue", value}, {"type", "shared"}, {"version", 1}};
    }

  private:
    static constexpr auto project_id = "12f544cc-c125-4aef-b2a3-23f139ba9a96";

    static net::Response no_route(const net::Request& request, const std::string& path) {
        return reply(404,
                     {{"message", "Route " + request.method + ":" + path + " not found"},
                      {"error", "Not Found"},
                      {"statusCode", 404}});
    }

    Json project() const {
        Json json{{"id", project_id}, {"slug", "infrastructure"}, {"environments", Json::array()}};
        for (const auto& environment : environments) json["environments"].push_back({{"slug", environment}});
        return json;
    }

    net::Response answer(const net::Request& request, const std::string& path) {
        if (path == "/api/v1/auth/universal-auth/login") return log_in(request);
        if (path == "/api/v1/auth/token/revoke")
            return reply(200, {{"message", "Successfully revoked access token"}});
        if (const auto refusal = check_token(request)) return *refusal;
        const bool v4 = path.starts_with("/api/v4/") || path.starts_with("/api/v1/projects") ||
                        path.starts_with("/api/v2/folders");
        if (old_server && v4) return no_route(request, path);
        if (path == "/api/v1/projects/slug/infrastructure") return reply(200, project());
        if (path.starts_with("/api/v1/projects/slug/"))
            return complaint(404, "NotFound", "Project not found");
        if (path == "/api/v1/projects") return reply(200, {{"projects", {project()}}});
        if (path == "/api/v1/workspace") return reply(200, {{"workspaces", {project()}}});
        if (path.starts_with("/api/v2/folders?") || path.starts_with("/api/v1/folders?"))
            return list_folders();
        if (path.starts_with("/api/v4/secrets?") || path.starts_with("/api/v3/secrets/raw?"))
            return list(path);
        if (path == "/api/v4/secrets/batch" && request.method == "PATCH")
            return upsert(parse_json(request.body, "body"));
        if (path == "/api/v2/folders" && request.method == "POST")
            return make_folder(parse_json(request.body, "body"));
        return no_route(request, path);
    }

    net::Response log_in(const net::Request& request) {
        const auto body = parse_json(request.body, "login");
        if (string_or(body, "clientSecret") != "right")
            return complaint(401, "UnauthorizedError", "Invalid credentials");
        return reply(200,
                     {{"accessToken", "token-" + std::to_string(++tokens)},
                      {"expiresIn", 3600},
                      {"tokenType", "Bearer"}});
    }

    std::optional<net::Response> check_token(const net::Request& request) {
        const auto header = std::ranges::find(request.headers, "Authorization", &net::Header::name);
        if (header == request.headers.end()) return complaint(401, "UnauthorizedError", "Token missing");
        if (header->value == "Bearer given") return std::nullopt;
        if (token_dies && header->value == "Bearer token-1")
            return complaint(403, "TokenError", "Your token has expired. Please re-authenticate.");
        if (header->value == "Bearer token-" + std::to_string(tokens)) return std::nullopt;
        return complaint(403, "TokenError", "malformed");
    }

    static std::string parameter(const std::string& path, const std::string& name) {
        const auto at = path.find(name + "=");
        if (at == std::string::npos) return {};
        auto value = path.substr(at + name.size() + 1);
        value = value.substr(0, value.find('&'));
        for (auto slash = value.find("%2F"); slash != std::string::npos; slash = value.find("%2F"))
            value.replace(slash, 3, "/");
        return value;
    }

    void add_secrets(Json& secrets,
                     const std::string& environment,
                     const std::string& name,
                     const Folder& folder,
                     bool expand) const {
        for (const auto& [key, raw] : folder.raw) {
            auto one = secret(key, expand && folder.expanded.contains(key) ? folder.expanded.at(key) : raw);
            one["secretPath"] = name;
            one["environment"] = environment;
            secrets.push_back(std::move(one));
        }
    }

    net::Response list(const std::string& path) {
        const auto environment = parameter(path, "environment"), folder = parameter(path, "secretPath");
        const bool expand = parameter(path, "expandSecretReferences") == "true",
                   recursive = parameter(path, "recursive") == "true";
        const auto found = folders.find(environment + ":" + folder);
        Json secrets = Json::array(), imports = Json::array();
        if (found == folders.end() && !(recursive && folder == "/"))
            return old_server
                       ? reply(200, {{"secrets", secrets}, {"imports", imports}})
                       : complaint(
                             404, "SecretPathNotFound", "Folder with path '" + folder + "' was not found");
        for (const auto& [name, content] : folders) {
            const auto own = name.substr(name.find(':') + 1);
            const bool below = recursive && (folder == "/" || own.starts_with(folder + "/"));
            if (!name.starts_with(environment + ":") || (own != folder && !below)) continue;
            add_secrets(secrets, environment, own, content, expand);
            for (const auto& import : content.imports) imports.push_back(import);
        }
        return reply(200, {{"secrets", secrets}, {"imports", imports}});
    }

    net::Response list_folders() const {
        Json list = Json::array();
        for (const auto& [name, folder] : folders)
            list.push_back({{"name", name.substr(name.rfind('/') + 1)},
                            {"relativePath", name.substr(name.find(':') + 1)}});
        return reply(200, {{"folders", list}});
    }

    net::Response upsert(const Json& body) {
        const auto name = string_or(body, "environment") + ":" + string_or(body, "secretPath");
        const auto found = folders.find(name);
        if (found == folders.end()) return complaint(404, "CreateSecret", "Folder not found");
        for (const auto& one : body["secrets"])
            found->second.raw[string_or(one, "secretKey")] = string_or(one, "secretValue");
        return reply(200, {{"secrets", Json::array()}});
    }

    net::Response make_folder(const Json& body) {
        const auto parent = string_or(body, "path");
        folders[string_or(body, "environment") + ":" + (parent == "/" ? "" : parent) + "/" +
                string_or(body, "name")];
        return reply(200, {{"folder", Json::object()}});
    }

    std::mutex mutex_;
};

}  // namespace kavi::test

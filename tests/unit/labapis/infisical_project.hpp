#pragma once

#include "lab.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <support/specs.hpp>

/// The project on which the recordings were made, and those recordings.
namespace recorded {

using kavi::Json;

inline const std::string project = "12f544cc-c125-4aef-b2a3-23f139ba9a96";

inline std::filesystem::path folder() {
    return kavi::test::specs_folder("infisical-recordings").value_or("absent") / "infisical-recordings";
}

inline std::string percent_encode(const std::string& text) {
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || std::string("-_.~").find(c) != std::string::npos;
        constexpr auto digits = "0123456789ABCDEF";
        encoded += plain ? std::string(1, c) : std::string{'%', digits[byte >> 4], digits[byte & 15]};
    }
    return encoded;
}

/// The path and the query, in the order sent.
inline std::string target_of(const kavi::OrderedJson& request) {
    std::string target = request["path"], separator = "?";
    for (const auto& [name, value] : request["query"].items()) {
        target += separator + name + "=" + percent_encode(value);
        separator = "&";
    }
    return target;
}

inline Json exchange(const std::string& name) {
    std::ifstream file(folder() / (name + ".json"));
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) throw std::runtime_error("no recording " + name);
    json["request"]["target"] = target_of(kavi::OrderedJson::parse(text)["request"]);
    return json;
}

inline kavi::lab::LabApisConfig config(kavi::lab::InfisicalAge age = kavi::lab::InfisicalAge::july_2026) {
    kavi::lab::LabApisConfig config;
    auto& seed = config.infisical;
    seed.age = age;
    kavi::lab::ProjectSeed made{.slug = "vault-demo", .id = project};
    made.imports = {{"prod", "/infra", "dev", "/"},
                    {"prod", "/services/forgejo", "prod", "/infra"},
                    {"prod", "/services/forgejo", "staging", "/infra"},
                    {"staging", "/", "dev", "/"},
                    {"dev", "/relB", "dev", "/relA"},
                    {"dev", "/relC", "dev", "/relA"},
                    {"dev", "/mlimp", "dev", "/ml"},
                    {"staging", "/missimp", "dev", "/miss"}};
    made.folders = {{"prod", "/deep/er/leaf"}};
    seed.projects = {made, {.slug = "other"}};
    seed.identities = {{.name = "ci-reader", .token = "reader", .roles = {{"vault-demo", "viewer"}}},
                       {.name = "ci-writer", .token = "writer", .roles = {{"vault-demo", "member"}}},
                       {.name = "no-rights", .token = "no-rights", .roles = {{"vault-demo", "no-access"}}},
                       {.name = "outsider", .token = "outsider", .roles = {{"other", "admin"}}}};
    return config;
}

using Values = std::vector<std::pair<std::string, std::string>>;

struct Filled {
    Lab lab;
    Client reader, writer;

    Filled() : lab(config()), reader(lab, "infisical", "reader"), writer(lab, "infisical", "writer") {
        root();
        const std::string pem =
            "-----BEGIN PRIVATE KEY-----\nMIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEAthrowaway+not+a\n"
            "real/key0123456789==\n-----END PRIVATE KEY-----\n";
        put("prod",
            "/infra",
            {{"DB_PASSWORD", "infra-db-password"},
             {"REL_REF", "${DB_PASSWORD}"},
             {"ROOT_CA", pem},
             {"SHARED_ONLY", "from-prod-infra"}});
        put("prod",
            "/services/forgejo",
            {{"DB_PASSWORD", "${prod.infra.DB_PASSWORD}"},
             {"FORGEJO__security__INSTALL_LOCK", "true"},
             {"SECRET_KEY", "forgejo-secret"}});
        put("staging", "/", {{"APP_NAME", "staging-app"}, {"STAGING_ONLY", "s1"}});
        put("staging", "/infra", {{"SHARED_ONLY", "from-staging-infra"}, {"STG_INFRA", "x"}});
        put("dev", "/", {{"APP_NAME", "dev-app"}, {"DEV_ONLY", "d1"}});
        put("dev", "/relA", {{"BASE", "a"}, {"REL", "<${BASE}>"}});
        put("dev", "/relB", {{"BASE", "b"}});
        put("dev", "/relC", {{"UNRELATED", "c"}});
        put("dev",
            "/miss",
            {{"A", "1"},
             {"DASH", "${some-thing.x}"},
             {"DEF", "${X:-default}"},
             {"EMPTYREF", "${}"},
             {"MIX", "<${A}|${NOT_DECLARED}>"},
             {"NESTED", "${A${A}}"},
             {"ONLY", "<${NOT_DECLARED}>"},
             {"THREE", "${dev.nofolder.X}"}});
        put("dev", "/ml", {{"ML", "a\nb"}, {"REF", "<${ML}>"}});
        for (const auto& [key, value, flag] : {std::tuple{"ML_NULL", "a\nb", Json(nullptr)},
                                               std::tuple{"ML_SKIP", "a\nb", Json(true)},
                                               std::tuple{"REF_SKIP", "<${ML}>", Json(true)}})
            send("dev", "/ml", {{"secretKey", key}, {"secretValue", value}, {"skipMultilineEncoding", flag}});
    }

    void put(const std::string& environment, const std::string& path, const Values& values) {
        for (const auto& [key, value] : values)
            send(environment, path, {{"secretKey", key}, {"secretValue", value}});
    }

    void send(const std::string& environment, const std::string& path, const Json& secret) {
        const auto reply = writer.post("/api/v4/secrets/batch",
                                       {{"projectId", project},
                                        {"environment", environment},
                                        {"secretPath", path},
                                        {"secrets", Json::array({secret})}});
        if (reply.status != 200) throw std::runtime_error("secret refused: " + reply.body);
    }

    /// prod's root as it was recorded, tags and metadata too.
    void root() {
        Json tags = Json::object();
        for (const auto& [slug, colour] : {std::pair{"backend", "#ff0000"}, std::pair{"db", "#00ff00"}})
            tags[slug] =
                writer.post("/api/v1/projects/" + project + "/tags", {{"slug", slug}, {"color", colour}})
                    .json["tag"]["id"];
        const auto list = exchange("v4-secrets-list-root-unexpanded")["response"]["body"]["secrets"];
        for (auto secret : list) {
            secret["tagIds"] = Json::array();
            for (const auto& tag : secret["tags"])
                secret["tagIds"].push_back(tags[tag["slug"].get<std::string>()]);
            send("prod", "/", secret);
        }
    }
};

/// Sends what a recording sent, by that client.
inline Reply replay(Client& client, const Json& recording) {
    const auto& request = recording["request"];
    std::string body, type = kavi::string_or(request["headers"], "Content-Type", "application/json");
    if (request.contains("body_text"))
        body = request["body_text"];
    else if (!request["body"].is_null())
        body = request["body"].dump();
    return client.send(request["method"], request["target"], body, {}, type);
}

/// What differs from run to run is replaced by its kind.
inline Json shape(const Json& value, const std::string& name = {}) {
    static const std::vector<std::string> varying{"id",
                                                  "_id",
                                                  "createdAt",
                                                  "updatedAt",
                                                  "folderId",
                                                  "envId",
                                                  "parentId",
                                                  "reqId",
                                                  "orgId",
                                                  "accessToken",
                                                  "version",
                                                  "date",
                                                  "identityId",
                                                  "createdBy",
                                                  "color"};
    if (name == "description" || name == "lastSecretModified") return "any";
    if (std::ranges::find(varying, name) != varying.end()) return value.type_name();
    if (value.is_array()) {
        Json list = Json::array();
        for (const auto& one : value) list.push_back(shape(one));
        return list;
    }
    if (!value.is_object()) return value;
    Json object = Json::object();
    for (const auto& [key, member] : value.items()) object[key] = shape(member, key);
    return object;
}

}  // namespace recorded

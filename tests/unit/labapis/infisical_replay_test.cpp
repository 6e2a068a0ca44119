#include "infisical_project.hpp"

#include <algorithm>
#include <iostream>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;
using namespace recorded;

namespace {

bool recordings_here() {
    if (std::filesystem::exists(folder() / "INDEX.md")) return true;
    std::cout
        << "SKIPPED: the recorded exchanges (set KAVI_SPECS to the folder that holds infisical-recordings)\n";
    return false;
}

/// A recursive list's order among equal names isn't fixed.
Json in_order(Json body) {
    if (body.is_object() && body.contains("secrets"))
        std::ranges::stable_sort(body["secrets"].get_ref<Json::array_t&>(), {}, [](const Json& one) {
            return string_or(one, "secretKey") + "\n" + string_or(one, "secretPath");
        });
    return body;
}

void compare(const std::string& name, const Json& recording, const Reply& reply) {
    CAPTURE(name, reply.body);
    CHECK(reply.status == recording["response"]["status"]);
    const auto expected = recording["response"].value("body", Json());
    if (expected.is_null()) {
        CHECK(reply.body.empty());
        return;
    }
    CHECK(shape(in_order(expected)).dump(1) == shape(in_order(reply.json)).dump(1));
    CHECK(reply.header("content-type") == recording["response"]["headers"].value("content-type", ""));
}

void replay_all(Client& client, const std::vector<std::string>& names) {
    for (const auto& name : names) {
        const auto recording = exchange(name);
        compare(name, recording, replay(client, recording));
    }
}

}  // namespace

TEST_CASE("recorded reads of secrets have the same answers here") {
    if (!recordings_here()) return;
    Filled filled;
    replay_all(filled.reader,
               {"v4-secrets-list-root-expanded",
                "v4-secrets-list-root-unexpanded",
                "v4-secrets-list-staging-root",
                "v4-secrets-list-infra-imports",
                "v4-secrets-list-forgejo-with-imports",
                "v4-secrets-list-forgejo-imports-unexpanded",
                "v4-secrets-list-forgejo-no-imports",
                "v4-secrets-list-values-hidden",
                "v4-secrets-list-by-tags",
                "v4-secrets-list-by-metadata",
                "v4-secrets-list-recursive",
                "v4-import-relative-reference-relb",
                "v4-import-relative-reference-relc",
                "v4-list-missing-references-dev",
                "v4-list-missing-references-staging",
                "v4-list-multiline-encoding-ml-expand-false",
                "v4-list-multiline-encoding-ml-expand-true",
                "v4-list-multiline-encoding-mlimp-expand-false",
                "v4-list-multiline-encoding-mlimp-expand-true",
                "v4-secret-get",
                "v4-secret-get-expanded",
                "v4-secret-get-unexpanded",
                "v4-secret-get-hidden",
                "v4-secret-get-imported",
                "v4-secret-get-import-clash",
                "v4-secret-get-odd-name",
                "v4-secret-get-version-1",
                "v4-secret-get-personal-identity",
                "v4-secret-get-imported-noimports-404",
                "v4-get-import-relative-reference-relb",
                "v4-get-import-relative-reference-relc",
                "v4-get-missing-reference"});
    replay_all(filled.reader,
               {"v3-import-relative-reference-relb",
                "v3-import-relative-reference-relc",
                "v3-list-missing-references-dev",
                "v3-list-missing-references-staging",
                "v3-secret-raw-get",
                "v3-secret-raw-get-ref",
                "v3-secrets-raw-list-default",
                "v3-secrets-raw-list-imports-expanded"});
    replay_all(filled.writer, {"error-secret-name-with-space"});
    replay_all(filled.reader, {"path-double-slash", "path-trailing-slash", "path-without-leading-slash"});
    filled.put("dev", "/relB", {{"VIA_IMPORT", "${REL}"}});
    filled.put("dev", "/", {{"VIA_IMPORT_ABS", "[${dev.relB.REL}]"}});
    replay_all(filled.reader, {"v4-reference-to-imported-key", "v4-reference-absolute-to-imported-key"});
}

TEST_CASE("recorded refusals are the same here") {
    if (!recordings_here()) return;
    Filled filled;
    replay_all(filled.reader,
               {"error-400-missing-environment",
                "error-400-missing-project",
                "error-403-permission-denied-create",
                "error-404-unknown-environment-list",
                "error-404-unknown-folder-get",
                "error-404-unknown-folder-list-v3",
                "error-404-unknown-folder-list",
                "error-404-unknown-project",
                "error-404-unknown-route",
                "error-404-unknown-secret",
                "error-422-bad-query-value",
                "error-project-id-not-uuid"});
    replay_all(filled.writer,
               {"error-400-duplicate-create",
                "error-404-create-in-missing-folder",
                "error-404-delete-missing",
                "error-404-update-missing",
                "error-422-bad-secret-name",
                "error-422-missing-value",
                "error-422-text-plain-body",
                "error-500-malformed-json",
                "folder-create-name-rule",
                "v4-secret-create-personal-by-identity",
                "v2-folder-delete",
                "v4-batch-delete-missing",
                "v4-batch-update-missing-404"});
    Client nobody(filled.lab, "infisical"), no_rights(filled.lab, "infisical", "no-rights"),
        outsider(filled.lab, "infisical", "outsider"), service(filled.lab, "infisical", "st.abc.def"),
        garbage(filled.lab, "infisical", "garbage");
    replay_all(nobody, {"error-401-no-token"});
    replay_all(garbage, {"error-403-garbage-token"});
    replay_all(service, {"error-404-unknown-service-token"});
    replay_all(outsider, {"error-403-not-a-member"});
    replay_all(no_rights,
               {"error-403-member-without-rights-get",
                "error-403-member-without-rights-list",
                "error-403-member-without-rights-unknown-folder"});
}

TEST_CASE("recorded writes have the same answers here") {
    if (!recordings_here()) return;
    Filled filled;
    replay_all(filled.writer,
               {"v4-batch-create",
                "v4-batch-create-duplicate-400",
                "v4-batch-update",
                "v4-batch-upsert",
                "v4-batch-update-ignore",
                "v4-batch-delete",
                "v3-secret-raw-create",
                "v3-secret-raw-update",
                "v3-secret-raw-delete",
                "v3-batch-create",
                "v3-batch-delete",
                "v4-secret-update-value",
                "v4-secret-update-rename",
                "v4-secret-delete",
                "error-secret-name-with-space"});
}

TEST_CASE("recorded folders, imports and projects have the same answers here") {
    if (!recordings_here()) return;
    Filled filled;
    replay_all(filled.reader,
               {"v1-environment-by-slug",
                "v1-folders-list",
                "v1-project-by-slug",
                "v1-project-get",
                "v1-projects-list",
                "v1-tags-list",
                "v1-workspace-get",
                "v2-folders-list",
                "v2-folders-list-missing-path",
                "v2-folders-list-recursive",
                "v2-imports-list",
                "status-ok"});
    auto without_folders = config();
    without_folders.infisical.projects.front().folders.clear();
    Lab empty(without_folders);
    Client writer(empty, "infisical", "writer");
    replay_all(writer, {"folder-create-v2-parents-missing"});
}

TEST_CASE("recorded logins have the same answers here") {
    if (!recordings_here()) return;
    for (const std::string name : {"ua-login-ok",
                                   "ua-login-wrong-secret",
                                   "ua-login-unknown-client-id",
                                   "ua-login-trailing-slash",
                                   "ua-login-empty-strings",
                                   "ua-login-form-encoded",
                                   "ua-login-malformed-json-500",
                                   "ua-login-missing-field-422",
                                   "ua-login-client-secret-expired",
                                   "ua-login-periodic",
                                   "ua-login-short-lived"}) {
        const auto recording = exchange(name);
        LabApisConfig config;
        const auto body = recording["request"].value("body", Json::object());
        IdentitySeed identity{.client_id = "other"};
        if (body.is_object() && name.find("unknown") == std::string::npos &&
            !string_or(body, "clientId").empty())
            identity.client_id = string_or(body, "clientId");
        identity.client_secret = name.find("wrong") == std::string::npos
                                     ? string_or(body.is_object() ? body : Json::object(), "clientSecret")
                                     : "right";
        identity.token_ttl = std::chrono::seconds(name == "ua-login-short-lived" ? 3 : 3600);
        identity.token_max_ttl = std::chrono::seconds(name == "ua-login-short-lived" ? 8 : 86400);
        if (name == "ua-login-periodic") identity.token_period = std::chrono::seconds(300);
        if (name == "ua-login-client-secret-expired") identity.client_secret_ttl = std::chrono::seconds(0);
        config.infisical.identities = {identity};
        Lab lab(config);
        Client client(lab, "infisical");
        compare(name, recording, replay(client, recording));
    }
}

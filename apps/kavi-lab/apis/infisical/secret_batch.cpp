#include "write.hpp"

#include <vector>

namespace kavi::lab::infisical {
namespace {

struct Entry {
    std::string key;
    const Json* json;
};

/// The body's entries. Throws Problem.
std::vector<Entry> entries_of(const Json& body, bool with_values) {
    if (!body.contains("secrets")) throw missing_field("secrets", "array");
    if (!body["secrets"].is_array())
        throw validation(Json::array({type_issue("secrets", "array", body["secrets"])}));
    std::vector<Entry> entries;
    for (const auto& one : body["secrets"]) {
        entries.push_back({required(one, "secretKey"), &one});
        check_key(entries.back().key);
        if (with_values) required(one, "secretValue");
    }
    return entries;
}

Answer create(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto entries = entries_of(body, true);
    const auto place = place_of_body(infisical, call, body, form, "create", "CreateManySecret");
    for (const auto& [key, json] : entries) {
        check_type(*json);
        if (place.folder->secrets.contains(key)) throw bad_request("Secret already exists: " + key);
        check_references(infisical, place, string_or(*json, "secretValue"));
    }
    Json secrets = Json::array();
    for (const auto& [key, json] : entries) secrets.insert(secrets.begin(), created(place, key, *json));
    return Answer::json(200, {{"secrets", std::move(secrets)}});
}

Answer update(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto entries = entries_of(body, false);
    const auto place = place_of_body(infisical, call, body, form, "edit", "UpdateManySecret");
    const auto mode = string_or(body, "mode", "failOnNotFound");
    for (const auto& [key, json] : entries)
        if (mode == "failOnNotFound" && !place.folder->secrets.contains(key))
            throw not_found("Secret does not exist: " + key + " in path " + place.path);
    Json secrets = Json::array();
    for (const auto& [key, json] : entries) {
        const bool present = place.folder->secrets.contains(key);
        if (!present && mode == "ignore") continue;
        auto made = present ? updated(place, key, *json) : created(place, key, *json);
        made["secretValueHidden"] = false;
        secrets.push_back(std::move(made));
    }
    return Answer::json(200, {{"secrets", std::move(secrets)}});
}

Answer remove(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto entries = entries_of(body, false);
    const auto place = place_of_body(infisical, call, body, form, "delete", "DeleteManySecret");
    for (const auto& entry : entries)
        // The real one's message ends there, without a name.
        if (!place.folder->secrets.contains(entry.key))
            throw not_found("One or more secrets does not exist: ");
    Json secrets = Json::array();
    for (const auto& entry : entries) secrets.push_back(deleted(place, entry.key));
    return Answer::json(200, {{"secrets", std::move(secrets)}});
}

}  // namespace

void add_secret_batch_routes(Router& router, Infisical& infisical) {
    for (const auto form : forms_of(infisical.seed().age)) {
        const std::string route = form == Form::v4 ? "/api/v4/secrets/batch" : "/api/v3/secrets/batch/raw";
        router.add("POST", route, [&infisical, form](Call& call) { return create(infisical, call, form); });
        router.add("PATCH", route, [&infisical, form](Call& call) { return update(infisical, call, form); });
        router.add("DELETE", route, [&infisical, form](Call& call) { return remove(infisical, call, form); });
    }
}

}  // namespace kavi::lab::infisical

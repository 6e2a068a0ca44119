#include "views.hpp"
#include "write.hpp"

#include <utility>

namespace kavi::lab::infisical {
namespace {

void set_details(Secret& secret, const Json& entry) {
    if (entry.contains("secretComment")) secret.comment = string_or(entry, "secretComment");
    if (entry.contains("skipMultilineEncoding")) secret.skip_multiline = entry["skipMultilineEncoding"];
    if (entry.contains("secretMetadata") && entry["secretMetadata"].is_array())
        secret.metadata = entry["secretMetadata"];
    if (!entry.contains("tagIds") || !entry["tagIds"].is_array()) return;
    secret.tags.clear();
    for (const auto& id : entry["tagIds"])
        if (id.is_string()) secret.tags.push_back(id);
}

Json with_rotation(Json json) {
    json["isRotatedSecret"] = false;
    json["rotationId"] = nullptr;
    return json;
}

Answer create(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto& key = call.params.at("key");
    check_key(key);
    const auto value = required(body, "secretValue");
    const auto place = place_of_body(infisical, call, body, form, "create", "CreateSecret");
    check_type(body);
    if (place.folder->secrets.contains(key)) throw bad_request("Secret already exists");
    check_references(infisical, place, value);
    return Answer::json(200, {{"secret", created(place, key, body)}});
}

Answer update(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto& key = call.params.at("key");
    if (body.contains("newSecretName")) check_key(required(body, "newSecretName"));
    const auto place = place_of_body(infisical, call, body, form, "edit", "UpdateSecret");
    if (!place.folder->secrets.contains(key)) throw not_found("Secret with name " + key + " not found");
    const auto renamed = string_or(body, "newSecretName", key);
    if (renamed != key && place.folder->secrets.contains(renamed))
        throw bad_request("Secret with the new name already exists");
    check_references(infisical, place, string_or(body, "secretValue"));
    return Answer::json(200, {{"secret", updated(place, key, body)}});
}

Answer remove(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto place = place_of_body(infisical, call, body_of(call), form, "delete", "DeleteSecret");
    const auto& key = call.params.at("key");
    if (!place.folder->secrets.contains(key)) throw not_found("Secret not found");
    return Answer::json(200, {{"secret", deleted(place, key)}});
}

}  // namespace

void check_key(const std::string& key) {
    if (key.find_first_of(":/") != std::string::npos)
        throw custom_issue("secretName", "Secret name cannot contain colon or forward slash.");
}

void check_type(const Json& entry) {
    if (string_or(entry, "type", "shared") == "personal")
        throw bad_request("Must be user to create personal secret");
}

void check_references(const Infisical& infisical, const Place& place, const std::string& value) {
    if (infisical.seed().age != InfisicalAge::june_2025) return;
    const auto missing = Expander(*place.project).first_missing(value, *place.folder);
    if (missing) throw bad_request("Referenced secret not found: " + *missing);
}

Json created(const Place& place, const std::string& key, const Json& entry) {
    auto& secret = put_secret(*place.folder, key, string_or(entry, "secretValue"));
    set_details(secret, entry);
    return with_rotation(secret_core(secret, *place.project, place.environment));
}

Json updated(const Place& place, const std::string& key, const Json& entry) {
    const auto name = string_or(entry, "newSecretName", key);
    if (name != key) {
        auto node = place.folder->secrets.extract(key);
        node.key() = name;
        place.folder->secrets.insert(std::move(node));
    }
    const bool has_value = entry.contains("secretValue") && entry["secretValue"].is_string();
    const auto present = place.folder->secrets.at(name).value;
    auto& secret = put_secret(*place.folder, name, has_value ? string_or(entry, "secretValue") : present);
    set_details(secret, entry);
    auto json = with_rotation(secret_core(secret, *place.project, place.environment));
    if (!has_value) json["secretValue"] = "";
    json["secretComment"] = string_or(entry, "secretComment");
    json["secretValueHidden"] = false;
    return json;
}

Json deleted(const Place& place, const std::string& key) {
    const auto node = place.folder->secrets.extract(key);
    place.folder->touch();
    auto json = secret_core(node.mapped(), *place.project, place.environment);
    json["secretValueHidden"] = false;
    return json;
}

void add_secret_write_routes(Router& router, Infisical& infisical) {
    for (const auto form : forms_of(infisical.seed().age)) {
        const auto route = secrets_route(form) + "/{key}";
        router.add("POST", route, [&infisical, form](Call& call) { return create(infisical, call, form); });
        router.add("PATCH", route, [&infisical, form](Call& call) { return update(infisical, call, form); });
        router.add("DELETE", route, [&infisical, form](Call& call) { return remove(infisical, call, form); });
    }
}

}  // namespace kavi::lab::infisical

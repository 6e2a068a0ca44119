#include "views.hpp"

#include <algorithm>

namespace kavi::lab::infisical {
namespace {

Json tags_json(const Secret& secret, const Project& project) {
    Json tags = Json::array();
    for (const auto& id : secret.tags) {
        const auto found = std::ranges::find(project.tags, id, &Tag::id);
        if (found != project.tags.end())
            tags.push_back(
                {{"id", id}, {"slug", found->slug}, {"color", found->color}, {"name", found->slug}});
    }
    return tags;
}

Json metadata_json(const Secret& secret) {
    Json list = Json::array();
    for (auto entry : secret.metadata) {
        entry.emplace("isEncrypted", false);
        list.push_back(std::move(entry));
    }
    return list;
}

}  // namespace

Json secret_core(const Secret& secret, const Project& project, const std::string& environment) {
    return {{"id", secret.id},
            {"_id", secret.id},
            {"workspace", project.id},
            {"environment", environment},
            {"version", secret.version},
            {"type", "shared"},
            {"secretKey", secret.key},
            {"secretValue", secret.value},
            {"secretComment", secret.comment},
            {"secretReminderNote", secret.reminder_note},
            {"secretReminderRepeatDays", secret.reminder_days},
            {"skipMultilineEncoding", secret.skip_multiline},
            {"createdAt", secret.created},
            {"updatedAt", secret.updated}};
}

Json listed_secret(const Secret& secret,
                   const Project& project,
                   const std::string& environment,
                   const std::string& path) {
    auto json = secret_core(secret, project, environment);
    json["isRotatedSecret"] = false;
    json["rotationId"] = nullptr;
    json["secretPath"] = path;
    json["secretValueHidden"] = false;
    json["secretMetadata"] = metadata_json(secret);
    json["tags"] = tags_json(secret, project);
    return json;
}

Json imported_secret(const Secret& secret, const std::string& environment) {
    return {{"id", secret.id},
            {"_id", secret.id},
            {"workspace", ""},
            {"environment", environment},
            {"version", secret.version},
            {"type", "shared"},
            {"secretKey", secret.key},
            {"secretValue", secret.value},
            {"secretComment", secret.comment},
            {"skipMultilineEncoding", secret.skip_multiline},
            {"isRotatedSecret", false},
            {"rotationId", nullptr},
            {"secretValueHidden", false},
            {"secretMetadata", metadata_json(secret)}};
}

void hide_value(Json& secret) {
    secret["secretValue"] = hidden_value;
    secret["secretValueHidden"] = true;
}

Json folder_json(const Folder& folder, const Environment& environment) {
    return {{"id", folder.id},
            {"name", folder.name},
            {"version", 1},
            {"createdAt", folder.created},
            {"updatedAt", folder.updated},
            {"envId", environment.id},
            {"parentId", folder.parent == nullptr ? Json(nullptr) : Json(folder.parent->id)},
            {"isReserved", false},
            {"description", folder.description},
            {"lastSecretModified", folder.last_secret_modified}};
}

Json import_json(const Import& import, std::size_t position, const Folder& folder, const Project& project) {
    const auto* source = project.environment(import.environment);
    return {{"id", import.id},
            {"version", 1},
            {"importPath", import.path},
            {"position", position},
            {"createdAt", import.created},
            {"updatedAt", import.created},
            {"folderId", folder.id},
            {"isReplication", false},
            {"isReplicationSuccess", nullptr},
            {"replicationStatus", nullptr},
            {"lastReplicated", nullptr},
            {"isReserved", false},
            {"importEnv", {{"name", source->name}, {"slug", source->slug}, {"id", source->id}}}};
}

Json project_json(const Project& project, const std::string& organisation, InfisicalAge age) {
    Json environments = Json::array();
    for (const auto& one : project.environments)
        environments.push_back({{"name", one->name}, {"slug", one->slug}, {"id", one->id}});
    Json json{{"id", project.id},
              {"name", project.name},
              {"description", nullptr},
              {"type", "secret-manager"},
              {"slug", project.slug},
              {"autoCapitalization", false},
              {"orgId", organisation},
              {"createdAt", project.created},
              {"updatedAt", project.created},
              {"version", 3},
              {"upgradeStatus", nullptr},
              {"pitVersionLimit", 10},
              {"kmsCertificateKeyId", nullptr},
              {"auditLogsRetentionDays", nullptr},
              {"hasDeleteProtection", false},
              {"secretSharing", true},
              {"showSnapshotsLegacy", false},
              {"_id", project.id},
              {"environments", std::move(environments)}};
    if (age == InfisicalAge::june_2025) return json;
    json["defaultProduct"] = nullptr;
    json["secretDetectionIgnoreValues"] = nullptr;
    json["enforceEncryptedSecretManagerSecretMetadata"] = nullptr;
    json["deletedEnvironments"] = Json::array();
    return json;
}

}  // namespace kavi::lab::infisical

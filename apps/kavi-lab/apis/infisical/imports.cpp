#include "infisical.hpp"
#include "views.hpp"

#include <algorithm>

namespace kavi::lab::infisical {
namespace {

std::string query_or_422(const Call& call, const std::string& name) {
    const auto value = call.parameter(name);
    if (!value) throw missing_field(name);
    return *value;
}

Answer list(Infisical& infisical, const Call& call, const std::string& project_field) {
    infisical.caller(call);
    const auto environment = query_or_422(call, "environment");
    const auto& project = infisical.project(call, query_or_422(call, project_field));
    infisical.check_right(call, project, Right::read, "read", "secret-imports");
    Json imports = Json::array();
    if (const auto* folder = project.folder(environment, call.parameter("path").value_or("/"))) {
        std::size_t position = 0;
        for (const auto& one : folder->imports) {
            auto json = import_json(one, ++position, *folder, project);
            json["importEnv"]["projectId"] = project.id;
            json["sourceProjectName"] = project.name;
            imports.push_back(std::move(json));
        }
    }
    return Answer::json(
        200, {{"message", "Successfully fetched secret imports"}, {"secretImports", std::move(imports)}});
}

Folder& folder_of(Infisical& infisical,
                  const Call& call,
                  const Json& body,
                  const std::string& field,
                  const std::string& verb,
                  Project*& project) {
    const auto id = required(body, field), environment = required(body, "environment");
    project = &infisical.project(call, id);
    infisical.check_right(call, *project, Right::write, verb, "secret-imports");
    auto* folder = project->folder(environment, string_or(body, "path", "/"));
    if (folder == nullptr)
        throw not_found("Folder with path '" + string_or(body, "path", "/") + "' in environment with slug '" +
                        environment + "' not found");
    return *folder;
}

Answer create(Infisical& infisical, const Call& call, const std::string& field) {
    infisical.caller(call);
    const auto body = body_of(call);
    if (!body.contains("import")) throw missing_field("import", "object");
    const auto from_environment = required(body["import"], "environment");
    const auto from_path = normal_path(required(body["import"], "path"));
    Project* project = nullptr;
    auto& folder = folder_of(infisical, call, body, field, "create", project);
    if (project->folder(from_environment, from_path) == nullptr) throw not_found("Imported folder not found");
    const bool there = std::ranges::any_of(folder.imports, [&](const Import& one) {
        return one.environment == from_environment && one.path == from_path;
    });
    if (there) throw bad_request("Import already exists");
    auto& made = folder.imports.emplace_back();
    made.environment = from_environment;
    made.path = from_path;
    return Answer::json(200,
                        {{"message", "Successfully created secret import"},
                         {"secretImport", import_json(made, folder.imports.size(), folder, *project)}});
}

Answer remove(Infisical& infisical, const Call& call, const std::string& field) {
    infisical.caller(call);
    Project* project = nullptr;
    auto& folder = folder_of(infisical, call, body_of(call), field, "delete", project);
    const auto found = std::ranges::find(folder.imports, call.params.at("id"), &Import::id);
    if (found == folder.imports.end()) throw not_found("Secret import not found");
    const auto position = static_cast<std::size_t>(found - folder.imports.begin()) + 1;
    const auto json = import_json(*found, position, folder, *project);
    folder.imports.erase(found);
    return Answer::json(200, {{"message", "Successfully deleted secret import"}, {"secretImport", json}});
}

}  // namespace

void add_import_routes(Router& router, Infisical& infisical) {
    std::vector<std::pair<std::string, std::string>> versions{{"/api/v1/secret-imports", "workspaceId"}};
    if (infisical.seed().age == InfisicalAge::july_2026)
        versions.emplace_back("/api/v2/secret-imports", "projectId");
    for (const auto& [route, field] : versions) {
        router.add(
            "GET", route, [&infisical, name = field](Call& call) { return list(infisical, call, name); });
        router.add(
            "POST", route, [&infisical, name = field](Call& call) { return create(infisical, call, name); });
        router.add("DELETE", route + "/{id}", [&infisical, name = field](Call& call) {
            return remove(infisical, call, name);
        });
    }
}

}  // namespace kavi::lab::infisical

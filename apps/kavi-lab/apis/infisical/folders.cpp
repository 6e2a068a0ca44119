#include "infisical.hpp"
#include "views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace kavi::lab::infisical {
namespace {

/// The two forms of these routes: what they call the project.
struct Version {
    std::string route, project;
};

constexpr auto folder_rule =
    "Invalid folder name. Only alphanumeric characters, dashes, and underscores are allowed.";

void check_name(const std::string& name) {
    const auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    };
    if (name.empty() || !std::ranges::all_of(name, allowed)) throw custom_issue("name", folder_rule);
}

std::string required_parameter(const Call& call, const std::string& name) {
    const auto value = call.parameter(name);
    if (!value) throw missing_field(name);
    return *value;
}

/// The layers below a folder, the nearest first.
void append_folders(Json& list, const Folder& top, const Environment& environment, bool recursive) {
    std::vector<const Folder*> layer{&top};
    const auto above = top.path() == "/" ? "" : top.path();
    while (!layer.empty()) {
        std::vector<const Folder*> next;
        for (const auto* folder : layer)
            for (const auto& child : folder->folders) next.push_back(child.get());
        std::ranges::stable_sort(next, {}, [](const Folder* folder) { return folder->name; });
        for (const auto* folder : next) {
            list.push_back(folder_json(*folder, environment));
            if (recursive) list.back()["relativePath"] = folder->path().substr(above.size());
        }
        if (!recursive) return;
        layer = std::move(next);
    }
}

Answer list(Infisical& infisical, const Call& call, const Version& version) {
    infisical.caller(call);
    const bool recursive = switch_of(call, "recursive", false);
    const auto environment = required_parameter(call, "environment");
    const auto& project = infisical.project(call, required_parameter(call, version.project));
    const auto path = call.parameter("path").value_or(call.parameter("directory").value_or("/"));
    Json folders = Json::array();
    if (const auto* folder = project.folder(environment, path))
        append_folders(folders, *folder, *project.environment(environment), recursive);
    return Answer::json(200, {{"folders", std::move(folders)}});
}

struct Target {
    Project* project;
    Environment* environment;
    std::string path;
};

Target target_of(Infisical& infisical,
                 const Call& call,
                 const Json& body,
                 const Version& version,
                 const std::string& verb) {
    const auto id = required(body, version.project), slug = required(body, "environment");
    auto& project = infisical.project(call, id);
    infisical.check_right(call, project, Right::write, verb, "secret-folders");
    auto* environment = project.environment(slug);
    if (environment == nullptr)
        throw not_found(fmt::format("Environment with slug '{}' in project with ID {} not found", slug, id));
    return {&project, environment, string_or(body, "path", string_or(body, "directory", "/"))};
}

Answer create(Infisical& infisical, const Call& call, const Version& version) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto name = required(body, "name");
    check_name(name);
    const auto target = target_of(infisical, call, body, version, "create");
    auto& parent = target.project->make_folder(target.environment->slug, target.path);
    if (parent.child(name) != nullptr)
        throw Problem{400, "CreateFolder", "Folder with name '" + name + "' already exists in path"};
    auto& made = parent.make(name);
    if (body.contains("description")) made.description = body["description"];
    auto json = folder_json(made, *target.environment);
    if (version.project == "projectId") json["path"] = made.path();
    return Answer::json(200, {{"folder", std::move(json)}});
}

Answer remove(Infisical& infisical, const Call& call, const Version& version) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto target = target_of(infisical, call, body, version, "delete");
    const auto& wanted = call.params.at("folder");
    auto* parent = target.project->folder(target.environment->slug, target.path);
    if (parent == nullptr) throw not_found("Folder with path '" + target.path + "' not found");
    auto& folders = parent->folders;
    const auto found = std::ranges::find_if(
        folders, [&](const auto& one) { return one->name == wanted || one->id == wanted; });
    if (found == folders.end()) throw not_found("Folder with ID '" + wanted + "' not found");
    const auto& folder = **found;
    const bool empty = folder.folders.empty() && folder.secrets.empty() && folder.imports.empty();
    if (!empty && body.value("forceDelete", Json(false)) != true)
        throw Problem{400,
                      "deleteFolder",
                      fmt::format("Cannot delete folder \"{}\" because it contains resources. Use "
                                  "forceDelete=true to delete it forcefully.",
                                  folder.name)};
    const auto json = folder_json(folder, *target.environment);
    folders.erase(found);
    return Answer::json(200, {{"folder", json}});
}

}  // namespace

void add_folder_routes(Router& router, Infisical& infisical) {
    std::vector<Version> versions{{"/api/v1/folders", "workspaceId"}};
    if (infisical.seed().age == InfisicalAge::july_2026) versions.push_back({"/api/v2/folders", "projectId"});
    for (const auto& version : versions) {
        router.add("GET", version.route, [&infisical, version](Call& call) {
            return list(infisical, call, version);
        });
        router.add("POST", version.route, [&infisical, version](Call& call) {
            return create(infisical, call, version);
        });
        router.add("DELETE", version.route + "/{folder}", [&infisical, version](Call& call) {
            return remove(infisical, call, version);
        });
    }
}

}  // namespace kavi::lab::infisical

#include "infisical.hpp"
#include "views.hpp"

#include <algorithm>

namespace kavi::lab::infisical {
namespace {

Json view(Infisical& infisical, const Project& project) {
    return project_json(project, infisical.vault().organisation(), infisical.seed().age);
}

/// The projects in which the caller is, whatever its role.
Answer list(Infisical& infisical, const Call& call, const std::string& member) {
    const auto& roles = infisical.caller(call).seed.roles;
    Json projects = Json::array();
    for (const auto& one : infisical.vault().projects())
        if (roles.contains(one->slug)) projects.push_back(view(infisical, *one));
    return Answer::json(200, {{member, std::move(projects)}});
}

Answer environment(Infisical& infisical, const Call& call) {
    const auto& project = infisical.project(call, call.params.at("id"));
    const auto& slug = call.params.at("slug");
    const auto& all = project.environments;
    const auto found = std::ranges::find(all, slug, [](const auto& one) { return one->slug; });
    if (found == all.end()) throw not_found("Environment not found");
    return Answer::json(200,
                        {{"environment",
                          {{"id", (*found)->id},
                           {"name", (*found)->name},
                           {"slug", slug},
                           {"position", found - all.begin() + 1},
                           {"projectId", project.id},
                           {"createdAt", (*found)->created},
                           {"updatedAt", (*found)->created},
                           {"deleteAfter", nullptr},
                           {"softDeletedAt", nullptr},
                           {"deletedByUserId", nullptr},
                           {"deletedByIdentityId", nullptr}}}});
}

Json tag_json(const Tag& tag, const Project& project) {
    return {{"id", tag.id},
            {"slug", tag.slug},
            {"color", tag.color},
            {"createdAt", tag.created},
            {"updatedAt", tag.created},
            {"createdBy", uuid_of("user")},
            {"projectId", project.id},
            {"createdByActorType", "user"}};
}

Answer list_tags(Infisical& infisical, const Call& call) {
    const auto& project = infisical.project(call, call.params.at("id"));
    Json tags = Json::array();
    for (const auto& tag : project.tags) tags.push_back(tag_json(tag, project));
    return Answer::json(200, {{"tags", std::move(tags)}});
}

Answer create_tag(Infisical& infisical, const Call& call) {
    infisical.caller(call);
    const auto body = body_of(call);
    const auto slug = required(body, "slug"), color = required(body, "color");
    auto& project = infisical.project(call, call.params.at("id"));
    infisical.check_right(call, project, Right::write, "create", "tags");
    if (std::ranges::find(project.tags, slug, &Tag::slug) != project.tags.end())
        throw bad_request("Tag already exists");
    auto& tag = project.tags.emplace_back();
    tag.id = fresh_uuid();
    tag.slug = slug;
    tag.color = color;
    return Answer::json(200, {{"tag", tag_json(tag, project)}});
}

void add_project_form(Router& router,
                      Infisical& infisical,
                      const std::string& route,
                      const std::string& one,
                      const std::string& all) {
    router.add("GET", route, [&infisical, all](Call& call) { return list(infisical, call, all); });
    router.add("GET", route + "/{id}", [&infisical, one](Call& call) {
        auto json = view(infisical, infisical.project(call, call.params.at("id")));
        if (one == "workspace") json.erase("deletedEnvironments");
        return Answer::json(200, {{one, std::move(json)}});
    });
    router.add("GET", route + "/{id}/tags", [&](Call& call) { return list_tags(infisical, call); });
}

}  // namespace

void add_project_routes(Router& router, Infisical& infisical) {
    add_project_form(router, infisical, "/api/v1/workspace", "workspace", "workspaces");
    if (infisical.seed().age == InfisicalAge::june_2025) return;
    const std::string route = "/api/v1/projects";
    add_project_form(router, infisical, route, "project", "projects");
    router.add("GET", route + "/slug/{slug}", [&](Call& call) {
        return Answer::json(200, view(infisical, infisical.project_by_slug(call, call.params.at("slug"))));
    });
    router.add("GET", route + "/{id}/environments/slug/{slug}", [&](Call& call) {
        return environment(infisical, call);
    });
    router.add("POST", route + "/{id}/tags", [&](Call& call) { return create_tag(infisical, call); });
}

}  // namespace kavi::lab::infisical

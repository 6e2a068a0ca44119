#include "place.hpp"

#include <fmt/format.h>

namespace kavi::lab::infisical {
namespace {

std::string without_last_slashes(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

Project& project_of_query(Infisical& infisical, const Call& call, Form form) {
    const auto slug = call.parameter("workspaceSlug");
    if (form == Form::v3 && slug && !call.parameter("workspaceId"))
        return infisical.project_by_slug(call, *slug);
    const auto id = call.parameter(form == Form::v3 ? "workspaceId" : "projectId");
    if (!id) throw bad_request("Missing project id or environment");
    return infisical.project(call, *id);
}

}  // namespace

Place place_of_query(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto environment = call.parameter("environment");
    if (!environment) throw bad_request("Missing project id or environment");
    auto& project = project_of_query(infisical, call, form);
    const auto path = without_last_slashes(call.parameter("secretPath").value_or("/"));
    if (path.find('*') != std::string::npos)
        throw bad_request("Invalid secret path. Glob patterns are not allowed.");
    infisical.check_right(call, project, Right::read, "describeSecret", "secrets");
    return {&project, *environment, path, project.folder(*environment, path)};
}

Place place_of_body(Infisical& infisical,
                    const Call& call,
                    const Json& body,
                    Form form,
                    const std::string& verb,
                    const std::string& error) {
    const auto id = required(body, form == Form::v3 ? "workspaceId" : "projectId");
    const auto environment = required(body, "environment");
    const auto path = without_last_slashes(string_or(body, "secretPath", "/"));
    auto& project = infisical.project(call, id);
    infisical.check_right(call, project, Right::write, verb, "secrets");
    const Place place{&project, environment, path, project.folder(environment, path)};
    if (place.folder == nullptr) throw no_folder(place, error);
    return place;
}

Problem no_folder(const Place& place, const std::string& error) {
    return not_found(
        fmt::format(
            "Folder with path '{}' in environment with slug '{}' not found", place.path, place.environment),
        error);
}

std::string secrets_route(Form form) {
    return form == Form::v4 ? "/api/v4/secrets" : "/api/v3/secrets/raw";
}

std::vector<Form> forms_of(InfisicalAge age) {
    if (age == InfisicalAge::june_2025) return {Form::v3};
    return {Form::v3, Form::v4};
}

}  // namespace kavi::lab::infisical

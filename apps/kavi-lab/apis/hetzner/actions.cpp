#include "cloud.hpp"
#include "listing.hpp"

#include <algorithm>
#include <charconv>

namespace kavi::lab::hetzner {
namespace {

const ListRules action_rules{.key = "actions",
                             .sortable = {"id", "command", "status", "started", "finished"},
                             .filters = {"id", "status"},
                             .labels = false};

bool is_about(const Action& action, const std::string& type, std::optional<std::int64_t> id) {
    return std::ranges::any_of(action.resources, [&](const auto& resource) {
        return resource.first == type && (!id || resource.second == *id);
    });
}

Json about(const Project& project, const std::string& type, std::optional<std::int64_t> id) {
    Json list = Json::array();
    for (const auto& [number, action] : project.actions())
        if (is_about(action, type, id)) list.push_back(to_json(action));
    return list;
}

Answer one(const Project& project, const Call& call, const std::string& name, const std::string& type) {
    const auto found = project.actions().find(id_of(call, name));
    const bool there =
        found != project.actions().end() && (type.empty() || is_about(found->second, type, {}));
    if (!there) throw not_found("action");
    return Answer::json(200, {{"action", to_json(found->second)}});
}

/// GET /actions: the id list is mandatory, and there are no pages.
Answer by_ids(const Project& project, const Call& call) {
    const auto wanted = call.parameters("id");
    if (wanted.empty()) throw invalid_input("id", "missing data for required field");
    Json list = Json::array();
    for (const auto& text : wanted) {
        std::int64_t id = 0;
        std::from_chars(text.data(), text.data() + text.size(), id);
        const auto found = project.actions().find(id);
        if (found != project.actions().end()) list.push_back(to_json(found->second));
    }
    return Answer::json(200, {{"actions", list}});
}

}  // namespace

void add_action_routes(Router& router,
                       Project& project,
                       const std::vector<std::pair<std::string, std::string>>& of) {
    router.add("GET", "/actions", [&project](const Call& call) { return by_ids(project, call); });
    router.add("GET", "/actions/{id}", [&project](const Call& call) { return one(project, call, "id", ""); });
    for (const auto& [path, type] : of) {
        router.add("GET", "/" + path + "/actions", [&project, type](const Call& call) {
            return list_answer(call, about(project, type, {}), action_rules);
        });
        router.add("GET", "/" + path + "/actions/{id}", [&project, type](const Call& call) {
            return one(project, call, "id", type);
        });
        router.add("GET", "/" + path + "/{id}/actions", [&project, type](const Call& call) {
            return list_answer(call, about(project, type, id_of(call)), action_rules);
        });
        router.add("GET", "/" + path + "/{id}/actions/{action_id}", [&project, type](const Call& call) {
            return one(project, call, "action_id", type);
        });
    }
}

}  // namespace kavi::lab::hetzner

#include <kavi/base/text.hpp>
#include <kavi/ops/baseline/facts.hpp>
#include <kavi/ops/baseline/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace kavi::ops {

namespace {

using model::BaselineItem;

/// What the host said of one item.
struct Found {
    std::string state;  ///< "ok", "differs", "not-applicable"; empty: it wasn't asked
    std::vector<std::string> texts;
};

Found found_of(const Json& facts, const std::string& key) {
    const auto& said = member_or_null(member_or_null(facts, "baseline"), key);
    Found found{.state = string_or(said, "state")};
    const auto& texts = member_or_null(said, "found");
    if (texts.is_array())
        for (const auto& text : texts)
            if (text.is_string()) found.texts.push_back(printable(text.get<std::string>()));
    return found;
}

/// Where a plan's items come from and what they are called.
struct Family {
    std::string_view kind;    ///< "baseline", "mount"
    std::string_view prefix;  ///< of the item's name in the facts
};

constexpr Family baseline_family{"baseline", ""};
constexpr Family mount_family{"mount", "mount/"};

plan::Action action_for(const Family& family,
                        const model::Server& server,
                        const BaselineItem& item,
                        const std::optional<Found>& found) {
    auto step = std::make_shared<BaselineStep>();
    step->server = server.name;
    step->item = item.id;
    step->spec = item.spec;
    plan::Action action{.id = fmt::format("{}/{}/{}", family.kind, server.name, item.id),
                        .verb = plan::Verb::update,
                        .kind = std::string(family.kind),
                        .group = server.name,
                        .subject = item.title,
                        .reason = found ? join(found->texts, "; ") : "new server",
                        .effect = found ? item.effect : "",
                        .lane = server.name};
    // The digest holds what is wanted; a spec may be long, and its own digest says the same.
    action.before = found ? Json(found->texts) : Json(nullptr);
    action.expected_after = sha256_tag(canonical_json(item.spec)).substr(0, 23);
    action.payload = std::move(step);
    return action;
}

bool differs(const Found& found) {
    return found.state == "differs" || found.state.empty();
}

/// Who may log in has changed on a server that has people on it already.
void ask_for_operators(plan::Action& action, const Found& found) {
    const auto real = [](const std::string& text) {
        return text.starts_with("without ") || text.starts_with("also has ");
    };
    if (std::ranges::none_of(found.texts, real)) return;
    action.question = plan::Question::type_name;
    action.confirm_name = "operators";
}

/// A mount that somebody made by other means stays theirs on a server whose baseline isn't kavi's.
bool only_reported(const Family& family, const model::Server& server, const std::optional<Found>& found) {
    if (server.baseline == model::BaselineMode::apply) return false;
    if (family.kind == baseline_family.kind) return true;
    return found && std::ranges::none_of(found->texts,
                                         [](const auto& text) { return text.ends_with("isn't mounted"); });
}

plan::Plan plan_items(const Family& family,
                      const model::Server& server,
                      const std::vector<BaselineItem>& items,
                      const Json& facts) {
    plan::Plan plan;
    int unchanged = 0;
    for (const auto& item : items) {
        const auto found = facts.is_null()
                               ? std::nullopt
                               : std::optional(found_of(facts, std::string(family.prefix) + item.id));
        if (found && !differs(*found)) {
            ++unchanged;
            continue;
        }
        if (only_reported(family, server, found)) {
            if (found)
                plan.notes.push_back(
                    fmt::format("{}: {}: {}", server.name, item.title, join(found->texts, "; ")));
            continue;
        }
        auto action = action_for(family, server, item, found);
        for (const auto& id : item.after)
            if (auto needed = fmt::format("{}/{}/{}", family.kind, server.name, id); plan.find(needed))
                action.after.push_back(std::move(needed));
        if (item.spec["kind"] == "authorized-keys" && found) ask_for_operators(action, *found);
        plan.actions.push_back(std::move(action));
    }
    if (unchanged > 0)
        plan.unchanged.emplace_back(family.kind == mount_family.kind ? "mount" : "baseline item",
                                    unchanged);
    return plan;
}

}  // namespace

Json baseline_facts_parts(const model::Estate& estate, const std::string& name) {
    const auto& server = estate.servers.at(name);
    auto items = Json::object();
    if (server.baseline != model::BaselineMode::none)
        for (auto& item : model::baseline_items(estate, server)) items[item.id] = std::move(item.spec);
    for (auto& item : model::mount_items(estate, server))
        items[std::string(mount_family.prefix) + item.id] = std::move(item.spec);
    if (items.empty()) return Json::object();
    return {{"baseline", {{"items", std::move(items)}}}};
}

plan::Plan plan_baseline(const model::Estate& estate, const model::Server& server, const Json& facts) {
    if (server.baseline == model::BaselineMode::none) return {};
    return plan_items(baseline_family, server, model::baseline_items(estate, server), facts);
}

plan::Plan plan_mounts(const model::Estate& estate, const model::Server& server, const Json& facts) {
    return plan_items(mount_family, server, model::mount_items(estate, server), facts);
}

}  // namespace kavi::ops

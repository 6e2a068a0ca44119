#include <kavi/ops/backup/host_request.hpp>
#include <kavi/ops/recover/plan.hpp>
#include <kavi/ops/restore/plan.hpp>
#include <kavi/ops/stacks/observe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace kavi::ops {

namespace {

using Ids = std::vector<std::string>;

Ids ids_of(const std::vector<plan::Action>& actions) {
    Ids ids;
    for (const auto& action : actions) ids.push_back(action.id);
    return ids;
}

void need(plan::Action& action, const Ids& ids) {
    for (const auto& id : ids)
        if (std::ranges::find(action.after, id) == action.after.end()) action.after.push_back(id);
}

class RecoveryPlanner {
  public:
    explicit RecoveryPlanner(RecoveryParts parts) : parts_(std::move(parts)) {}

    plan::Plan plan() {
        replace_server();
        agent_before_images();
        for (const auto& place : item_places(parts_.loaded, parts_.server)) join(place);
        timer_last();
        plan::Plan whole = std::move(parts_.deploy);
        for (auto& note : parts_.destroy.notes) whole.notes.push_back(std::move(note));
        auto& actions = whole.actions;
        // In front: what comes first when nothing orders it otherwise.
        actions.insert(actions.begin(),
                       std::make_move_iterator(parts_.destroy.actions.begin()),
                       std::make_move_iterator(parts_.destroy.actions.end()));
        put_beside_their_services(whole);
        ask_once(whole);
        plan::sort_by_needs(whole);
        return whole;
    }

  private:
    void replace_server() {
        const auto gone = ids_of(parts_.destroy.actions);
        for (auto& action : parts_.deploy.actions)
            if (action.lane == "hetzner") need(action, gone);
    }

    /// Where a registry gives none, the agent fetches an image from the store.
    void agent_before_images() {
        const auto& server = parts_.server;
        Ids ready;
        for (const auto& action : parts_.deploy.actions)
            if (action.id == "agent/" + server || action.id == "backup/" + server + "/keys") ready.push_back(action.id);
        for (auto& action : parts_.deploy.actions)
            if (action.id.starts_with("pull/")) need(action, ready);
    }

    /// What has to be there before anything can be restored: the agent, its key for the store, the stack's folders.
    Ids gate(const std::string& stack) const {
        const auto& server = parts_.server;
        Ids ids;
        for (const auto& action : parts_.deploy.actions)
            if (action.id == "agent/" + server || action.id == "backup/" + server + "/keys" ||
                action.id == "stack/" + stack + "/files" || action.id.starts_with("baseline/" + server + "/") ||
                action.id.starts_with("trust/" + server + "/"))
                ids.push_back(action.id);
        return ids;
    }

    std::string service_id(const ItemPlace& place, const std::string& service) const {
        return fmt::format("service/{}/{}", place.stack, service);
    }

    std::vector<plan::Action*> waiting_for(const ItemPlace& place) {
        std::vector<plan::Action*> waiting;
        for (const auto* services : {&place.before, &place.readers})
            for (const auto& service : *services)
                for (auto& action : parts_.deploy.actions)
                    if (action.id == service_id(place, service)) waiting.push_back(&action);
        return waiting;
    }

    void join(const ItemPlace& place) {
        const auto id = fmt::format("restore/{}/{}", parts_.server, place.item);
        const auto is_its = [&](const plan::Action& action) { return action.id == id || action.id.starts_with(id + "/"); };
        const auto waiting = waiting_for(place);
        if (parts_.unfinished && waiting.empty()) std::erase_if(parts_.restores, is_its);
        Ids restored;
        for (auto& action : parts_.restores) {
            if (!is_its(action)) continue;
            restored.push_back(action.id);
            need(action, gate(place.stack));
            if (!place.within.empty() && parts_.deploy.find(service_id(place, place.within)))
                need(action, {service_id(place, place.within)});
        }
        for (auto* action : waiting) need(*action, restored);
    }

    /// A backup of what isn't restored yet must not become the newest one.
    void timer_last() {
        const auto restored = ids_of(parts_.restores);
        for (auto& action : parts_.deploy.actions)
            if (action.id == fmt::format("backup/{}/schedule", parts_.server)) need(action, restored);
    }

    /// A lane goes through its actions in plan order: a restore stands right before the first service that waits for
    /// it, so that no later tier's restore keeps an earlier tier waiting.
    void put_beside_their_services(plan::Plan& whole) {
        for (auto& restore : parts_.restores) {
            const auto waits = [&](const plan::Action& action) {
                return std::ranges::find(action.after, restore.id) != action.after.end();
            };
            const auto first = std::ranges::find_if(whole.actions, waits);
            whole.actions.insert(first, std::move(restore));
        }
    }

    void ask_once(plan::Plan& whole) const {
        const auto asks = [](const plan::Action& action) { return action.question == plan::Question::type_name; };
        if (std::ranges::any_of(whole.actions, asks) || whole.actions.empty()) return;
        auto& first = whole.actions.front();
        first.question = plan::Question::type_name;
        first.confirm_name = parts_.server;
    }

    RecoveryParts parts_;
};

}  // namespace

DeployObservation without_server(DeployObservation seen, const std::string& server) {
    auto& hetzner = seen.hetzner;
    if (const auto* lost = hetzner.server(server))
        for (auto& ip : hetzner.primary_ips)
            if (ip.server == lost->id) ip.server.reset();
    std::erase_if(hetzner.servers, [&](const auto& one) { return one.name == server; });
    std::erase_if(hetzner.firewalls, [&](const auto& one) { return one.name == server; });
    seen.managed.erase(server);
    seen.hosts.erase(server);
    return seen;
}

bool is_unfinished(const model::LoadedEstate& loaded, const std::string& server, const DeployObservation& seen) {
    const auto facts = seen.hosts.find(server);
    if (facts == seen.hosts.end()) return false;
    return std::ranges::all_of(loaded.estate.stacks, [&](const auto& entry) {
        return entry.second.server != server || read_stack_seen(facts->second, entry.second).releases.empty();
    });
}

plan::Plan plan_recovery(RecoveryParts parts) {
    return RecoveryPlanner(std::move(parts)).plan();
}

std::vector<std::string> items_elsewhere(const model::LoadedEstate& loaded, const std::string& server) {
    const auto& estate = loaded.estate;
    std::vector<std::string> items;
    for (const auto& [name, item] : estate.backup.items)
        if (item.source && item.source->owner == server && !mount_above(estate, server, item.source->path).empty())
            items.push_back(name);
    return items;
}

}  // namespace kavi::ops

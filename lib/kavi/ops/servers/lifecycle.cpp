#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/servers/lifecycle.hpp>
#include <kavi/ops/servers/steps.hpp>
#include <kavi/ops/trust/rotate.hpp>

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace kavi::ops {

namespace {

using plan::Action;
using plan::Verb;

template <typename Step>
Action& add(
    plan::Plan& plan, std::string id, Verb verb, std::string_view kind, const std::string& group, Step step) {
    Action action{.id = std::move(id),
                  .verb = verb,
                  .kind = fmt::format("hetzner/{}", kind),
                  .group = group,
                  .lane = "hetzner"};
    action.payload = std::make_shared<Step>(std::move(step));
    plan.actions.push_back(std::move(action));
    return plan.actions.back();
}

std::string owner_of(const api::Labels& labels) {
    return api::label_or_empty(labels, api::owner_label);
}

void require_ours(const model::Estate& estate, const std::string& name, const api::Labels& labels) {
    const auto owner = owner_of(labels);
    if (owner == estate.name) return;
    throw Error(errors::foreign_owner, fmt::format("server {} isn't kavi's", name))
        .because(owner.empty() ? fmt::format("it has no label {}", api::owner_label)
                               : fmt::format("its label {} says {}", api::owner_label, printable(owner)));
}

/// The firewall that kavi made for that server: of its name, and with the estate's label.
const api::HetznerFirewall* own_firewall(const model::Estate& estate,
                                         const std::string& name,
                                         const HetznerObservation& seen) {
    const auto* firewall = seen.firewall(name);
    return firewall && owner_of(firewall->labels) == estate.name ? firewall : nullptr;
}

/// All labels that kavi ever writes, to be removed.
LabelChanges no_labels(const api::Labels& labels) {
    LabelChanges changes;
    for (const auto& [key, value] : labels)
        if (key.starts_with("kavi-")) changes[key] = std::nullopt;
    return changes;
}

void note_address(plan::Plan& plan, const api::HetznerServer& server, const HetznerObservation& seen) {
    if (!server.ipv4) return;
    const auto* ip = seen.primary_ip_at(*server.ipv4);
    if (ip && !ip->auto_delete)
        plan.notes.push_back(
            fmt::format("the primary IP {} ({}) stays, and costs", ip->ip, printable(ip->name)));
    else
        plan.notes.push_back(fmt::format("the address {} goes with the server", *server.ipv4));
}

Action& add_labels(plan::Plan& plan, const std::string& id, const std::string& group, LabelsStep step) {
    return add(plan, id, Verb::update, "labels", group, std::move(step));
}

}  // namespace

plan::Plan plan_destroy(const model::Estate& estate,
                        const std::string& name,
                        const HetznerObservation& seen) {
    plan::Plan plan;
    const auto* server = seen.server(name);
    if (!server) return plan;
    require_ours(estate, name, server->labels);
    std::vector<std::string> after;
    if (server->protect) {
        ServerIdStep step;
        step.server = name;
        step.id = server->id;
        step.wanted = false;
        auto& lift =
            add(plan, "server/" + name + "/unprotect", Verb::update, "protect", name, std::move(step));
        lift.subject = "protection";
        lift.reason = "is to be deleted";
        lift.before = {{"protected", true}};
        lift.expected_after = {{"protected", false}};
        after.push_back(lift.id);
    }
    ServerIdStep step;
    step.server = name;
    step.id = server->id;
    auto& gone = add(plan, "server/" + name + "/delete", Verb::remove, "delete", name, std::move(step));
    gone.subject = "server";
    gone.reason = "destroy";
    gone.effect = "everything on its disk is gone";
    gone.destroys = true;
    gone.question = plan::Question::type_name;
    gone.confirm_name = name;
    gone.before = {{"id", server->id}, {"type", server->type}, {"location", server->location}};
    gone.after = std::move(after);
    const auto gone_id = gone.id;
    if (const auto* firewall = own_firewall(estate, name, seen)) {
        FirewallStep rules;
        rules.name = name;
        rules.id = firewall->id;
        auto& last = add(
            plan, "firewall/" + name + "/delete", Verb::remove, "firewall-delete", name, std::move(rules));
        last.subject = "firewall";
        last.reason = "guards nothing any more";
        last.before = {{"id", firewall->id}};
        last.after = {gone_id};
    }
    note_address(plan, *server, seen);
    return plan;
}

plan::Plan plan_adopt(const model::Estate& estate, const std::string& name, const HetznerObservation& seen) {
    const auto* server = seen.server(name);
    if (!server)
        throw Error(errors::hetzner_failed, fmt::format("Hetzner has no server {} to adopt", name))
            .fix(
                "a server that isn't Hetzner's needs provider = \"manual\" and nothing else; 'kavi deploy' "
                "makes one");
    if (const auto owner = owner_of(server->labels); !owner.empty())
        require_ours(estate, name, server->labels);
    const auto& declared = estate.servers.at(name);
    if (!declared.ssh.host_key)
        throw Error(errors::host_key_unpinned, fmt::format("the host key of {} isn't known", name))
            .fix(fmt::format(
                "write it to kavi.toml: [servers.{}.ssh] host_key = \"SHA256:…\" ('ssh-keygen -lf "
                "/etc/ssh/ssh_host_ed25519_key.pub' on the server shows it)",
                name));
    plan::Plan plan;
    const LabelChanges ours{{std::string(api::owner_label), estate.name}};
    std::vector<std::string> owned;
    if (owner_of(server->labels).empty()) {
        LabelsStep step;
        step.server = server->id;
        step.changes = ours;
        auto& action = add_labels(plan, "server/" + name + "/adopt", name, std::move(step));
        action.subject = "owner's label";
        action.reason = "kavi's from now on";
        action.before = {{"owner", nullptr}};
        action.expected_after = {{"owner", estate.name}};
        owned.push_back(action.id);
    }
    if (const auto* firewall = seen.firewall(name); firewall && owner_of(firewall->labels).empty()) {
        LabelsStep step;
        step.firewall = firewall->id;
        step.changes = ours;
        auto& action = add_labels(plan, "firewall/" + name + "/adopt", name, std::move(step));
        action.subject = "firewall's label";
        action.reason = "kavi's from now on";
        action.before = {{"owner", nullptr}};
        action.expected_after = {{"owner", estate.name}};
    }
    if (api::label_or_empty(server->labels, "kavi-phase").empty()) {
        auto record = trust_record_action(name);
        record.after = std::move(owned);
        plan.actions.push_back(std::move(record));
    }
    return plan;
}

ServerFacts facts_for_adoption(const model::Server& declared, const api::HetznerServer& server) {
    ServerFacts facts{.hetzner_id = server.id, .ipv4 = server.ipv4};
    if (declared.ssh.host_key)
        if (auto pin = pin_from_fingerprint(*declared.ssh.host_key)) facts.pins.push_back(std::move(*pin));
    return facts;
}

plan::Plan plan_release(const model::Estate& estate,
                        const std::string& name,
                        const HetznerObservation& seen) {
    plan::Plan plan;
    const auto* server = seen.server(name);
    if (!server || owner_of(server->labels).empty()) return plan;
    require_ours(estate, name, server->labels);
    if (const auto* firewall = own_firewall(estate, name, seen)) {
        LabelsStep step;
        step.firewall = firewall->id;
        step.changes = no_labels(firewall->labels);
        auto& action = add_labels(plan, "firewall/" + name + "/release", name, std::move(step));
        action.subject = "firewall's label";
        action.reason = "given back";
        action.before = {{"owner", estate.name}};
        action.expected_after = {{"owner", nullptr}};
    }
    LabelsStep step;
    step.server = server->id;
    step.changes = no_labels(server->labels);
    auto& action = add_labels(plan, "server/" + name + "/release", name, std::move(step));
    action.subject = "kavi's labels";
    action.reason = "given back";
    action.effect = "kavi knows its host key only from kavi.toml then";
    action.question = plan::Question::yes_no;
    action.before = {{"owner", estate.name}};
    action.expected_after = {{"owner", nullptr}};
    return plan;
}

}  // namespace kavi::ops

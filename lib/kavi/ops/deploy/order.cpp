#include <kavi/ops/deploy/order.hpp>

#include <algorithm>
#include <utility>

namespace kavi::ops {

namespace {

using Ids = std::vector<std::string>;

Ids ids_of(const plan::Plan& plan) {
    Ids ids;
    for (const auto& action : plan.actions) ids.push_back(action.id);
    return ids;
}

void need(plan::Action& action, const Ids& ids) {
    for (const auto& id : ids)
        if (id != action.id && std::ranges::find(action.after, id) == action.after.end()) action.after.push_back(id);
}

void need(plan::Plan& plan, const Ids& ids) {
    for (auto& action : plan.actions) need(action, ids);
}

void append(plan::Plan& whole, plan::Plan part) {
    std::ranges::move(part.actions, std::back_inserter(whole.actions));
    std::ranges::move(part.notes, std::back_inserter(whole.notes));
    for (auto& [what, count] : part.unchanged) {
        const auto same = std::ranges::find(whole.unchanged, what, &std::pair<std::string, int>::first);
        if (same == whole.unchanged.end()) whole.unchanged.emplace_back(std::move(what), count);
        else same->second += count;
    }
}

/// "service/production/forgejo" → "forgejo"; empty for any other action.
std::string service_of(const plan::Action& action) {
    if (!action.id.starts_with("service/")) return {};
    return action.id.substr(action.id.rfind('/') + 1);
}

class Joiner {
  public:
    explicit Joiner(DeployParts parts) : parts_(std::move(parts)) {}

    plan::Plan join() {
        plan::Plan whole;
        const auto hetzner = ids_of(parts_.hetzner);
        append(whole, std::move(parts_.hetzner));
        for (auto& [name, server] : parts_.servers) append(whole, join_server(name, std::move(server), hetzner));
        add_dns(whole);
        plan::sort_by_needs(whole);
        return whole;
    }

  private:
    static plan::Plan join_server(const std::string& name, ServerParts parts, const Ids& hetzner) {
        plan::Plan whole;
        Ids gate;
        for (const auto& id : {"server/" + name, "server/" + name + "/start"})
            if (std::ranges::find(hetzner, id) != hetzner.end()) gate.push_back(id);
        need(parts.trust, gate);
        const auto trust = ids_of(parts.trust);
        gate.insert(gate.end(), trust.begin(), trust.end());
        need(parts.baseline, gate);
        const auto baseline = ids_of(parts.baseline);
        gate.insert(gate.end(), baseline.begin(), baseline.end());
        need(parts.mounts, gate);
        need(parts.agent, gate);
        need(parts.backup, gate);
        need(parts.backup, ids_of(parts.mounts));
        need(parts.backup, ids_of(parts.agent));
        append(whole, std::move(parts.trust));
        append(whole, std::move(parts.baseline));
        append(whole, std::move(parts.mounts));
        append(whole, std::move(parts.agent));
        need(parts.backup_run, gate);
        need(parts.backup_run, ids_of(parts.backup));
        const auto backed_up = ids_of(parts.backup_run);
        append(whole, std::move(parts.backup_run));
        for (auto& stack : parts.stacks) {
            need(stack, gate);
            for (auto& action : stack.actions)
                if (parts.backed_up_before.contains(service_of(action))) need(action, backed_up);
            for (auto& action : stack.actions)
                if (const auto mounts = parts.mounts_needed.find(service_of(action)); mounts != parts.mounts_needed.end())
                    need(action, present(whole, mounts->second));
            append(whole, std::move(stack));
        }
        append(whole, std::move(parts.backup));
        return whole;
    }

    static Ids present(const plan::Plan& plan, const Ids& ids) {
        Ids found;
        std::ranges::copy_if(ids, std::back_inserter(found), [&](const auto& id) { return plan.find(id) != nullptr; });
        return found;
    }

    void add_dns(plan::Plan& whole) {
        std::map<std::string, std::size_t> services;
        for (std::size_t i = 0; i < whole.actions.size(); ++i)
            if (const auto service = service_of(whole.actions[i]); !service.empty()) services.emplace(service, i);
        auto dns = std::move(parts_.dns.plan);
        for (const auto& step : parts_.dns.steps) {
            const auto action = std::ranges::find(dns.actions, step.id, &plan::Action::id);
            if (action == dns.actions.end()) continue;
            if (const auto* change = dynamic_cast<const DnsChange*>(action->payload.get()); change != nullptr && !change->reference.empty())
                need(*action, present(whole, {"server/" + server_of(change->reference)}));
            const auto service = services.find(step.service);
            if (service == services.end()) continue;
            if (step.role == DnsRole::creation) need(whole.actions[service->second], {step.id});
            if (step.role == DnsRole::move) need(*action, {whole.actions[service->second].id});
        }
        append(whole, std::move(dns));
    }

    /// "server:bruno/ipv4" → "bruno".
    static std::string server_of(const std::string& reference) {
        const auto start = reference.find(':') + 1;
        return reference.substr(start, reference.find('/', start) - start);
    }

    DeployParts parts_;
};

}  // namespace

plan::Plan join(DeployParts parts) {
    return Joiner(std::move(parts)).join();
}

}  // namespace kavi::ops

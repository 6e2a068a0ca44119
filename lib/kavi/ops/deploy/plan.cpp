#include <kavi/model/placed.hpp>
#include <kavi/ops/agent_install/plan.hpp>
#include <kavi/ops/backup/run.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/baseline/plan.hpp>
#include <kavi/ops/deploy/deploy.hpp>
#include <kavi/ops/deploy/order.hpp>
#include <kavi/ops/servers/plan.hpp>
#include <kavi/ops/stacks/plan.hpp>
#include <kavi/ops/trust/rotate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::ops {

namespace {

class DeployPlanner {
  public:
    explicit DeployPlanner(const DeployRequest& request)
        : request_(request), estate_(request.loaded.estate), stack_key_(request.vault.key("stack")) {}

    DeployPlan plan() {
        DeployParts parts;
        const std::vector<std::string> wanted(request_.scope.servers.begin(), request_.scope.servers.end());
        const auto names = hetzner_servers(estate_, wanted);
        const auto user_data = user_data_of(names);
        parts.hetzner = plan_servers({.estate = estate_,
                                      .names = names,
                                      .seen = request_.seen.hetzner,
                                      .managed = request_.seen.managed,
                                      .user_data = user_data});
        const auto trust = plan_trust(estate_, names, request_.seen.managed, parts.hetzner);
        for (const auto& name : wanted) parts.servers.emplace(name, server_parts(name, trust));
        parts.dns = dns_plan();
        DeployPlan planned{.plan = {}, .dns = parts.dns};
        planned.plan = join(std::move(parts));
        return planned;
    }

  private:
    std::map<std::string, std::string> user_data_of(const std::vector<std::string>& names) const {
        std::map<std::string, std::string> all;
        for (const auto& name : names) all.emplace(name, model::baseline_user_data(estate_, estate_.servers.at(name)));
        return all;
    }

    /// Null: the server isn't made yet, or is off.
    const Json& facts_of_host(const std::string& server) const {
        static const Json nothing;
        const auto found = request_.seen.hosts.find(server);
        return found == request_.seen.hosts.end() ? nothing : found->second;
    }

    ServerParts server_parts(const std::string& name, const plan::Plan& trust) const {
        const auto& server = estate_.servers.at(name);
        ServerParts parts;
        std::ranges::copy_if(trust.actions, std::back_inserter(parts.trust.actions), [&](const auto& action) { return action.lane == name; });
        parts.baseline = plan_baseline(estate_, server, facts_of_host(name));
        parts.mounts = plan_mounts(estate_, server, facts_of_host(name));
        if (servers_with_backups(request_.loaded).contains(name)) {
            parts.agent = plan_agent(name, request_.agent, facts_of_host(name));
            parts.backup = backup_plan(name, !parts.agent.actions.empty());
        }
        for (const auto& stack : request_.scope.stacks)
            if (estate_.stacks.at(stack).server == name) parts.stacks.push_back(stack_plan(stack));
        for (const auto& service : model::placed_services(request_.loaded))
            for (const auto& place : service.settings.needs)
                if (service.server == name) parts.mounts_needed[service.name].push_back("mount/" + name + "/" + place.owner);
        add_backup_before(name, parts);
        return parts;
    }

    HostRequest wanted_request(const std::string& server) const {
        return host_request({.loaded = request_.loaded,
                             .vault = request_.vault,
                             .kavi = request_.kavi,
                             .sealed_sequence = request_.sealed_sequence},
                            server);
    }

    /// A new container may change its data for good; so a backup comes first. A service that isn't there yet has none.
    void add_backup_before(const std::string& server, ServerParts& parts) const {
        std::set<std::string> items;
        for (const auto& stack : parts.stacks)
            for (const auto& action : stack.actions) {
                if (action.kind != "service" || action.verb != plan::Verb::replace) continue;
                const auto service = model::find_service(request_.loaded, action.id.substr(action.id.rfind('/') + 1));
                if (!service || service->settings.backup_before.empty()) continue;
                items.insert(service->settings.backup_before.begin(), service->settings.backup_before.end());
                parts.backed_up_before.insert(service->name);
            }
        if (items.empty()) return;
        const auto services = fmt::format("{}", fmt::join(parts.backed_up_before, ", "));
        const bool agent = !parts.agent.actions.empty() || backup_host_state(facts_of_host(server)).agent;
        if (!agent || host_stores(estate_).empty()) {
            parts.backup_run.notes.push_back(fmt::format("{}: no backup is taken before {} is updated", server, services));
            return;
        }
        parts.backup_run.actions.push_back(plan_backup_run({.server = server,
                                                            .request = wanted_request(server),
                                                            .items = std::vector<std::string>(items.begin(), items.end()),
                                                            .reason = fmt::format("before {} is updated", services)}));
    }

    plan::Plan backup_plan(const std::string& server, bool agent_comes) const {
        const auto& facts = facts_of_host(server);
        const auto wanted = wanted_request(server);
        return plan_backup_host({.loaded = request_.loaded,
                                 .server = server,
                                 .request = wanted,
                                 .key = request_.vault.key("backup"),
                                 .facts = facts,
                                 .has_agent = agent_comes || backup_host_state(facts).agent});
    }

    plan::Plan stack_plan(const std::string& name) const {
        const auto& stack = estate_.stacks.at(name);
        const auto secrets = stack_secrets(request_.vault, stack);
        const auto wanted = wanted_stack({.loaded = request_.loaded,
                                          .stack = name,
                                          .files = request_.files.at(name),
                                          .secrets = secrets,
                                          .key = stack_key_});
        const auto seen = std::make_shared<const StackSeen>(read_stack_seen(facts_of_host(stack.server), stack));
        const auto* only = covers_whole(name) ? nullptr : &request_.scope.services;
        return plan_stack({.wanted = wanted, .seen = seen, .key = stack_key_, .services = only, .now = request_.now});
    }

    bool covers_whole(const std::string& stack) const {
        return std::ranges::all_of(request_.loaded.stacks.at(stack).services,
                                   [&](const auto& service) { return request_.scope.has_service(service.first); });
    }

    DnsPlan dns_plan() const {
        if (request_.seen.dns.empty()) return {};
        model::ServiceServers servers;
        for (const auto& service : model::placed_services(request_.loaded)) servers.emplace(service.name, service.server);
        auto dns = plan_dns(estate_, servers, addresses(), request_.seen.dns);
        if (!request_.scope.everything) keep_services_of_scope(dns);
        return dns;
    }

    model::Addresses addresses() const {
        model::Addresses known;
        for (const auto& [name, server] : estate_.servers)
            if (const auto facts = request_.facts.find(name)) known[name] = {.ipv4 = facts->ipv4, .ipv6 = facts->ipv6};
        return known;
    }

    void keep_services_of_scope(DnsPlan& dns) const {
        std::erase_if(dns.steps, [&](const DnsStep& step) { return !request_.scope.has_service(step.service); });
        std::erase_if(dns.plan.actions, [&](const plan::Action& action) {
            return std::ranges::find(dns.steps, action.id, &DnsStep::id) == dns.steps.end();
        });
        dns.creations.clear();
        dns.removals.clear();
        for (auto& action : dns.plan.actions) {
            std::erase_if(action.after, [&](const auto& id) { return dns.plan.find(id) == nullptr; });
            if (action.verb == plan::Verb::create) ++dns.creations[action.group];
            if (action.verb == plan::Verb::remove) ++dns.removals[action.group];
        }
    }

    const DeployRequest& request_;
    const model::Estate& estate_;
    secrets::PurposeKey stack_key_;
};

}  // namespace

DeployPlan plan_deploy(const DeployRequest& request) {
    return DeployPlanner(request).plan();
}

std::map<std::string, std::string> deployed_commits(const DeployObservation& seen) {
    std::map<std::string, std::string> commits;
    for (const auto& [server, facts] : seen.hosts) {
        const auto records = facts.find("records");
        if (records == facts.end() || !records->is_object()) continue;
        const auto deployed = records->find("deployed");
        if (deployed == records->end() || !deployed->is_object()) continue;
        if (auto commit = string_or(*deployed, "commit"); !commit.empty()) commits.emplace(server, std::move(commit));
    }
    return commits;
}

}  // namespace kavi::ops

#include <kavi/base/error_codes.hpp>
#include <kavi/base/parallel.hpp>
#include <kavi/ops/agent_install/plan.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/baseline/facts.hpp>
#include <kavi/ops/deploy/observe.hpp>
#include <kavi/ops/stacks/observe.hpp>

#include <future>

namespace kavi::ops {

namespace {

class Observer {
  public:
    Observer(const model::LoadedEstate& loaded, const Scope& scope, const Secret& pin_key, const DeployTools& tools, std::stop_token stop)
        : loaded_(loaded), scope_(scope), pin_key_(pin_key), tools_(tools), stop_(std::move(stop)) {}

    DeployObservation observe() {
        auto dns = std::async(std::launch::async, [this] { return observe_zones(); });
        DeployObservation seen;
        observe_servers(seen);
        seen.dns = dns.get();
        return seen;
    }

  private:
    DnsObservation observe_zones() const {
        if (tools_.cloudflare == nullptr) return {};
        return observe_dns(*tools_.cloudflare, zone_questions(loaded_.estate, {}), stop_);
    }

    void observe_servers(DeployObservation& seen) const {
        const std::vector<std::string> wanted(scope_.servers.begin(), scope_.servers.end());
        if (tools_.cloud != nullptr) {
            const auto names = hetzner_servers(loaded_.estate, wanted);
            seen.hetzner = observe_hetzner(loaded_.estate, names, *tools_.cloud, stop_);
            seen.managed = managed_servers(loaded_.estate, names, seen.hetzner, pin_key_);
            for (const auto& [name, managed] : seen.managed) tools_.facts.learn(name, facts_of(managed));
        }
        std::vector<std::string> reachable;
        for (const auto& name : wanted)
            if (can_be_asked(name, seen)) reachable.push_back(name);
        auto replies = map_parallel(std::span<const std::string>(reachable), 16, stop_, [&](const std::string& name, std::stop_token inner) {
            auto& host = tools_.hosts.at(name, inner, patience(name, seen));
            return host.call({.name = "facts", .parameters = {{"parts", deploy_facts_parts(loaded_, name)}}}, inner);
        });
        if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted before anything was changed");
        for (std::size_t i = 0; i < reachable.size(); ++i) seen.hosts[reachable[i]] = std::move(value_of(replies[i]));
    }

    bool can_be_asked(const std::string& name, const DeployObservation& seen) const {
        if (loaded_.estate.servers.at(name).provider == model::Server::Provider::manual) return true;
        const auto managed = seen.managed.find(name);
        return managed != seen.managed.end() && managed->second.server.status != "off";
    }

    /// A run that was killed while it made a server may find it booting.
    static std::chrono::milliseconds patience(const std::string& name, const DeployObservation& seen) {
        const auto managed = seen.managed.find(name);
        const bool fresh = managed != seen.managed.end() && managed->second.trust.phase != TrustPhase::ready;
        return fresh ? std::chrono::minutes(2) : std::chrono::milliseconds(0);
    }

    const model::LoadedEstate& loaded_;
    const Scope& scope_;
    const Secret& pin_key_;
    const DeployTools& tools_;
    std::stop_token stop_;
};

}  // namespace

Json deploy_facts_parts(const model::LoadedEstate& loaded, const std::string& server) {
    Json parts{{"machine", Json::object()}, {"hostkeys", Json::object()}, {"docker", Json::object()}, {"records", Json::object()}};
    parts.update(stack_facts_parts(loaded, server));
    parts.update(baseline_facts_parts(loaded.estate, server));
    parts.update(agent_facts_parts(loaded, server));
    parts.update(backup_facts_parts(loaded, server));
    return parts;
}

DeployObservation observe_deploy(const model::LoadedEstate& loaded,
                                 const Scope& scope,
                                 const Secret& pin_key,
                                 const DeployTools& tools,
                                 std::stop_token stop) {
    return Observer(loaded, scope, pin_key, tools, std::move(stop)).observe();
}

}  // namespace kavi::ops

#include "dns_session.hpp"

#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <set>

namespace kavi::app {

model::ServiceServers service_servers(const model::LoadedEstate& loaded) {
    model::ServiceServers servers;
    for (const auto& service : model::placed_services(loaded)) servers.emplace(service.name, service.server);
    return servers;
}

model::Addresses observed_addresses(EstateSession& session, std::stop_token stop) {
    const auto& estate = session.estate();
    const auto servers = service_servers(session.loaded());
    std::set<std::string> needed;
    for (const auto& [name, domain] : estate.domains) {
        const auto placed = servers.find(domain.service);
        if (placed == servers.end()) continue;
        const auto server = estate.servers.find(placed->second);
        if (server == estate.servers.end() || server->second.ipv4) continue;
        if (server->second.provider == model::Server::Provider::hetzner) needed.insert(server->first);
    }
    model::Addresses addresses;
    if (needed.empty()) return addresses;
    const std::vector<std::string> names(needed.begin(), needed.end());
    const auto seen = ops::observe_hetzner(estate, names, session.hetzner(), stop);
    for (const auto& name : names)
        if (const auto* server = seen.server(name)) addresses[name].ipv4 = server->ipv4;
    return addresses;
}

DnsPlanned plan_zones(EstateSession& estate, std::span<const std::string> zones, const Session& session) {
    const auto questions = ops::zone_questions(estate.estate(), zones);
    const auto began = session.clock.steady();
    DnsPlanned planned;
    const auto addresses = observed_addresses(estate, session.stop);
    // What kavi.toml itself gets wrong is said before anything is asked.
    const auto servers = service_servers(estate.loaded());
    model::desired_records(estate.estate(), servers, addresses);
    planned.seen = ops::observe_dns(estate.cloudflare(), questions, session.stop);
    planned.plan = ops::plan_dns(estate.estate(), servers, addresses, planned.seen);
    planned.took = std::chrono::duration_cast<std::chrono::milliseconds>(session.clock.steady() - began);
    return planned;
}

OrderedJson unmanaged_json(const ops::DnsPlan& plan) {
    auto list = OrderedJson::array();
    for (const auto& one : plan.unmanaged) {
        const auto& record = one.live.record;
        list.push_back({{"zone", one.zone},
                        {"type", record.type},
                        {"name", record.name},
                        {"content", model::shown_value(record.type, record.value)},
                        {"why", one.why}});
    }
    return list;
}

}  // namespace kavi::app

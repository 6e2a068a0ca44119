#pragma once

#include <kavi/api/cloudflare.hpp>
#include <kavi/api/hetzner.hpp>
#include <kavi/model/estate_file.hpp>
#include <kavi/ops/deploy/scope.hpp>
#include <kavi/ops/dns/observe.hpp>
#include <kavi/ops/hosts.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <map>
#include <stop_token>
#include <string>

namespace kavi::ops {

/// Who is asked. A null client: that system isn't part of the scope.
struct DeployTools {
    api::HetznerCloud* cloud = nullptr;
    api::CloudflareClient* cloudflare = nullptr;
    Hosts& hosts;
    RunFacts& facts;
    Clock& clock;
    net::SshConnector* connector = nullptr;  ///< reaches Storage Boxes
};

/// What is, as far as a deploy of that scope is concerned.
struct DeployObservation {
    HetznerObservation hetzner;
    ManagedServers managed;
    /// By server: the runner's facts. A server that isn't made yet, or is switched off, isn't in here.
    std::map<std::string, Json> hosts;
    DnsObservation dns;
};

/// The parts of the facts that a deploy asks of a server.
Json deploy_facts_parts(const model::LoadedEstate& loaded, const std::string& server);

/// Asks all systems at once: Hetzner first, since it knows the servers' addresses and host keys; then each server
/// with one connection and one exec; Cloudflare beside them. Fills `tools.facts`. A server that is still being
/// made gets two minutes to answer. Throws the first failure in the order Hetzner, servers, Cloudflare.
DeployObservation observe_deploy(const model::LoadedEstate& loaded,
                                 const Scope& scope,
                                 const Secret& pin_key,
                                 const DeployTools& tools,
                                 std::stop_token stop);

}  // namespace kavi::ops

#pragma once

#include "estate_session.hpp"

#include <kavi/ops/dns/plan.hpp>

#include <span>
#include <string>

namespace kavi::app {

/// What `kavi dns` needs of the estate: where services are, and where their servers can be reached.
model::ServiceServers service_servers(const model::LoadedEstate& loaded);

/// Addresses that kavi.toml doesn't say, of servers that domains lead to: Hetzner is asked, but only where
/// there are such servers.
model::Addresses observed_addresses(EstateSession& session, std::stop_token stop);

/// Looks at the zones (all, or those named) and decides what to change.
struct DnsPlanned {
    ops::DnsObservation seen;
    ops::DnsPlan plan;
    std::chrono::milliseconds took{};
};

DnsPlanned plan_zones(EstateSession& estate, std::span<const std::string> zones, const Session& session);

/// [{"zone", "type", "name", "content", "why"}]
OrderedJson unmanaged_json(const ops::DnsPlan& plan);

}  // namespace kavi::app

#pragma once

#include <kavi/ops/servers/observe.hpp>
#include <kavi/ops/servers/steps.hpp>
#include <kavi/plan/plan.hpp>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace kavi::ops {

struct ServersRequest {
    const model::Estate& estate;
    std::span<const std::string> names;  ///< from hetzner_servers
    const HetznerObservation& seen;
    const ManagedServers& managed;
    /// What cloud-init gets, by server: without key material (host_key_placeholder stands for it).
    const std::map<std::string, std::string>& user_data;
};

/// What has to happen at Hetzner: SSH keys, firewalls, primary IPs, servers that aren't there, protection,
/// power. Kinds "hetzner/ssh-key", "hetzner/firewall", "hetzner/firewall-apply", "hetzner/primary-ip",
/// "hetzner/server", "hetzner/protect", "hetzner/start"; lane "hetzner".
///
/// Image, location, type and user data of servers that exist are compared and noted, never acted on; so are
/// servers with the estate's label that the file doesn't have. Throws errors::primary_ip_missing for a
/// declared ipv4 that the project doesn't have, foreign_owner for a name or address that is another's,
/// config_invalid for a type, image or location that Hetzner doesn't have, hetzner_failed where none of the
/// types can be had now.
plan::Plan plan_servers(const ServersRequest& request);

/// 32 characters that stand for user data in the label user_data_label.
std::string user_data_digest(std::string_view template_text);

/// A rule of the estate file as Hetzner writes it.
api::HetznerFirewallRule hetzner_rule(const model::FirewallRule& rule);

/// For a server that can't be made where it should: "available in nbg1: cpx32 (4 cores, 8 GB, 10.49 a month),
/// …", and where the wanted types are to be had.
std::vector<std::string> alternatives(std::span<const api::HetznerServerType> types,
                                      std::span<const std::string> wanted,
                                      std::string_view location);

}  // namespace kavi::ops

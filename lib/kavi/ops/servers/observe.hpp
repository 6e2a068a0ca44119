#pragma once

#include <kavi/api/hetzner.hpp>
#include <kavi/model/estate.hpp>
#include <kavi/ops/run_facts.hpp>
#include <kavi/ops/trust/labels.hpp>

#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace kavi::ops {

/// What Hetzner has in the token's project.
struct HetznerObservation {
    std::vector<api::HetznerServer> servers;
    std::vector<api::HetznerSshKey> ssh_keys;
    std::vector<api::HetznerFirewall> firewalls;
    std::vector<api::HetznerPrimaryIp> primary_ips;
    /// Asked for only where a server has to be made.
    std::vector<api::HetznerServerType> types;
    /// By (name, architecture); a name that Hetzner doesn't have isn't in it.
    std::map<std::pair<std::string, std::string>, api::HetznerImage> images;

    const api::HetznerServer* server(std::string_view name) const;
    const api::HetznerFirewall* firewall(std::string_view name) const;
    const api::HetznerServerType* type(std::string_view name) const;
    const api::HetznerPrimaryIp* primary_ip_named(std::string_view name) const;
    /// By an address: exact for IPv4, by its /64 for IPv6.
    const api::HetznerPrimaryIp* primary_ip_at(std::string_view address) const;
};

/// The estate's servers that Hetzner makes (or only those named), in the order of their names.
std::vector<std::string> hetzner_servers(const model::Estate& estate, std::span<const std::string> only);

/// Reads all four lists at once: one request each in a project of up to 50 of a kind. Where a server of
/// `names` isn't there, server types and images follow. Throws what api::HetznerCloud throws.
HetznerObservation observe_hetzner(const model::Estate& estate,
                                   std::span<const std::string> names,
                                   api::HetznerCloud& cloud,
                                   std::stop_token stop);

/// Adds the server types and images that making these servers needs; asks nothing where there are none.
void observe_offers(const model::Estate& estate,
                    const std::vector<std::string>& to_make,
                    HetznerObservation& seen,
                    api::HetznerCloud& cloud,
                    std::stop_token stop);

/// A server of the estate that exists, and the host keys it may show.
struct ManagedServer {
    api::HetznerServer server;
    Trust trust;
    bool labelled = true;  ///< false: the pin stands in kavi.toml only
};

using ManagedServers = std::map<std::string, ManagedServer, std::less<>>;

/// Those of `names` that exist, each checked: another's server of that name throws errors::foreign_owner,
/// labels that aren't authentic errors::integrity, and a server without pins (in its labels, or in kavi.toml
/// for one that is about to be adopted) errors::host_key_unpinned.
ManagedServers managed_servers(const model::Estate& estate,
                               std::span<const std::string> names,
                               const HetznerObservation& seen,
                               const Secret& pin_key);

/// Hands on what a server's API entry and trust say.
ServerFacts facts_of(const ManagedServer& managed);

/// "SHA256:<base64>" as ssh-keygen prints it → 32 raw bytes; nullopt: it isn't that.
std::optional<std::string> pin_from_fingerprint(std::string_view text);

}  // namespace kavi::ops

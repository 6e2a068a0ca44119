#pragma once

#include <kavi/api/hetzner_types.hpp>
#include <kavi/base/clock.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::api {

class HetznerWire;

/// Where the Cloud API is and who asks.
struct HetznerAccess {
    std::string base_url = "https://api.hetzner.cloud/v1";  ///< complete, "/v1" included (HCLOUD_ENDPOINT)
    Secret token;
};

/// A resource that was asked for, and the actions that still run for it. Nothing is promised of it before
/// they are awaited.
template <typename Thing>
struct HetznerStarted {
    Thing thing;
    std::vector<std::int64_t> actions;
    bool was_there = false;  ///< it had been made already (a lost answer, another run of the same estate)
};

/// Hetzner's Cloud API, typed (OpenAPI document of the Cloud API; docs.hetzner.cloud). Every method may throw
/// errors::credentials_refused (unknown token), rights_missing (the token may only read), hetzner_failed (any
/// other refusal, with Hetzner's code and correlation id), network_failed and interrupted. All methods may be
/// called from several threads at once. It repeats by itself what may be repeated (hetzner_wire.hpp): hand in
/// the plain transport.
///
/// Creating is safe to interrupt: names are unique in a project, so where an answer was lost, or says that
/// the name is taken, the resource of that name is looked at. With the label `kavi-estate` of the order it is
/// the one that was wanted and is returned; another's throws errors::foreign_owner. A POST is never repeated
/// before that look.
class HetznerCloud {
  public:
    /// Throws errors::credentials_refused where the token has a character that no header can carry.
    HetznerCloud(net::Transport& transport, Clock& clock, HetznerAccess access);
    ~HetznerCloud();
    HetznerCloud(const HetznerCloud&) = delete;
    HetznerCloud& operator=(const HetznerCloud&) = delete;

    std::vector<HetznerServer> servers(std::stop_token stop);
    std::vector<HetznerSshKey> ssh_keys(std::stop_token stop);
    std::vector<HetznerFirewall> firewalls(std::stop_token stop);
    std::vector<HetznerPrimaryIp> primary_ips(std::stop_token stop);
    std::vector<HetznerServerType> server_types(std::stop_token stop);
    /// The system image of that name for an architecture ("x86", "arm"), deprecated ones included.
    std::optional<HetznerImage> image(std::string_view name,
                                      std::string_view architecture,
                                      std::stop_token stop);

    /// nullopt: no such server (any more).
    std::optional<HetznerServer> server(std::int64_t id, std::stop_token stop);
    std::optional<HetznerServer> server_named(std::string_view name, std::stop_token stop);

    /// The body's user_data is wiped after sending. "resource_unavailable" throws errors::hetzner_failed.
    HetznerStarted<HetznerServer> create_server(const HetznerServerOrder& order, std::stop_token stop);
    HetznerStarted<HetznerSshKey> create_ssh_key(std::string_view name,
                                                 std::string_view public_key,
                                                 const Labels& labels,
                                                 std::stop_token stop);
    HetznerStarted<HetznerFirewall> create_firewall(std::string_view name,
                                                    std::span<const HetznerFirewallRule> rules,
                                                    const Labels& labels,
                                                    std::stop_token stop);
    HetznerStarted<HetznerPrimaryIp> create_primary_ip(std::string_view name,
                                                       std::string_view type,
                                                       std::string_view location,
                                                       const Labels& labels,
                                                       std::stop_token stop);

    /// Replaces all rules. Returns when they are applied everywhere.
    void set_rules(const HetznerFirewall& firewall,
                   std::span<const HetznerFirewallRule> rules,
                   std::stop_token stop);
    /// Returns when the firewall guards the server; "already applied" is success.
    void apply_firewall(std::int64_t firewall, std::int64_t server, std::stop_token stop);

    /// Reads a server's labels, lays `changes` over them (an empty optional removes one) and writes the whole
    /// set: the API knows no other way, so two writers at once can lose one another's. Returns the labels as
    /// written.
    Labels change_labels(std::int64_t server,
                         const std::map<std::string, std::optional<std::string>>& changes,
                         std::stop_token stop);

    /// The same for a firewall's.
    Labels change_firewall_labels(std::int64_t firewall,
                                  const std::map<std::string, std::optional<std::string>>& changes,
                                  std::stop_token stop);

    /// Protects from deletion and rebuild, or lifts both (they must be equal).
    void protect(std::int64_t server, bool wanted, std::stop_token stop);
    /// Gone at once, no graceful stop; primary IPs without auto_delete stay. A server that isn't there is no
    /// error.
    void delete_server(std::int64_t server, std::stop_token stop);
    /// One that still guards something (a server that is just being deleted) is waited for a while; one that
    /// isn't there is no error.
    void delete_firewall(std::int64_t firewall, std::stop_token stop);
    /// A fresh system disk of that image; id, addresses and labels stay. New user_data is always sent.
    void rebuild_server(std::int64_t server,
                        std::string_view image,
                        const Secret& user_data,
                        std::stop_token stop);
    void power_on(std::int64_t server, std::stop_token stop);

    /// Returns when all of them succeeded; the first that failed throws errors::hetzner_failed. Asks for all
    /// with one request, every 0.5 s for 5 s, then ever less often down to every 3 s. Running out of
    /// `patience` throws errors::network_failed.
    void await(std::span<const std::int64_t> actions,
               std::stop_token stop,
               std::chrono::milliseconds patience = std::chrono::minutes(15));

  private:
    std::vector<std::int64_t> running_actions(std::string_view resource, std::stop_token stop);

    Labels relabel(std::string_view resource,
                   std::string_view member,
                   const std::map<std::string, std::optional<std::string>>& changes,
                   std::stop_token stop);

    /// Those of the actions that haven't ended; a failed or missing one throws errors::hetzner_failed.
    std::vector<std::int64_t> still_running(std::span<const std::int64_t> ids, std::stop_token stop);

    /// What stands there already under the name that was asked for.
    template <typename Thing>
    using Finder = std::function<std::optional<Thing>()>;

    /// POSTs; where the outcome is unknown or the name is taken, `find` decides.
    template <typename Thing>
    HetznerStarted<Thing> create(std::string_view path,
                                 std::string_view member,
                                 std::string_view what,
                                 const Json& body,
                                 Thing (*read)(const Json&),
                                 const Finder<Thing>& find,
                                 std::stop_token stop);

    /// Sends something that acts on a resource ("/servers/12") and awaits its actions. `locked` and
    /// `conflict` wait for what runs there, then try again, five times at most. `done` names a code that is
    /// success too.
    void act(std::string_view doing,
             std::string_view method,
             std::string_view resource,
             std::string_view action,
             const Json* body,
             std::string_view done,
             std::stop_token stop);

    Clock& clock_;
    std::unique_ptr<HetznerWire> wire_;
};

}  // namespace kavi::api

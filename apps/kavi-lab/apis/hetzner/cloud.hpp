#pragma once

#include "../http/api.hpp"
#include "../http/router.hpp"
#include "../lab_apis.hpp"
#include "catalog.hpp"
#include "fields.hpp"
#include "problem.hpp"
#include "project.hpp"

#include <kavi/base/json.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::hetzner {

struct SshKey {
    std::int64_t id = 0;
    std::string name, public_key, fingerprint;
    Labels labels;
    Time created;
};

struct PrimaryIp {
    std::int64_t id = 0;
    std::string name, ip, type, location;
    std::map<std::string, std::string> pointers;  ///< address → DNS name, where it isn't the default
    Labels labels;
    bool protect = false, auto_delete = false;
    std::optional<std::int64_t> server;  ///< whom it is assigned to
    Time created;
};

struct Image {
    std::int64_t id = 0;
    std::string type, status = "available", name, description, flavor, version, architecture;
    int disk = 5;
    std::optional<double> size;
    std::optional<std::int64_t> bound_to, from;
    std::string from_name, deprecated;
    Labels labels;
    bool protect = false;
    Time created;
};

struct Server {
    std::int64_t id = 0;
    std::string name, type, location, status = "initializing";
    std::optional<std::int64_t> image, ipv4, ipv6;
    std::string user_data;
    std::vector<std::string> authorized_keys;
    Labels labels, labels_at_creation;
    std::vector<std::int64_t> firewalls;  ///< applied to it directly
    bool protect = false, locked = false, rescue = false;
    std::optional<std::string> backup_window;
    int disk = 0;
    Time created;
};

struct Firewall {
    std::int64_t id = 0;
    std::string name;
    Labels labels;
    Json rules = Json::array();
    std::vector<std::string> selectors;
    Time created;
};

/// The Cloud API. Its resources are public to the files that serve them; all under project().mutex.
class Cloud final : public Api {
  public:
    Cloud(Project& project, const HetznerSeed& seed, ServerMachines* machines);

    std::string name() const override { return "hetzner"; }

    std::string prefix() const override { return "/v1"; }

    Answer answer(Call& call) override;
    Answer error(int status, const std::string& code) override;

    /// A server and its machine are gone, from one moment to the next. False: there is none of that name.
    bool destroy(const std::string& name);
    void power_changed(const std::string& name, bool on);
    void add_server(const ServerSeed& seed);
    /// `count` more servers, the same for the same number.
    void add_generated(std::size_t count);

    // What the resources' files use.
    Project& project() { return project_; }

    ServerMachines* machines() { return machines_; }

    const HetznerSeed& seed() const { return seed_; }

    std::map<std::int64_t, Server> servers;
    std::map<std::int64_t, PrimaryIp> primary_ips;
    std::map<std::int64_t, SshKey> ssh_keys;
    std::map<std::int64_t, Firewall> firewalls;
    std::map<std::int64_t, Image> images;

    /// A new primary IP with the next spare address.
    PrimaryIp& make_primary_ip(const std::string& ip_name,
                               const std::string& type,
                               const std::string& location);
    void assign(PrimaryIp& ip, Server& server);
    void unassign(PrimaryIp& ip);
    /// Frees what the server holds and forgets it.
    void forget(std::int64_t server);

    Json to_json(const Server& server) const;
    Json to_json(const PrimaryIp& ip) const;
    Json to_json(const SshKey& key) const;
    Json to_json(const Firewall& firewall) const;
    Json to_json(const Image& image) const;

  private:
    std::string next_ipv4();

    Project& project_;
    HetznerSeed seed_;
    ServerMachines* machines_;
    Router router_;
    std::size_t spare_taken_ = 0;
    int documentation_taken_ = 0, ipv6_taken_ = 0;
};

/// The resource with the path's id. Throws not_found.
template <typename Resource>
Resource& by_id(std::map<std::int64_t, Resource>& all, std::int64_t id, const std::string& what) {
    const auto found = all.find(id);
    if (found == all.end()) throw not_found(what);
    return found->second;
}

/// Throws uniqueness_error where another one has the name.
template <typename Resource>
void need_unique_name(const std::map<std::int64_t, Resource>& all,
                      const std::string& name,
                      const std::string& what,
                      std::int64_t except = 0) {
    for (const auto& [id, one] : all)
        if (one.name == name && id != except) throw not_unique("name", what + " name is already used");
}

template <typename Resource>
Json all_json(Cloud& cloud, const std::map<std::int64_t, Resource>& all) {
    Json list = Json::array();
    for (const auto& [id, one] : all) list.push_back(cloud.to_json(one));
    return list;
}

// Each resource's file adds its routes.
void add_catalog_routes(Router& router, Cloud& cloud);
void add_image_routes(Router& router, Cloud& cloud);
void add_ssh_key_routes(Router& router, Cloud& cloud);
void add_firewall_routes(Router& router, Cloud& cloud);
void add_primary_ip_routes(Router& router, Cloud& cloud);
void add_server_routes(Router& router, Cloud& cloud);
void add_server_create_route(Router& router, Cloud& cloud);
void add_server_power_routes(Router& router, Cloud& cloud);
void add_server_action_routes(Router& router, Cloud& cloud);
/// GET /actions, /<resource>/actions and /<resource>/{id}/actions, for the named resources.
void add_action_routes(Router& router,
                       Project& project,
                       const std::vector<std::pair<std::string, std::string>>& of);
void add_system_images(Cloud& cloud);

/// How a key of that OpenSSH line is told apart: its MD5, "aa:bb:…". nullopt: the line is no public key.
std::optional<std::string> md5_fingerprint(const std::string& public_key);
/// Is this 0.0.0.0/0, 10.0.0.0/8, ::/0 and so on, without host bits?
bool is_cidr(const std::string& text);
/// Does the firewall apply to the server by one of its label selectors?
bool selects(const Firewall& firewall, const Server& server);

}  // namespace kavi::lab::hetzner

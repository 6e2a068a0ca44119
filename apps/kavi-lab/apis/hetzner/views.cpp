// How the Cloud API shows its resources.
#include "cloud.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace kavi::lab::hetzner {
namespace {

/// "static.57.197.34.188.clients.your-server.de".
std::string default_pointer(const std::string& ipv4) {
    int a = 0, b = 0, c = 0, d = 0;
    if (std::sscanf(ipv4.c_str(), "%d.%d.%d.%d", &a, &b, &c, &d) != 4) return "";
    return fmt::format("static.{}.{}.{}.{}.clients.your-server.de", d, c, b, a);
}

Json pointers_json(const PrimaryIp& ip) {
    Json list = Json::array();
    if (ip.type == "ipv4" && !ip.pointers.contains(ip.ip))
        list.push_back({{"ip", ip.ip}, {"dns_ptr", default_pointer(ip.ip)}});
    for (const auto& [address, name] : ip.pointers) list.push_back({{"ip", address}, {"dns_ptr", name}});
    return list;
}

Json ipv4_json(const PrimaryIp& ip) {
    const auto pointers = pointers_json(ip);
    return {{"id", ip.id}, {"ip", ip.ip}, {"blocked", false}, {"dns_ptr", pointers[0]["dns_ptr"]}};
}

Json ipv6_json(const PrimaryIp& ip) {
    return {{"id", ip.id}, {"ip", ip.ip}, {"blocked", false}, {"dns_ptr", pointers_json(ip)}};
}

template <typename Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json firewalls_of(const Cloud& cloud, const Server& server) {
    Json list = Json::array();
    for (const auto& [id, firewall] : cloud.firewalls) {
        const bool direct = std::ranges::find(server.firewalls, id) != server.firewalls.end();
        if (direct || selects(firewall, server)) list.push_back({{"id", id}, {"status", "applied"}});
    }
    return list;
}

Json public_net(const Cloud& cloud, const Server& server) {
    Json net{{"ipv4", nullptr}, {"ipv6", nullptr}, {"floating_ips", Json::array()}};
    if (server.ipv4) net["ipv4"] = ipv4_json(cloud.primary_ips.at(*server.ipv4));
    if (server.ipv6) net["ipv6"] = ipv6_json(cloud.primary_ips.at(*server.ipv6));
    net["firewalls"] = firewalls_of(cloud, server);
    return net;
}

Json image_of(const Cloud& cloud, const Server& server) {
    if (!server.image || !cloud.images.contains(*server.image)) return nullptr;
    return cloud.to_json(cloud.images.at(*server.image));
}

Json selected_servers(const Cloud& cloud, const std::string& selector) {
    Firewall one;
    one.selectors.push_back(selector);
    Json list = Json::array();
    for (const auto& [id, server] : cloud.servers)
        if (selects(one, server)) list.push_back({{"type", "server"}, {"server", {{"id", id}}}});
    return list;
}

}  // namespace

Json Cloud::to_json(const Server& server) const {
    const auto* type = find_server_type(server.type);
    const auto* location = find_location(server.location);
    return {{"id", server.id},
            {"name", server.name},
            {"status", server.status},
            {"created", rfc3339(server.created)},
            {"public_net", public_net(*this, server)},
            {"private_net", Json::array()},
            {"server_type", type ? hetzner::to_json(*type, seed_.sold_out) : Json(nullptr)},
            {"location", location ? hetzner::to_json(*location) : Json(nullptr)},
            {"image", image_of(*this, server)},
            {"iso", nullptr},
            {"rescue_enabled", server.rescue},
            {"locked", server.locked},
            {"backup_window", or_null(server.backup_window)},
            {"outgoing_traffic", 0},
            {"ingoing_traffic", 0},
            {"included_traffic", 21'990'232'555'520},
            {"protection", {{"delete", server.protect}, {"rebuild", server.protect}}},
            {"labels", server.labels},
            {"volumes", Json::array()},
            {"load_balancers", Json::array()},
            {"primary_disk_size", server.disk},
            {"placement_group", nullptr}};
}

Json Cloud::to_json(const PrimaryIp& ip) const {
    const auto* location = find_location(ip.location);
    return {{"id", ip.id},
            {"name", ip.name},
            {"labels", ip.labels},
            {"created", rfc3339(ip.created)},
            {"blocked", false},
            {"location", location ? hetzner::to_json(*location) : Json(nullptr)},
            {"ip", ip.ip},
            {"dns_ptr", pointers_json(ip)},
            {"protection", {{"delete", ip.protect}}},
            {"type", ip.type},
            {"auto_delete", ip.auto_delete},
            // "unassigned" since 2026-08-01; the stored document is older.
            {"assignee_type", ip.server ? "server" : "unassigned"},
            {"assignee_id", or_null(ip.server)}};
}

Json Cloud::to_json(const SshKey& key) const {
    return {{"id", key.id},
            {"name", key.name},
            {"labels", key.labels},
            {"fingerprint", key.fingerprint},
            {"created", rfc3339(key.created)},
            {"public_key", key.public_key}};
}

Json Cloud::to_json(const Firewall& firewall) const {
    Json applied = Json::array();
    for (const auto& [id, server] : servers)
        if (std::ranges::find(server.firewalls, firewall.id) != server.firewalls.end())
            applied.push_back({{"type", "server"}, {"server", {{"id", id}}}});
    for (const auto& selector : firewall.selectors)
        applied.push_back({{"type", "label_selector"},
                           {"label_selector", {{"selector", selector}}},
                           {"applied_to_resources", selected_servers(*this, selector)}});
    return {{"id", firewall.id},
            {"name", firewall.name},
            {"labels", firewall.labels},
            {"created", rfc3339(firewall.created)},
            {"rules", firewall.rules},
            {"applied_to", applied}};
}

Json Cloud::to_json(const Image& image) const {
    Json from = nullptr;
    if (image.from) from = {{"id", *image.from}, {"name", image.from_name}};
    return {{"id", image.id},
            {"type", image.type},
            {"status", image.status},
            {"name", text_or_null(image.name)},
            {"description", image.description},
            {"image_size", or_null(image.size)},
            {"disk_size", image.disk},
            {"created", rfc3339(image.created)},
            {"created_from", from},
            {"bound_to", or_null(image.bound_to)},
            {"os_flavor", image.flavor},
            {"os_version", text_or_null(image.version)},
            {"rapid_deploy", image.type == "system"},
            {"protection", {{"delete", image.protect}}},
            {"deprecated", text_or_null(image.deprecated)},
            {"deleted", nullptr},
            {"labels", image.labels},
            {"architecture", image.architecture}};
}

}  // namespace kavi::lab::hetzner

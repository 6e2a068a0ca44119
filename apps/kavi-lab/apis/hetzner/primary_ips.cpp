#include "cloud.hpp"
#include "listing.hpp"

#include <algorithm>

namespace kavi::lab::hetzner {
namespace {

std::string checked_name(const Fields& fields) {
    auto name = fields.text("name");
    if (name.empty()) throw invalid_input("name", "name must not be empty");
    return name;
}

/// A name, or an id as a number.
const Location& location_of(const Fields& fields) {
    std::string text;
    try {
        text = fields.text("location");
    } catch (const Problem&) {
        text = std::to_string(fields.integer("location"));
    }
    const auto* location = find_location(text);
    if (!location) throw invalid_input("location", "location not found");
    return *location;
}

/// The server that an IP may be assigned to now.
Server& free_server(Cloud& cloud, std::int64_t id, const std::string& type, const std::string& location) {
    auto& server = by_id(cloud.servers, id, "server");
    if (server.locked) throw locked("server");
    if (server.status != "off") throw refused("server_not_stopped", "server isn't stopped");
    if (type == "ipv4" && server.ipv4) throw refused("server_has_ipv4", "server already has an IPv4 address");
    if (type == "ipv6" && server.ipv6) throw refused("server_has_ipv6", "server already has an IPv6 network");
    if (!location.empty() && server.location != location)
        throw invalid_input("assignee_id", "primary IP and server are in different locations");
    return server;
}

Answer action_answer(const Action& action) {
    return Answer::json(201, {{"action", to_json(action)}});
}

Resources about(std::int64_t ip, std::int64_t server) {
    return {{"primary_ip", ip}, {"server", server}};
}

/// Tells the machine behind the server its address of now, from the action's own thread.
std::function<void()> readdress(Cloud& cloud,
                                const std::string& server,
                                const std::string& type,
                                std::string ip) {
    if (!cloud.machines() || type != "ipv4") return {};
    return [&cloud, server, ip = std::move(ip)] { cloud.machines()->readdress(server, ip); };
}

Action assign_to(Cloud& cloud, PrimaryIp& ip, Server& server) {
    cloud.assign(ip, server);
    server.locked = true;
    const auto id = server.id;
    return cloud.project().start_one("hetzner",
                                     {.command = "assign_primary_ip",
                                      .resources = about(ip.id, id),
                                      .work = readdress(cloud, server.name, ip.type, ip.ip)},
                                     [&cloud, id] {
                                         if (cloud.servers.contains(id)) cloud.servers[id].locked = false;
                                     });
}

Answer create(Cloud& cloud, const Call& call) {
    const auto fields = body_of(call);
    fields.only({"name", "labels", "type", "location", "assignee_type", "assignee_id", "auto_delete"});
    const auto name = checked_name(fields);
    const auto type = fields.choice("type", {"ipv4", "ipv6"});
    const auto labels = fields.labels_if().value_or(Labels{});
    const auto assignee = fields.integer_or_null("assignee_id");
    const bool automatic = fields.boolean_if("auto_delete").value_or(false);
    if (assignee) fields.choice("assignee_type", {"server"});
    fields.choice_if("assignee_type", {"server"});
    if (!assignee && !fields.has("location"))
        throw invalid_input("location", "location or assignee is needed");
    const std::string location =
        fields.has("location") ? std::string(location_of(fields).name) : std::string();
    need_unique_name(cloud.primary_ips, name, "primary IP");
    auto* server = assignee ? &free_server(cloud, *assignee, type, location) : nullptr;
    auto& ip = cloud.make_primary_ip(name, type, server ? server->location : location);
    ip.labels = labels;
    ip.auto_delete = automatic;
    const auto action = server ? to_json(assign_to(cloud, ip, *server)) : Json(nullptr);
    return Answer::json(201, {{"primary_ip", cloud.to_json(ip)}, {"action", action}});
}

PrimaryIp& of(Cloud& cloud, const Call& call) {
    return by_id(cloud.primary_ips, id_of(call), "primary IP");
}

Answer update(Cloud& cloud, const Call& call) {
    auto& ip = of(cloud, call);
    const auto fields = body_of(call);
    fields.only({"name", "labels", "auto_delete"});
    if (fields.has("name")) {
        const auto name = checked_name(fields);
        need_unique_name(cloud.primary_ips, name, "primary IP", ip.id);
        ip.name = name;
    }
    if (const auto labels = fields.labels_if()) ip.labels = *labels;
    if (const auto automatic = fields.boolean_if("auto_delete")) ip.auto_delete = *automatic;
    return Answer::json(200, {{"primary_ip", cloud.to_json(ip)}});
}

Answer remove(Cloud& cloud, const Call& call) {
    no_body(call);
    const auto& ip = of(cloud, call);
    if (ip.protect) throw protected_from("primary IP");
    if (ip.server) throw refused("must_be_unassigned", "primary IP must be unassigned");
    cloud.primary_ips.erase(ip.id);
    return Answer::empty(204);
}

Answer assign(Cloud& cloud, const Call& call) {
    auto& ip = of(cloud, call);
    const auto fields = body_of(call);
    fields.only({"assignee_type", "assignee_id"});
    fields.choice("assignee_type", {"server"});
    const auto wanted = fields.integer("assignee_id");
    if (ip.server) throw refused("primary_ip_already_assigned", "primary IP is already assigned");
    return action_answer(assign_to(cloud, ip, free_server(cloud, wanted, ip.type, ip.location)));
}

Answer unassign(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& ip = of(cloud, call);
    if (!ip.server) throw refused("primary_ip_not_assigned", "primary IP isn't assigned");
    auto& server = cloud.servers.at(*ip.server);
    if (server.locked) throw locked("server");
    if (server.status != "off") throw refused("server_not_stopped", "server isn't stopped");
    cloud.unassign(ip);
    const auto action = cloud.project().start_one("hetzner",
                                                  {.command = "unassign_primary_ip",
                                                   .resources = about(ip.id, server.id),
                                                   .work = readdress(cloud, server.name, ip.type, "")});
    return action_answer(action);
}

Answer change_protection(Cloud& cloud, const Call& call) {
    const auto id = of(cloud, call).id;
    const bool wanted = body_of(call).boolean("delete");
    if (wanted && of(cloud, call).auto_delete)
        throw invalid_input("delete", "a primary IP with auto_delete can't be protected");
    return action_answer(cloud.project().start_one("hetzner",
                                                   {.command = "change_protection",
                                                    .resources = {{"primary_ip", id}},
                                                    .succeeded = [&cloud, id, wanted] {
                                                        if (cloud.primary_ips.contains(id))
                                                            cloud.primary_ips[id].protect = wanted;
                                                    }}));
}

Answer change_dns_ptr(Cloud& cloud, const Call& call) {
    auto& ip = of(cloud, call);
    const auto fields = body_of(call);
    const auto address = fields.text("ip");
    const auto name = fields.text_or_null("dns_ptr");
    if (ip.type == "ipv4" && address != ip.ip) throw invalid_input("ip", "not an address of this primary IP");
    if (name)
        ip.pointers[address] = *name;
    else
        ip.pointers.erase(address);
    return action_answer(cloud.project().start_one(
        "hetzner", {.command = "change_dns_ptr", .resources = {{"primary_ip", ip.id}}}));
}

}  // namespace

void add_primary_ip_routes(Router& router, Cloud& cloud) {
    const auto add = [&](const char* method, const char* path, auto handler) {
        router.add(method, path, [&cloud, handler](const Call& call) { return handler(cloud, call); });
    };
    router.add("GET", "/primary_ips", [&cloud](const Call& call) {
        return list_answer(call,
                           all_json(cloud, cloud.primary_ips),
                           {.key = "primary_ips", .sortable = {"id", "created"}, .filters = {"name", "ip"}});
    });
    router.add("GET", "/primary_ips/{id}", [&cloud](const Call& call) {
        return Answer::json(200, {{"primary_ip", cloud.to_json(of(cloud, call))}});
    });
    add("POST", "/primary_ips", create);
    add("PUT", "/primary_ips/{id}", update);
    add("DELETE", "/primary_ips/{id}", remove);
    add("POST", "/primary_ips/{id}/actions/assign", assign);
    add("POST", "/primary_ips/{id}/actions/unassign", unassign);
    add("POST", "/primary_ips/{id}/actions/change_protection", change_protection);
    add("POST", "/primary_ips/{id}/actions/change_dns_ptr", change_dns_ptr);
}

}  // namespace kavi::lab::hetzner

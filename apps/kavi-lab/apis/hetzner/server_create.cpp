#include "server_parts.hpp"

#include <algorithm>

namespace kavi::lab::hetzner {
namespace {

/// What public_net= asks for.
struct NetOrder {
    bool wants_ipv4 = true, wants_ipv6 = true;
    std::optional<std::int64_t> ipv4, ipv6;
};

std::optional<std::int64_t> checked_ip(const Cloud& cloud,
                                       const Fields& net,
                                       const std::string& type,
                                       bool wanted) {
    const auto id = net.integer_or_null(type);
    if (!id) return std::nullopt;
    if (!wanted) throw invalid_input(net.field(type), "given although it isn't enabled");
    const auto found = cloud.primary_ips.find(*id);
    if (found == cloud.primary_ips.end()) throw not_found("primary IP");
    if (found->second.type != type)
        throw Problem{412, "primary_ip_version_mismatch", "primary IP is of the other version"};
    if (found->second.server) throw refused("primary_ip_assigned", "primary IP is already assigned");
    return id;
}

NetOrder checked_net(const Cloud& cloud, const Fields& fields) {
    NetOrder order;
    const auto net = fields.object_if("public_net");
    if (net) {
        order.wants_ipv4 = net->boolean_if("enable_ipv4").value_or(true);
        order.wants_ipv6 = net->boolean_if("enable_ipv6").value_or(true);
        order.ipv4 = checked_ip(cloud, *net, "ipv4", order.wants_ipv4);
        order.ipv6 = checked_ip(cloud, *net, "ipv6", order.wants_ipv6);
    }
    if (!order.wants_ipv4 && !order.wants_ipv6 && fields.integers("networks").empty())
        throw invalid_input("public_net", "a server without public addresses needs a network");
    return order;
}

/// The location asked for, else that of a primary IP given, else the first in which the type is sold.
std::string location_of(const Cloud& cloud, const Fields& fields, const NetOrder& net) {
    std::string chosen;
    if (const auto text = fields.text_if("location")) {
        const auto* location = find_location(*text);
        if (!location) throw invalid_input("location", "location not found");
        chosen = location->name;
    }
    for (const auto& id : {net.ipv4, net.ipv6}) {
        if (!id) continue;
        const auto& home = cloud.primary_ips.at(*id).location;
        if (chosen.empty()) chosen = home;
        if (chosen != home)
            throw refused("primary_ip_datacenter_mismatch", "primary IP is in a different location");
    }
    const auto* type = find_server_type(fields.text("server_type"));
    for (const auto& location : locations())
        if (chosen.empty() && type && is_sold_in(*type, location.name)) chosen = location.name;
    return chosen;
}

std::vector<std::string> authorized_keys(const Cloud& cloud, const Fields& fields) {
    std::vector<std::string> lines;
    for (const auto& wanted : fields.texts("ssh_keys")) {
        const auto found = std::ranges::find_if(cloud.ssh_keys, [&](const auto& entry) {
            return entry.second.name == wanted || std::to_string(entry.first) == wanted;
        });
        if (found == cloud.ssh_keys.end()) throw not_found("SSH key");
        lines.push_back(found->second.public_key);
    }
    return lines;
}

std::vector<std::int64_t> checked_firewalls(const Cloud& cloud, const Fields& fields) {
    std::vector<std::int64_t> ids;
    for (const auto& one : fields.objects("firewalls")) {
        const auto id = one.integer("firewall");
        if (!cloud.firewalls.contains(id)) throw not_found("firewall");
        ids.push_back(id);
    }
    if (ids.size() > 5) throw invalid_input("firewalls", "more than 5 firewalls");
    return ids;
}

/// The lab has none of these, so an id can't be right.
void refuse_what_is_not_there(const Fields& fields) {
    for (const char* name : {"volumes", "networks"})
        if (!fields.integers(name).empty()) throw not_found(name);
    if (fields.integer_if("placement_group")) throw not_found("placement group");
    fields.boolean_if("automount");
}

void give_addresses(Cloud& cloud, Server& server, const NetOrder& order) {
    const auto give = [&](bool wanted, std::optional<std::int64_t> id, const char* type) {
        if (!wanted) return;
        auto& ip = id ? cloud.primary_ips.at(*id) : cloud.make_primary_ip("", type, server.location);
        if (!id) ip.auto_delete = true;
        cloud.assign(ip, server);
    };
    give(order.wants_ipv4, order.ipv4, "ipv4");
    give(order.wants_ipv6, order.ipv6, "ipv6");
}

std::vector<Action> start_creation(Cloud& cloud, Server& server, bool start_after) {
    const auto id = server.id;
    std::function<void()> make;
    if (cloud.machines())
        make = [&machines = *cloud.machines(), order = order_of(cloud, server)] { machines.create(order); };
    std::vector<Step> steps;
    steps.push_back({.command = "create_server",
                     .work = make,
                     .succeeded = becomes(cloud, id, start_after ? "starting" : "off"),
                     .failed = [&cloud, id] { cloud.forget(id); }});
    if (start_after)
        steps.push_back(
            {.command = "start_server",
             .work = on_machine(cloud, server, [](auto& machines, auto& name) { machines.power_on(name); }),
             .succeeded = becomes(cloud, id, "running"),
             .failed = becomes(cloud, id, "off")});
    return start_on(cloud, server, std::move(steps));
}

Answer create(Cloud& cloud, const Call& call) {
    const auto fields = body_of(call);
    Server server{.name = checked_server_name(cloud, fields)};
    const auto net = checked_net(cloud, fields);
    server.location = location_of(cloud, fields, net);
    const auto& type = orderable_type(cloud, fields.text("server_type"), server.location);
    server.type = type.name;
    server.disk = type.disk;
    server.image = usable_image(cloud, fields.text("image"), type).id;
    server.user_data = checked_user_data(fields);
    server.authorized_keys = authorized_keys(cloud, fields);
    server.labels = server.labels_at_creation = fields.labels_if().value_or(Labels{});
    server.firewalls = checked_firewalls(cloud, fields);
    const bool start_after = fields.boolean_if("start_after_create").value_or(true);
    refuse_what_is_not_there(fields);
    server.id = cloud.project().next_id();
    server.created = std::chrono::system_clock::now();
    auto& kept = cloud.servers[server.id] = server;
    give_addresses(cloud, kept, net);
    const auto actions = start_creation(cloud, kept, start_after);
    Json next = Json::array();
    for (std::size_t i = 1; i < actions.size(); ++i) next.push_back(to_json(actions[i]));
    const bool has_keys = !kept.authorized_keys.empty();
    return Answer::json(201,
                        {{"server", cloud.to_json(kept)},
                         {"action", to_json(actions.front())},
                         {"next_actions", next},
                         {"root_password", has_keys ? Json(nullptr) : Json(random_password())}});
}

}  // namespace

void add_server_create_route(Router& router, Cloud& cloud) {
    router.add("POST", "/servers", [&cloud](const Call& call) { return create(cloud, call); });
}

}  // namespace kavi::lab::hetzner

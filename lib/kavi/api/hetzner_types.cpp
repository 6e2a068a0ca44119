#include <kavi/api/hetzner_types.hpp>

namespace kavi::api {

namespace {

const Json& member(const Json& object, std::string_view key) {
    static const Json nothing = nullptr;
    if (!object.is_object()) return nothing;
    const auto found = object.find(key);
    return found == object.end() ? nothing : *found;
}

std::int64_t id_or_zero(const Json& object, std::string_view key = "id") {
    const auto& value = member(object, key);
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::optional<std::int64_t> optional_id(const Json& object, std::string_view key = "id") {
    const auto id = id_or_zero(object, key);
    return id == 0 ? std::nullopt : std::optional(id);
}

std::optional<std::string> optional_text(const Json& object, std::string_view key) {
    auto text = string_or(object, key);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

bool is_true(const Json& object, std::string_view key) {
    const auto& value = member(object, key);
    return value.is_boolean() && value.get<bool>();
}

double number_or_zero(const Json& object, std::string_view key) {
    const auto& value = member(object, key);
    return value.is_number() ? value.get<double>() : 0;
}

/// The member if it is a list, else an empty one: safe to walk.
const Json& list(const Json& object, std::string_view key) {
    static const Json empty = Json::array();
    const auto& value = member(object, key);
    return value.is_array() ? value : empty;
}

Labels labels_of(const Json& object) {
    Labels labels;
    const auto& given = member(object, "labels");
    if (given.is_object())
        for (const auto& [key, value] : given.items())
            if (value.is_string()) labels[key] = value.get<std::string>();
    return labels;
}

std::vector<std::string> texts(const Json& object, std::string_view key) {
    std::vector<std::string> found;
    for (const auto& one : list(object, key))
        if (one.is_string()) found.push_back(one.get<std::string>());
    return found;
}

HetznerFirewallRule rule_from(const Json& json) {
    HetznerFirewallRule rule{.protocol = string_or(json, "protocol"),
                             .port = string_or(json, "port"),
                             .direction = string_or(json, "direction", "in")};
    rule.from = texts(json, rule.direction == "out" ? "destination_ips" : "source_ips");
    return rule;
}

}  // namespace

std::string label_or_empty(const Labels& labels, std::string_view key) {
    const auto found = labels.find(std::string(key));
    return found == labels.end() ? std::string() : found->second;
}

HetznerServer server_from(const Json& json) {
    const auto& net = member(json, "public_net");
    const auto& protection = member(json, "protection");
    HetznerServer server{.id = id_or_zero(json),
                         .name = string_or(json, "name"),
                         .status = string_or(json, "status"),
                         .created = string_or(json, "created"),
                         .type = string_or(member(json, "server_type"), "name"),
                         .image = string_or(member(json, "image"), "name"),
                         .location = string_or(member(json, "location"), "name"),
                         .locked = is_true(json, "locked"),
                         .protect = is_true(protection, "delete") && is_true(protection, "rebuild"),
                         .ipv4 = optional_text(member(net, "ipv4"), "ip"),
                         .ipv6 = optional_text(member(net, "ipv6"), "ip"),
                         .ipv4_id = optional_id(member(net, "ipv4")),
                         .labels = labels_of(json)};
    for (const auto& firewall : list(net, "firewalls")) server.firewalls.push_back(id_or_zero(firewall));
    return server;
}

HetznerSshKey ssh_key_from(const Json& json) {
    return {.id = id_or_zero(json),
            .name = string_or(json, "name"),
            .public_key = string_or(json, "public_key"),
            .labels = labels_of(json)};
}

HetznerFirewall firewall_from(const Json& json) {
    HetznerFirewall firewall{
        .id = id_or_zero(json), .name = string_or(json, "name"), .labels = labels_of(json)};
    for (const auto& rule : list(json, "rules")) firewall.rules.push_back(rule_from(rule));
    for (const auto& target : list(json, "applied_to"))
        if (string_or(target, "type") == "server")
            firewall.servers.push_back(id_or_zero(member(target, "server")));
    return firewall;
}

HetznerPrimaryIp primary_ip_from(const Json& json) {
    return {.id = id_or_zero(json),
            .name = string_or(json, "name"),
            .type = string_or(json, "type"),
            .ip = string_or(json, "ip"),
            .location = string_or(member(json, "location"), "name"),
            .server = optional_id(json, "assignee_id"),
            .auto_delete = is_true(json, "auto_delete"),
            .labels = labels_of(json)};
}

HetznerServerType server_type_from(const Json& json) {
    HetznerServerType type{.name = string_or(json, "name"),
                           .architecture = string_or(json, "architecture"),
                           .cores = static_cast<int>(number_or_zero(json, "cores")),
                           .memory = number_or_zero(json, "memory"),
                           .disk = number_or_zero(json, "disk")};
    for (const auto& place : list(json, "locations"))
        type.locations[string_or(place, "name")] = {
            .available = is_true(place, "available"),
            .unavailable_after = string_or(member(place, "deprecation"), "unavailable_after")};
    for (const auto& price : list(json, "prices")) {
        const auto place = type.locations.find(string_or(price, "location"));
        if (place != type.locations.end())
            place->second.monthly = string_or(member(price, "price_monthly"), "net");
    }
    return type;
}

HetznerImage image_from(const Json& json) {
    return {.id = id_or_zero(json),
            .name = string_or(json, "name"),
            .architecture = string_or(json, "architecture"),
            .deprecated = string_or(json, "deprecated")};
}

Json rules_json(const std::vector<HetznerFirewallRule>& rules) {
    auto list = Json::array();
    for (const auto& rule : rules) {
        Json one{{"direction", rule.direction}, {"protocol", rule.protocol}};
        one[rule.direction == "out" ? "destination_ips" : "source_ips"] = rule.from;
        if (!rule.port.empty()) one["port"] = rule.port;
        list.push_back(std::move(one));
    }
    return list;
}

Json order_json(const HetznerServerOrder& order) {
    Json net{{"enable_ipv4", true}, {"enable_ipv6", true}};
    if (order.ipv4) net["ipv4"] = *order.ipv4;
    if (order.ipv6) net["ipv6"] = *order.ipv6;
    auto firewalls = Json::array();
    for (const auto id : order.firewalls) firewalls.push_back({{"firewall", id}});
    Json body{{"name", order.name},
              {"server_type", order.type},
              {"image", order.image},
              {"location", order.location},
              {"ssh_keys", order.ssh_keys},
              {"labels", order.labels},
              {"firewalls", std::move(firewalls)},
              {"public_net", std::move(net)},
              {"start_after_create", true}};
    if (!order.user_data.empty()) body["user_data"] = order.user_data.reveal();
    return body;
}

}  // namespace kavi::api

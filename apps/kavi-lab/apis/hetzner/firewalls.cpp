#include "cloud.hpp"
#include "labels.hpp"
#include "listing.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

namespace kavi::lab::hetzner {
namespace {

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [stopped, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || problem != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
    return value;
}

/// "80" or "1024-5000".
bool is_port(const std::string& text) {
    const auto ends = split(text, '-');
    const auto first = number(ends.front()), last = number(ends.back());
    return ends.size() <= 2 && first && last && *first >= 1 && *last <= 65535 && *first <= *last;
}

Json checked_networks(const Fields& rule, const std::string& name, bool needed) {
    const auto networks = rule.texts(name);
    if (needed && networks.empty()) throw invalid_input(rule.field(name), "missing data for required field");
    if (!needed && !networks.empty()) throw invalid_input(rule.field(name), "not allowed in this direction");
    if (networks.size() > 100) throw invalid_input(rule.field(name), "more than 100 networks");
    for (const auto& network : networks)
        if (!is_cidr(network)) throw invalid_input(rule.field(name), "'" + network + "' isn't a network");
    return networks;
}

Json checked_rule(const Fields& rule) {
    rule.only({"description", "direction", "source_ips", "destination_ips", "protocol", "port"});
    const auto direction = rule.choice("direction", {"in", "out"});
    const auto protocol = rule.choice("protocol", {"tcp", "udp", "icmp", "esp", "gre"});
    const bool has_ports = protocol == "tcp" || protocol == "udp";
    const auto port = rule.text_if("port");
    if (has_ports && !port) throw invalid_input(rule.field("port"), "missing data for required field");
    if (!has_ports && port) throw invalid_input(rule.field("port"), "only tcp and udp have ports");
    if (port && !is_port(*port)) throw invalid_input(rule.field("port"), "not a valid port");
    const auto description = rule.text_or_null("description");
    if (description && description->size() > 255) throw invalid_input(rule.field("description"), "too long");
    return {{"direction", direction},
            {"protocol", protocol},
            {"port", port ? Json(*port) : Json(nullptr)},
            {"description", description ? Json(*description) : Json(nullptr)},
            {"source_ips", checked_networks(rule, "source_ips", direction == "in")},
            {"destination_ips", checked_networks(rule, "destination_ips", direction == "out")}};
}

Json checked_rules(const Fields& fields) {
    Json rules = Json::array();
    for (const auto& rule : fields.objects("rules")) rules.push_back(checked_rule(rule));
    if (rules.size() > 50) throw invalid_input("rules", "more than 50 rules");
    return rules;
}

struct Target {
    std::int64_t server = 0;  ///< 0: a selector
    std::string selector;
};

Target checked_target(Cloud& cloud, const Fields& target) {
    target.only({"type", "server", "label_selector"});
    if (target.choice("type", {"server", "label_selector"}) == "server") {
        const auto server = target.object_if("server");
        if (!server) throw invalid_input(target.field("server"), "missing data for required field");
        server->only({"id"});
        const auto id = server->integer("id");
        if (!cloud.servers.contains(id))
            throw Problem{404, "firewall_resource_not_found", "server not found"};
        return {.server = id};
    }
    const auto label = target.object_if("label_selector");
    if (!label) throw invalid_input(target.field("label_selector"), "missing data for required field");
    label->only({"selector"});
    const Target found{.selector = label->text("selector")};
    const LabelSelector must_parse(found.selector);
    return found;
}

std::vector<Target> checked_targets(Cloud& cloud, const Fields& fields, const std::string& name) {
    std::vector<Target> targets;
    for (const auto& one : fields.objects(name)) targets.push_back(checked_target(cloud, one));
    return targets;
}

bool applies_directly(const Cloud& cloud, const Firewall& firewall, std::int64_t server) {
    return std::ranges::find(cloud.servers.at(server).firewalls, firewall.id) !=
           cloud.servers.at(server).firewalls.end();
}

Json start(Cloud& cloud, const Firewall& firewall, const std::string& command, const Target& target) {
    Resources resources{{"firewall", firewall.id}};
    if (target.server) resources.emplace_back("server", target.server);
    return to_json(cloud.project().start_one("hetzner", {.command = command, .resources = resources}));
}

void refuse_applied(const Cloud& cloud, const Firewall& firewall, const std::vector<Target>& targets) {
    for (const auto& target : targets) {
        const bool known = target.server ? applies_directly(cloud, firewall, target.server)
                                         : std::ranges::find(firewall.selectors, target.selector) !=
                                               firewall.selectors.end();
        if (known) throw refused("firewall_already_applied", "firewall is already applied");
    }
}

Json apply(Cloud& cloud, Firewall& firewall, const std::vector<Target>& targets) {
    Json actions = Json::array();
    for (const auto& target : targets) {
        if (target.server)
            cloud.servers.at(target.server).firewalls.push_back(firewall.id);
        else
            firewall.selectors.push_back(target.selector);
        actions.push_back(start(cloud, firewall, "apply_firewall", target));
    }
    return actions;
}

std::string checked_name(Cloud& cloud, const Fields& fields, std::int64_t except) {
    auto name = fields.text("name");
    if (name.empty() || name.size() > 128) throw invalid_input("name", "1 to 128 characters are wanted");
    need_unique_name(cloud.firewalls, name, "firewall", except);
    return name;
}

Answer create(Cloud& cloud, const Call& call) {
    const auto fields = body_of(call);
    fields.only({"name", "labels", "rules", "apply_to"});
    Firewall firewall{.name = checked_name(cloud, fields, 0),
                      .labels = fields.labels_if().value_or(Labels{})};
    firewall.rules = checked_rules(fields);
    const auto targets = checked_targets(cloud, fields, "apply_to");
    firewall.id = cloud.project().next_id();
    firewall.created = std::chrono::system_clock::now();
    auto& kept = cloud.firewalls[firewall.id] = firewall;
    auto actions = Json::array();
    if (!kept.rules.empty()) actions.push_back(start(cloud, kept, "set_firewall_rules", {}));
    for (auto& action : apply(cloud, kept, targets)) actions.push_back(action);
    return Answer::json(201, {{"firewall", cloud.to_json(kept)}, {"actions", actions}});
}

Firewall& of(Cloud& cloud, const Call& call) {
    return by_id(cloud.firewalls, id_of(call), "firewall");
}

Answer update(Cloud& cloud, const Call& call) {
    auto& firewall = of(cloud, call);
    const auto fields = body_of(call);
    fields.only({"name", "labels"});
    if (fields.has("name")) firewall.name = checked_name(cloud, fields, firewall.id);
    if (const auto labels = fields.labels_if()) firewall.labels = *labels;
    return Answer::json(200, {{"firewall", cloud.to_json(firewall)}});
}

Answer remove(Cloud& cloud, const Call& call) {
    no_body(call);
    const auto& firewall = of(cloud, call);
    const bool used = std::ranges::any_of(
        cloud.servers, [&](const auto& entry) { return applies_directly(cloud, firewall, entry.first); });
    if (used || !firewall.selectors.empty()) throw refused("resource_in_use", "firewall is still in use");
    cloud.firewalls.erase(firewall.id);
    return Answer::empty(204);
}

Answer set_rules(Cloud& cloud, const Call& call) {
    auto& firewall = of(cloud, call);
    const auto fields = body_of(call);
    fields.only({"rules"});
    if (!fields.has("rules")) throw invalid_input("rules", "missing data for required field");
    firewall.rules = checked_rules(fields);
    auto actions = Json::array({start(cloud, firewall, "set_firewall_rules", {})});
    for (const auto& [id, server] : cloud.servers)
        if (applies_directly(cloud, firewall, id) || selects(firewall, server))
            actions.push_back(start(cloud, firewall, "apply_firewall", {.server = id}));
    return Answer::json(201, {{"actions", actions}});
}

Answer apply_to_resources(Cloud& cloud, const Call& call) {
    auto& firewall = of(cloud, call);
    const auto fields = body_of(call);
    fields.only({"apply_to"});
    const auto targets = checked_targets(cloud, fields, "apply_to");
    if (targets.empty()) throw invalid_input("apply_to", "missing data for required field");
    refuse_applied(cloud, firewall, targets);
    return Answer::json(201, {{"actions", apply(cloud, firewall, targets)}});
}

Answer remove_from_resources(Cloud& cloud, const Call& call) {
    auto& firewall = of(cloud, call);
    const auto fields = body_of(call);
    fields.only({"remove_from"});
    const auto targets = checked_targets(cloud, fields, "remove_from");
    if (targets.empty()) throw invalid_input("remove_from", "missing data for required field");
    Json actions = Json::array();
    for (const auto& target : targets) {
        const bool known = target.server ? applies_directly(cloud, firewall, target.server)
                                         : std::erase(firewall.selectors, target.selector) > 0;
        if (!known) throw refused("firewall_resource_not_found", "firewall isn't applied there");
        if (target.server) std::erase(cloud.servers.at(target.server).firewalls, firewall.id);
        actions.push_back(start(cloud, firewall, "remove_firewall", target));
    }
    return Answer::json(201, {{"actions", actions}});
}

}  // namespace

bool is_cidr(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) return false;
    const auto bits = number(std::string_view(text).substr(slash + 1));
    std::array<unsigned char, 16> address{};
    const bool six = text.contains(':');
    const int all = six ? 128 : 32;
    if (!bits || *bits < 0 || *bits > all) return false;
    if (::inet_pton(six ? AF_INET6 : AF_INET, text.substr(0, slash).c_str(), address.data()) != 1)
        return false;
    for (int bit = *bits; bit < all; ++bit)
        if (address[static_cast<std::size_t>(bit) / 8] & (0x80 >> (bit % 8))) return false;
    return true;
}

bool selects(const Firewall& firewall, const Server& server) {
    return std::ranges::any_of(firewall.selectors, [&](const std::string& selector) {
        return LabelSelector(selector).matches(server.labels);
    });
}

void add_firewall_routes(Router& router, Cloud& cloud) {
    const auto add = [&](const char* method, const char* path, auto handler) {
        router.add(method, path, [&cloud, handler](const Call& call) { return handler(cloud, call); });
    };
    router.add("GET", "/firewalls", [&cloud](const Call& call) {
        return list_answer(call,
                           all_json(cloud, cloud.firewalls),
                           {.key = "firewalls", .sortable = {"id", "name", "created"}});
    });
    router.add("GET", "/firewalls/{id}", [&cloud](const Call& call) {
        return Answer::json(200, {{"firewall", cloud.to_json(of(cloud, call))}});
    });
    add("POST", "/firewalls", create);
    add("PUT", "/firewalls/{id}", update);
    add("DELETE", "/firewalls/{id}", remove);
    add("POST", "/firewalls/{id}/actions/set_rules", set_rules);
    add("POST", "/firewalls/{id}/actions/apply_to_resources", apply_to_resources);
    add("POST", "/firewalls/{id}/actions/remove_from_resources", remove_from_resources);
}

}  // namespace kavi::lab::hetzner

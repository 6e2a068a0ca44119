#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/servers/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace kavi::ops {

namespace {

using plan::Action;
using plan::Verb;

constexpr std::string_view lane = "hetzner";

/// "ssh-ed25519 AAAA…": what makes two lines the same key.
std::string key_of(std::string_view line) {
    const auto words = split(trim(line), ' ');
    return words.size() < 2 ? std::string(trim(line)) : words[0] + " " + words[1];
}

std::vector<api::HetznerFirewallRule> normal(std::vector<api::HetznerFirewallRule> rules) {
    for (auto& rule : rules) std::ranges::sort(rule.from);
    std::ranges::sort(rules);
    rules.erase(std::ranges::unique(rules).begin(), rules.end());
    return rules;
}

/// For people and for digests: "22/tcp from 0.0.0.0/0, ::/0".
Json rules_text(const std::vector<api::HetznerFirewallRule>& rules) {
    auto lines = Json::array();
    for (const auto& rule : rules) {
        const auto port = rule.port.empty() ? rule.protocol : fmt::format("{}/{}", rule.port, rule.protocol);
        lines.push_back(
            fmt::format("{} {} {}", port, rule.direction == "out" ? "to" : "from", join(rule.from, ", ")));
    }
    return lines;
}

/// "10.4900000000" → "10.49".
std::string money(std::string_view decimal) {
    const auto dot = decimal.find('.');
    return std::string(dot == std::string_view::npos ? decimal : decimal.substr(0, dot + 3));
}

std::string described(const api::HetznerServerType& type, const std::string& location) {
    const auto offer = type.locations.find(location);
    const bool priced = offer != type.locations.end() && !offer->second.monthly.empty();
    return fmt::format("{} ({} cores, {:g} GB{})",
                       type.name,
                       type.cores,
                       type.memory,
                       priced ? fmt::format(", {} a month net", money(offer->second.monthly)) : "");
}

class Planner {
  public:
    explicit Planner(const ServersRequest& request)
        : request_(request), estate_(request.estate), seen_(request.seen) {}

    plan::Plan plan() {
        if (!request_.names.empty()) plan_keys();
        for (const auto& name : request_.names) {
            const auto found = request_.managed.find(name);
            if (found == request_.managed.end())
                plan_missing(estate_.servers.at(name));
            else
                plan_existing(estate_.servers.at(name), found->second.server);
        }
        if (unchanged_ > 0) plan_.unchanged.emplace_back(unchanged_ == 1 ? "server" : "servers", unchanged_);
        note_strangers();
        return std::move(plan_);
    }

  private:
    template <typename Step>
    Action& add(
        std::string id, Verb verb, std::string kind, std::string group, std::string subject, Step step) {
        Action action{.id = std::move(id),
                      .verb = verb,
                      .kind = "hetzner/" + kind,
                      .group = std::move(group),
                      .subject = std::move(subject),
                      .lane = std::string(lane)};
        action.payload = std::make_shared<Step>(std::move(step));
        plan_.actions.push_back(std::move(action));
        return plan_.actions.back();
    }

    api::Labels labels() const { return {{std::string(api::owner_label), estate_.name}}; }

    bool is_ours(const api::Labels& found) const {
        return api::label_or_empty(found, api::owner_label) == estate_.name;
    }

    void require_ours(const api::Labels& found, const std::string& what, const std::string& fix) const {
        if (is_ours(found)) return;
        const auto owner = api::label_or_empty(found, api::owner_label);
        throw Error(errors::foreign_owner, fmt::format("{} exists already and isn't kavi's", what))
            .because(owner.empty() ? fmt::format("it has no label {}", api::owner_label)
                                   : fmt::format("its label {} says {}", api::owner_label, printable(owner)))
            .fix(fix);
    }

    /// An operator's key under whatever name the project has it; the name holds its digest, because Hetzner's
    /// keys can't be changed and a new one needs a name of its own.
    void plan_keys() {
        for (const auto& [name, who] : estate_.operators) {
            if (!who.ssh) continue;
            const auto key = key_of(*who.ssh);
            const auto found = std::ranges::find(
                seen_.ssh_keys, key, [](const api::HetznerSshKey& one) { return key_of(one.public_key); });
            if (found != seen_.ssh_keys.end()) {
                key_names_.push_back(found->name);
                continue;
            }
            SshKeyStep step;
            step.name = fmt::format("{}-{}-{}", estate_.name, name, hex(sha256(key)).substr(0, 8));
            step.public_key = key;
            step.labels = labels();
            key_names_.push_back(step.name);
            auto& action =
                add("ssh-key/" + name, Verb::create, "ssh-key", "Hetzner", "SSH key " + name, step);
            action.reason = "new operator";
            action.expected_after = {{"name", step.name}, {"key", key}};
            key_actions_.push_back(action.id);
        }
    }

    /// The ids of what the server needs first.
    std::vector<std::string> plan_firewall(const model::Server& server, const api::HetznerServer* existing) {
        if (server.firewall.empty()) return {};
        FirewallStep step;
        step.name = server.name;
        step.labels = labels();
        for (const auto& rule : server.firewall) step.rules.push_back(hetzner_rule(rule));
        step.rules = normal(std::move(step.rules));
        std::vector<std::string> ids;
        const auto* found = seen_.firewall(server.name);
        if (found) require_ours(found->labels, "firewall " + server.name, "kavi server adopt " + server.name);
        if (!found || normal(found->rules) != step.rules)
            ids.push_back(plan_rules(server, found, std::move(step)));
        const bool applied = found && existing &&
                             std::ranges::find(existing->firewalls, found->id) != existing->firewalls.end();
        if (existing && !applied) ids.push_back(plan_apply(server, *existing, ids));
        return ids;
    }

    std::string plan_rules(const model::Server& server,
                           const api::HetznerFirewall* found,
                           FirewallStep step) {
        const auto wanted = rules_text(step.rules);
        if (found) step.id = found->id;
        auto& action = add("firewall/" + server.name,
                           found ? Verb::update : Verb::create,
                           "firewall",
                           server.name,
                           "firewall",
                           std::move(step));
        action.reason = found ? "other rules" : "new";
        action.expected_after = {{"rules", wanted}};
        if (found) action.before = {{"rules", rules_text(normal(found->rules))}};
        action.changes.push_back({"rules", found ? rules_text(normal(found->rules)) : Json(nullptr), wanted});
        return action.id;
    }

    std::string plan_apply(const model::Server& server,
                           const api::HetznerServer& existing,
                           const std::vector<std::string>& after) {
        FirewallApplyStep step;
        step.firewall = server.name;
        step.server = existing.id;
        auto& action = add("firewall/" + server.name + "/apply",
                           Verb::update,
                           "firewall-apply",
                           server.name,
                           "firewall",
                           std::move(step));
        action.reason = "doesn't guard the server yet";
        action.before = {{"applied", false}};
        action.expected_after = {{"applied", true}};
        action.after = after;
        return action.id;
    }

    struct Address {
        std::string name;  ///< of the primary IP
        std::optional<std::int64_t> ipv6;
        std::vector<std::string> after;
    };

    const api::HetznerPrimaryIp& declared_ip(const model::Server& server, const std::string& address) const {
        const auto* ip = seen_.primary_ip_at(address);
        if (!ip) {
            std::vector<std::string> others;
            for (const auto& one : seen_.primary_ips)
                if (!one.server) others.push_back(one.ip);
            Error error(
                errors::primary_ip_missing,
                fmt::format("the primary IP {} of {} doesn't exist at Hetzner", address, server.name));
            error.because(others.empty() ? "the token's project has no unassigned one"
                                         : "unassigned in the token's project: " + join(others, ", "));
            throw error.fix(
                "correct ipv4 in the estate file, leave it out to have one made, or use the token of its "
                "project");
        }
        if (ip->server) {
            const auto holder = std::ranges::find(seen_.servers, *ip->server, &api::HetznerServer::id);
            throw Error(
                errors::foreign_owner,
                fmt::format("the primary IP {} of {} is assigned to another server", address, server.name))
                .because(holder == seen_.servers.end() ? fmt::format("server {}", *ip->server)
                                                       : "server " + holder->name)
                .fix("unassign it there first");
        }
        if (ip->location != server.location)
            throw Error(errors::config_invalid,
                        fmt::format("the primary IP {} is in {}, but {} is to be in {}",
                                    address,
                                    ip->location,
                                    server.name,
                                    server.location))
                .fix(fmt::format("location = \"{}\"", ip->location));
        return *ip;
    }

    Address plan_address(const model::Server& server) {
        Address address;
        if (server.ipv6) address.ipv6 = declared_ip(server, *server.ipv6).id;
        if (server.ipv4) {
            address.name = declared_ip(server, *server.ipv4).name;
            return address;
        }
        address.name = server.name + "-ipv4";
        if (const auto* found = seen_.primary_ip_named(address.name)) {
            require_ours(
                found->labels, "primary IP " + address.name, fmt::format("ipv4 = \"{}\" uses it", found->ip));
            declared_ip(server, found->ip);
            return address;
        }
        PrimaryIpStep step;
        step.name = address.name;
        step.type = "ipv4";
        step.location = server.location;
        step.labels = labels();
        auto& action = add("primary-ip/" + server.name,
                           Verb::create,
                           "primary-ip",
                           server.name,
                           "primary IP",
                           std::move(step));
        action.reason = "no ipv4 in the estate file";
        action.expected_after = {{"name", address.name}, {"type", "ipv4"}, {"location", server.location}};
        address.after.push_back(action.id);
        return address;
    }

    const api::HetznerServerType& chosen_type(const model::Server& server) const {
        std::vector<std::string> names;
        for (const auto& type : seen_.types) names.push_back(type.name);
        bool known = false;
        for (const auto& wanted : server.types) {
            const auto* type = seen_.type(wanted);
            if (!type) continue;
            known = true;
            const auto offer = type->locations.find(server.location);
            if (offer != type->locations.end() && offer->second.available) return *type;
        }
        if (!known) {
            const auto first = server.types.empty() ? std::string() : server.types.front();
            Error error(errors::config_invalid, fmt::format("Hetzner has no server type {}", first));
            error.because(fmt::format("servers.{}.type", server.name));
            const auto near = nearest(first, names);
            throw error.fix(near ? fmt::format("did you mean {}?", *near)
                                 : "available: " + join(names, ", "));
        }
        Error error(errors::hetzner_failed,
                    fmt::format("{} can't be made in {} now", server.name, server.location));
        error.because(fmt::format("{} isn't available there", join(server.types, " or ")));
        for (const auto& line : alternatives(seen_.types, server.types, server.location)) error.because(line);
        throw error.fix("add a type to servers." + server.name + ".type, or try again later");
    }

    const api::HetznerImage& chosen_image(const model::Server& server, const api::HetznerServerType& type) {
        const auto found = seen_.images.find({server.image, type.architecture});
        if (found == seen_.images.end())
            throw Error(errors::config_invalid,
                        fmt::format("Hetzner has no image {} for {}", server.image, type.architecture))
                .because(fmt::format("servers.{}.image", server.name))
                .fix("'ubuntu-24.04' and 'debian-13' are images");
        if (!found->second.deprecated.empty())
            plan_.notes.push_back(
                fmt::format("{}: image {} is deprecated since {}; three months later no server can be "
                            "made of it",
                            server.name,
                            server.image,
                            found->second.deprecated.substr(0, 10)));
        return found->second;
    }

    void plan_missing(const model::Server& server) {
        const auto& type = chosen_type(server);
        const auto& image = chosen_image(server, type);
        auto address = plan_address(server);
        auto after = plan_firewall(server, nullptr);
        after.insert(after.end(), key_actions_.begin(), key_actions_.end());
        after.insert(after.end(), address.after.begin(), address.after.end());
        ServerStep step;
        step.server = server.name;
        step.estate = estate_.name;
        step.type = type.name;
        step.image = std::to_string(image.id);
        step.location = server.location;
        step.ssh_keys = key_names_;
        step.firewall = server.firewall.empty() ? "" : server.name;
        step.primary_ip = address.name;
        step.ipv6 = address.ipv6;
        step.user_data = request_.user_data.at(server.name);
        const Json wanted{{"type", type.name},
                          {"image", server.image},
                          {"location", server.location},
                          {"primary_ip", address.name},
                          {"ssh_keys", key_names_},
                          {"user_data", user_data_digest(step.user_data)}};
        auto& action =
            add("server/" + server.name, Verb::create, "server", server.name, "server", std::move(step));
        action.reason = "isn't there";
        action.effect = "a machine that costs money";
        action.expected_after = wanted;
        for (const auto& [field, value] : wanted.items())
            if (field != "user_data") action.changes.push_back({field, nullptr, value});
        action.after = std::move(after);
        const auto server_action = action.id;
        plan_.notes.push_back(
            fmt::format("{}: {} in {}", server.name, described(type, server.location), server.location));
        if (server.protect) plan_protection(server, nullptr, {server_action});
    }

    void plan_protection(const model::Server& server,
                         const api::HetznerServer* existing,
                         std::vector<std::string> after) {
        ServerIdStep step;
        step.server = server.name;
        if (existing) step.id = existing->id;
        auto& action = add("server/" + server.name + "/protect",
                           Verb::update,
                           "protect",
                           server.name,
                           "protection",
                           std::move(step));
        action.reason = "protect = true";
        action.before = {{"protected", false}};
        action.expected_after = {{"protected", true}};
        action.changes.push_back({"protected", false, true});
        action.after = std::move(after);
    }

    void plan_existing(const model::Server& server, const api::HetznerServer& existing) {
        const auto before = plan_.actions.size();
        plan_firewall(server, &existing);
        if (existing.status == "off") plan_start(server, existing);
        if (server.protect && !existing.protect) plan_protection(server, &existing, {});
        note_drift(server, existing);
        if (plan_.actions.size() == before) ++unchanged_;
    }

    void plan_start(const model::Server& server, const api::HetznerServer& existing) {
        ServerIdStep step;
        step.server = server.name;
        step.id = existing.id;
        auto& action = add(
            "server/" + server.name + "/start", Verb::run, "start", server.name, "power", std::move(step));
        action.reason = "is switched off";
        action.before = {{"status", "off"}};
        action.expected_after = {{"status", "running"}};
    }

    void note_drift(const model::Server& server, const api::HetznerServer& existing) {
        const auto note = [&](std::string_view what, const std::string& is, const std::string& wanted) {
            plan_.notes.push_back(fmt::format(
                "{}: {} is {}, the estate file says {}; left as it is", server.name, what, is, wanted));
        };
        if (std::ranges::find(server.types, existing.type) == server.types.end())
            note("its type", existing.type, join(server.types, " or "));
        if (!existing.image.empty() && existing.image != server.image)
            note("its image", existing.image, server.image);
        if (existing.location != server.location) note("its location", existing.location, server.location);
        if (server.ipv4 && existing.ipv4 != server.ipv4)
            note("its address", existing.ipv4.value_or("none"), *server.ipv4);
        if (!server.protect && existing.protect)
            plan_.notes.push_back(
                fmt::format("{}: is protected, the estate file doesn't say so", server.name));
        const auto made_with = api::label_or_empty(existing.labels, user_data_label);
        const auto template_now = request_.user_data.find(server.name);
        if (!made_with.empty() && template_now != request_.user_data.end() &&
            made_with != user_data_digest(template_now->second))
            plan_.notes.push_back(fmt::format(
                "{}: was made with other user data; a rebuild would use the present", server.name));
    }

    void note_strangers() {
        for (const auto& server : seen_.servers)
            if (is_ours(server.labels) && !estate_.servers.contains(server.name))
                plan_.notes.push_back(
                    fmt::format("server {} is kavi's but not in the estate file any more: kavi server "
                                "destroy {}",
                                printable(server.name),
                                printable(server.name)));
    }

    const ServersRequest& request_;
    const model::Estate& estate_;
    const HetznerObservation& seen_;
    plan::Plan plan_;
    std::vector<std::string> key_names_;
    std::vector<std::string> key_actions_;
    int unchanged_ = 0;
};

}  // namespace

std::string user_data_digest(std::string_view template_text) {
    return base32(sha256(template_text).substr(0, 20));
}

api::HetznerFirewallRule hetzner_rule(const model::FirewallRule& rule) {
    return {.protocol = rule.protocol, .port = rule.port, .from = rule.from};
}

std::vector<std::string> alternatives(std::span<const api::HetznerServerType> types,
                                      std::span<const std::string> wanted,
                                      std::string_view location) {
    std::vector<std::string> here, lines;
    std::string architecture;
    for (const auto& type : types)
        if (std::ranges::find(wanted, type.name) != wanted.end()) architecture = type.architecture;
    for (const auto& type : types) {
        const bool asked = std::ranges::find(wanted, type.name) != wanted.end();
        std::vector<std::string> places;
        for (const auto& [place, offer] : type.locations) {
            if (!offer.available) continue;
            if (asked) places.push_back(place);
            const bool fits = architecture.empty() || type.architecture == architecture;
            if (place == location && fits) here.push_back(described(type, place));
        }
        if (!places.empty())
            lines.push_back(fmt::format("{} is available in {}", type.name, join(places, ", ")));
    }
    if (!here.empty())
        lines.insert(lines.begin(), fmt::format("available in {}: {}", location, join(here, ", ")));
    return lines;
}

plan::Plan plan_servers(const ServersRequest& request) {
    return Planner(request).plan();
}

}  // namespace kavi::ops

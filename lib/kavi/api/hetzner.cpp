#include <kavi/api/hetzner.hpp>
#include <kavi/api/hetzner_wire.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::api {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t ids_a_request = 25;
constexpr int tries = 5;
constexpr std::size_t largest_user_data = 32768;

const Json& member(const Json& object, std::string_view key) {
    static const Json nothing = nullptr;
    if (!object.is_object()) return nothing;
    const auto found = object.find(key);
    return found == object.end() ? nothing : *found;
}

void add_action(std::vector<std::int64_t>& ids, const Json& action) {
    const auto& id = member(action, "id");
    if (id.is_number_integer()) ids.push_back(id.get<std::int64_t>());
}

/// All of `action`, `actions` and `next_actions`: with only the first awaited a server may not be started
/// yet.
std::vector<std::int64_t> actions_of(const Json& answer) {
    std::vector<std::int64_t> ids;
    add_action(ids, member(answer, "action"));
    for (const char* key : {"actions", "next_actions"})
        for (const auto& action : member(answer, key)) add_action(ids, action);
    return ids;
}

template <typename Thing>
std::vector<Thing> read_all(const std::vector<Json>& items, Thing (*read)(const Json&)) {
    std::vector<Thing> things;
    things.reserve(items.size());
    for (const auto& item : items) things.push_back(read(item));
    return things;
}

template <typename Thing>
std::optional<Thing> first(const std::vector<Json>& items, Thing (*read)(const Json&)) {
    return items.empty() ? std::nullopt : std::optional(read(items.front()));
}

std::string named(std::string_view name) {
    return "name=" + url_word(name);
}

void require_ours(const Labels& found, const Json& body, std::string_view what) {
    const auto estate = string_or(member(body, "labels"), owner_label);
    const auto owner = label_or_empty(found, owner_label);
    if (owner == estate && !estate.empty()) return;
    Error error(errors::foreign_owner, fmt::format("{} exists already and isn't kavi's", what));
    error.because(owner.empty() ? fmt::format("it has no label {}", owner_label)
                                : fmt::format("its label {} says {}", owner_label, printable(owner)));
    throw error;
}

/// 0.5 s for the first 5 s, then half as long again each time, 3 s at most.
std::chrono::milliseconds next_pause(std::chrono::milliseconds last, std::chrono::milliseconds waited) {
    return waited < 5s ? 500ms : std::min<std::chrono::milliseconds>(last * 3 / 2, 3s);
}

void require_not_failed(const Json& action) {
    if (string_or(action, "status") != "error") return;
    const auto& error = member(action, "error");
    throw Error(errors::hetzner_failed,
                fmt::format("Hetzner's action {} failed", printable(string_or(action, "command"))))
        .because(fmt::format(
            "{}: {}", printable(string_or(error, "code")), printable(string_or(error, "message"))));
}

}  // namespace

HetznerCloud::HetznerCloud(net::Transport& transport, Clock& clock, HetznerAccess access)
    : clock_(clock), wire_(std::make_unique<HetznerWire>(transport, clock, access.base_url, access.token)) {}

HetznerCloud::~HetznerCloud() = default;

std::vector<HetznerServer> HetznerCloud::servers(std::stop_token stop) {
    return read_all(wire_->pages("/servers", "servers", "sort=id", stop), server_from);
}

std::vector<HetznerSshKey> HetznerCloud::ssh_keys(std::stop_token stop) {
    return read_all(wire_->pages("/ssh_keys", "ssh_keys", "sort=id", stop), ssh_key_from);
}

std::vector<HetznerFirewall> HetznerCloud::firewalls(std::stop_token stop) {
    return read_all(wire_->pages("/firewalls", "firewalls", "sort=id", stop), firewall_from);
}

std::vector<HetznerPrimaryIp> HetznerCloud::primary_ips(std::stop_token stop) {
    return read_all(wire_->pages("/primary_ips", "primary_ips", "sort=id", stop), primary_ip_from);
}

std::vector<HetznerServerType> HetznerCloud::server_types(std::stop_token stop) {
    return read_all(wire_->pages("/server_types", "server_types", "", stop), server_type_from);
}

std::optional<HetznerImage> HetznerCloud::image(std::string_view name,
                                                std::string_view architecture,
                                                std::stop_token stop) {
    const auto query = fmt::format("{}&architecture={}&type=system&include_deprecated=true&sort=id",
                                   named(name),
                                   url_word(architecture));
    return first(wire_->pages("/images", "images", query, stop), image_from);
}

std::optional<HetznerServer> HetznerCloud::server(std::int64_t id, std::stop_token stop) {
    auto answer = wire_->call("GET", fmt::format("/servers/{}", id), nullptr, stop);
    if (const auto* refusal = std::get_if<HetznerRefusal>(&answer)) {
        if (refusal->is("not_found")) return std::nullopt;
        throw error_of(*refusal, fmt::format("show server {}", id));
    }
    return server_from(member(std::get<Json>(answer), "server"));
}

std::optional<HetznerServer> HetznerCloud::server_named(std::string_view name, std::stop_token stop) {
    return first(wire_->pages("/servers", "servers", named(name), stop), server_from);
}

template <typename Thing>
HetznerStarted<Thing> HetznerCloud::create(std::string_view path,
                                           std::string_view key,
                                           std::string_view what,
                                           const Json& body,
                                           Thing (*read)(const Json&),
                                           const Finder<Thing>& find,
                                           std::stop_token stop) {
    for (int attempt = 1;; ++attempt) {
        auto answer = wire_->call("POST", path, &body, stop);
        if (const auto* made = std::get_if<Json>(&answer))
            return {read(member(*made, key)), actions_of(*made)};
        const auto& refusal = std::get<HetznerRefusal>(answer);
        const auto error = error_of(refusal, fmt::format("create {}", what));
        const bool taken = refusal.is("uniqueness_error");
        if (!taken && !refusal.ambiguous()) throw error;
        if (auto found = find()) {
            require_ours(found->labels, body, what);
            const auto resource = fmt::format("{}/{}", path, found->id);
            return {std::move(*found), running_actions(resource, stop), true};
        }
        if (taken || attempt == tries) throw error;
        wire_->pause(std::chrono::seconds(attempt), what, stop);
    }
}

HetznerStarted<HetznerServer> HetznerCloud::create_server(const HetznerServerOrder& order,
                                                          std::stop_token stop) {
    const auto what = fmt::format("server {}", order.name);
    if (order.user_data.size() > largest_user_data)
        throw Error(errors::hetzner_failed, fmt::format("the user data of {} is too large", what))
            .because(fmt::format("{} bytes, Hetzner takes {}", order.user_data.size(), largest_user_data));
    auto body = order_json(order);
    const auto forget = [&] {
        if (body.contains("user_data")) wipe(body["user_data"].get_ref<std::string&>());
    };
    try {
        auto started = create<HetznerServer>(
            "/servers",
            "server",
            what,
            body,
            server_from,
            [&] { return server_named(order.name, stop); },
            stop);
        forget();
        return started;
    } catch (...) {
        forget();
        throw;
    }
}

HetznerStarted<HetznerSshKey> HetznerCloud::create_ssh_key(std::string_view name,
                                                           std::string_view public_key,
                                                           const Labels& labels,
                                                           std::stop_token stop) {
    const Json body{{"name", name}, {"public_key", public_key}, {"labels", labels}};
    const auto find = [&] {
        return first(wire_->pages("/ssh_keys", "ssh_keys", named(name), stop), ssh_key_from);
    };
    return create<HetznerSshKey>(
        "/ssh_keys", "ssh_key", fmt::format("SSH key {}", name), body, ssh_key_from, find, stop);
}

HetznerStarted<HetznerFirewall> HetznerCloud::create_firewall(std::string_view name,
                                                              std::span<const HetznerFirewallRule> rules,
                                                              const Labels& labels,
                                                              std::stop_token stop) {
    const Json body{{"name", name}, {"rules", rules_json({rules.begin(), rules.end()})}, {"labels", labels}};
    const auto find = [&] {
        return first(wire_->pages("/firewalls", "firewalls", named(name), stop), firewall_from);
    };
    return create<HetznerFirewall>(
        "/firewalls", "firewall", fmt::format("firewall {}", name), body, firewall_from, find, stop);
}

HetznerStarted<HetznerPrimaryIp> HetznerCloud::create_primary_ip(std::string_view name,
                                                                 std::string_view type,
                                                                 std::string_view location,
                                                                 const Labels& labels,
                                                                 std::stop_token stop) {
    const Json body{
        {"name", name}, {"type", type}, {"location", location}, {"labels", labels}, {"auto_delete", false}};
    const auto find = [&] {
        return first(wire_->pages("/primary_ips", "primary_ips", named(name), stop), primary_ip_from);
    };
    return create<HetznerPrimaryIp>(
        "/primary_ips", "primary_ip", fmt::format("primary IP {}", name), body, primary_ip_from, find, stop);
}

void HetznerCloud::set_rules(const HetznerFirewall& firewall,
                             std::span<const HetznerFirewallRule> rules,
                             std::stop_token stop) {
    const Json body{{"rules", rules_json({rules.begin(), rules.end()})}};
    act(fmt::format("set the rules of firewall {}", firewall.name),
        "POST",
        fmt::format("/firewalls/{}", firewall.id),
        "/actions/set_rules",
        &body,
        "",
        stop);
}

void HetznerCloud::apply_firewall(std::int64_t firewall, std::int64_t server, std::stop_token stop) {
    auto targets = Json::array();
    targets.push_back({{"type", "server"}, {"server", {{"id", server}}}});
    const Json body{{"apply_to", std::move(targets)}};
    act(fmt::format("apply firewall {} to server {}", firewall, server),
        "POST",
        fmt::format("/firewalls/{}", firewall),
        "/actions/apply_to_resources",
        &body,
        "firewall_already_applied",
        stop);
}

Labels HetznerCloud::change_labels(std::int64_t server,
                                   const std::map<std::string, std::optional<std::string>>& changes,
                                   std::stop_token stop) {
    return relabel(fmt::format("/servers/{}", server), "server", changes, std::move(stop));
}

Labels HetznerCloud::change_firewall_labels(std::int64_t firewall,
                                            const std::map<std::string, std::optional<std::string>>& changes,
                                            std::stop_token stop) {
    return relabel(fmt::format("/firewalls/{}", firewall), "firewall", changes, std::move(stop));
}

Labels HetznerCloud::relabel(std::string_view resource,
                             std::string_view key,
                             const std::map<std::string, std::optional<std::string>>& changes,
                             std::stop_token stop) {
    const auto doing = fmt::format("change the labels of {}", resource.substr(1));
    for (int attempt = 1;; ++attempt) {
        const auto now = wire_->need(doing, "GET", resource, nullptr, stop);
        auto labels = server_from(member(now, key)).labels;
        for (const auto& [name, value] : changes)
            if (value)
                labels[name] = *value;
            else
                labels.erase(name);
        const Json body{{"labels", labels}};
        auto answer = wire_->call("PUT", resource, &body, stop);
        if (std::holds_alternative<Json>(answer)) return labels;
        const auto& refusal = std::get<HetznerRefusal>(answer);
        const bool passing = refusal.is("conflict") || refusal.is("locked");
        if (!passing || attempt == tries) throw error_of(refusal, doing);
        wire_->pause(std::chrono::seconds(attempt), doing, stop);
    }
}

void HetznerCloud::protect(std::int64_t server, bool wanted, std::stop_token stop) {
    const Json body{{"delete", wanted}, {"rebuild", wanted}};
    act(fmt::format("{} server {}", wanted ? "protect" : "lift the protection of", server),
        "POST",
        fmt::format("/servers/{}", server),
        "/actions/change_protection",
        &body,
        "",
        stop);
}

void HetznerCloud::delete_server(std::int64_t server, std::stop_token stop) {
    act(fmt::format("delete server {}", server),
        "DELETE",
        fmt::format("/servers/{}", server),
        "",
        nullptr,
        "not_found",
        stop);
}

void HetznerCloud::delete_firewall(std::int64_t firewall, std::stop_token stop) {
    const auto doing = fmt::format("delete firewall {}", firewall);
    for (int attempt = 1;; ++attempt) {
        auto answer = wire_->call("DELETE", fmt::format("/firewalls/{}", firewall), nullptr, stop);
        const auto* refusal = std::get_if<HetznerRefusal>(&answer);
        if (!refusal || refusal->is("not_found")) return;
        const bool passing =
            refusal->is("resource_in_use") || refusal->is("locked") || refusal->is("conflict");
        if (!passing || attempt == tries) throw error_of(*refusal, doing);
        wire_->pause(std::chrono::seconds(attempt), doing, stop);
    }
}

void HetznerCloud::rebuild_server(std::int64_t server,
                                  std::string_view image,
                                  const Secret& user_data,
                                  std::stop_token stop) {
    Json body{{"image", image}, {"user_data", user_data.reveal()}};
    const auto forget = [&] { wipe(body["user_data"].get_ref<std::string&>()); };
    try {
        act(fmt::format("rebuild server {}", server),
            "POST",
            fmt::format("/servers/{}", server),
            "/actions/rebuild",
            &body,
            "",
            stop);
    } catch (...) {
        forget();
        throw;
    }
    forget();
}

void HetznerCloud::power_on(std::int64_t server, std::stop_token stop) {
    act(fmt::format("start server {}", server),
        "POST",
        fmt::format("/servers/{}", server),
        "/actions/poweron",
        nullptr,
        "",
        stop);
}

void HetznerCloud::act(std::string_view doing,
                       std::string_view method,
                       std::string_view resource,
                       std::string_view action,
                       const Json* body,
                       std::string_view done,
                       std::stop_token stop) {
    const auto path = fmt::format("{}{}", resource, action);
    for (int attempt = 1;; ++attempt) {
        auto answer = wire_->call(method, path, body, stop);
        if (const auto* started = std::get_if<Json>(&answer)) return await(actions_of(*started), stop);
        const auto& refusal = std::get<HetznerRefusal>(answer);
        if (!done.empty() && refusal.is(done)) return;
        const bool passing = refusal.is("locked") || refusal.is("conflict");
        if (!passing || attempt == tries) throw error_of(refusal, doing);
        // Another's action that fails is no failure of this one: its end is all that is waited for.
        try {
            await(running_actions(resource, stop), stop);
        } catch (const Error& error) {
            if (error.code() != errors::hetzner_failed) throw;
        }
        wire_->pause(std::chrono::seconds(attempt), doing, stop);
    }
}

std::vector<std::int64_t> HetznerCloud::running_actions(std::string_view resource, std::stop_token stop) {
    // SSH keys and primary IPs made without a server have none.
    if (!resource.starts_with("/servers/") && !resource.starts_with("/firewalls/")) return {};
    std::vector<std::int64_t> ids;
    const auto path = fmt::format("{}/actions", resource);
    for (const auto& action : wire_->pages(path, "actions", "status=running&sort=id", stop))
        add_action(ids, action);
    return ids;
}

void HetznerCloud::await(std::span<const std::int64_t> actions,
                         std::stop_token stop,
                         std::chrono::milliseconds patience) {
    std::vector<std::int64_t> running(actions.begin(), actions.end());
    std::ranges::sort(running);
    running.erase(std::ranges::unique(running).begin(), running.end());
    const auto began = clock_.steady();
    auto between = 500ms;
    while (!running.empty()) {
        const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - began);
        if (waited > patience)
            throw Error(errors::network_failed, "Hetzner didn't finish in time")
                .because(fmt::format("action {} still runs after {} s",
                                     running.front(),
                                     std::chrono::duration_cast<std::chrono::seconds>(waited).count()))
                .fix("run the command again: it goes on from what is there by then");
        between = next_pause(between, waited);
        wire_->pause(between, "Hetzner", stop);
        running = still_running(running, stop);
    }
}

std::vector<std::int64_t> HetznerCloud::still_running(std::span<const std::int64_t> ids,
                                                      std::stop_token stop) {
    std::vector<std::int64_t> left;
    for (std::size_t at = 0; at < ids.size(); at += ids_a_request) {
        const auto asked = ids.subspan(at, std::min(ids_a_request, ids.size() - at));
        std::string query;
        for (const auto id : asked) query += fmt::format("{}id={}", query.empty() ? "?" : "&", id);
        const auto body = wire_->need("show its actions", "GET", "/actions" + query, nullptr, stop);
        std::size_t seen = 0;
        for (const auto& action : member(body, "actions")) {
            ++seen;
            require_not_failed(action);
            if (string_or(action, "status") == "running") add_action(left, action);
        }
        if (seen < asked.size())
            throw Error(errors::hetzner_failed, "Hetzner doesn't show an action that it started")
                .because(fmt::format("{} of {} are in the answer", seen, asked.size()));
    }
    return left;
}

}  // namespace kavi::api

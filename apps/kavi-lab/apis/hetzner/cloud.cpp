#include "cloud.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kavi::lab::hetzner {
namespace {

Answer to_answer(const Problem& problem) {
    const Json error{{"code", problem.code}, {"message", problem.message}, {"details", problem.details}};
    return Answer::json(problem.status, {{"error", error}});
}

const std::vector<std::pair<std::string, std::string>> with_actions{
    {"servers", "server"}, {"primary_ips", "primary_ip"}, {"firewalls", "firewall"}, {"images", "image"}};

}  // namespace

Cloud::Cloud(Project& project, const HetznerSeed& seed, ServerMachines* machines)
    : project_(project), seed_(seed), machines_(machines) {
    add_catalog_routes(router_, *this);
    add_image_routes(router_, *this);
    add_ssh_key_routes(router_, *this);
    add_firewall_routes(router_, *this);
    add_primary_ip_routes(router_, *this);
    add_server_routes(router_, *this);
    add_server_create_route(router_, *this);
    add_server_power_routes(router_, *this);
    add_server_action_routes(router_, *this);
    add_action_routes(router_, project_, with_actions);
    add_system_images(*this);
    for (const auto& one : seed.primary_ips) {
        auto& ip = make_primary_ip(one.name, one.ip.contains(':') ? "ipv6" : "ipv4", one.location);
        ip.ip = one.ip;
        ip.protect = one.protect;
        ip.labels = one.labels;
    }
    for (const auto& one : seed.servers) add_server(one);
}

Answer Cloud::answer(Call& call) {
    const std::scoped_lock lock(project_.mutex);
    Answer answer;
    try {
        project_.admit(call);
        const auto match = router_.find(call);
        if (match.miss == Router::Miss::path) throw not_found("endpoint");
        if (match.miss == Router::Miss::method) throw known_problem(0, "method_not_allowed");
        answer = (*match.handler)(call);
    } catch (const Problem& problem) {
        answer = to_answer(problem);
    }
    answer.headers = project_.headers();
    return answer;
}

Answer Cloud::error(int status, const std::string& code) {
    return to_answer(known_problem(status, code));
}

std::string Cloud::next_ipv4() {
    if (spare_taken_ < seed_.spare_ipv4.size()) return seed_.spare_ipv4[spare_taken_++];
    ++documentation_taken_;
    return fmt::format("203.0.{}.{}", 113 + documentation_taken_ / 250, 1 + documentation_taken_ % 250);
}

PrimaryIp& Cloud::make_primary_ip(const std::string& ip_name,
                                  const std::string& type,
                                  const std::string& location) {
    PrimaryIp ip{.id = project_.next_id(), .name = ip_name, .type = type, .location = location};
    ip.ip = type == "ipv4" ? next_ipv4() : fmt::format("2001:db8:{:x}::/64", ++ipv6_taken_);
    ip.created = std::chrono::system_clock::now();
    if (ip.name.empty()) ip.name = fmt::format("primary_ip-{}", ip.id);
    return primary_ips[ip.id] = ip;
}

void Cloud::assign(PrimaryIp& ip, Server& server) {
    ip.server = server.id;
    (ip.type == "ipv4" ? server.ipv4 : server.ipv6) = ip.id;
}

void Cloud::unassign(PrimaryIp& ip) {
    if (!ip.server) return;
    if (const auto server = servers.find(*ip.server); server != servers.end())
        (ip.type == "ipv4" ? server->second.ipv4 : server->second.ipv6) = std::nullopt;
    ip.server.reset();
}

void Cloud::forget(std::int64_t server) {
    std::vector<std::int64_t> automatic;
    for (auto& [id, ip] : primary_ips) {
        if (ip.server != server) continue;
        unassign(ip);
        if (ip.auto_delete) automatic.push_back(id);
    }
    for (const auto id : automatic) primary_ips.erase(id);
    std::erase_if(images, [&](const auto& entry) { return entry.second.bound_to == server; });
    servers.erase(server);
}

bool Cloud::destroy(const std::string& server_name) {
    {
        const std::scoped_lock lock(project_.mutex);
        const auto found = std::ranges::find_if(
            servers, [&](const auto& entry) { return entry.second.name == server_name; });
        if (found == servers.end()) return false;
        forget(found->first);
    }
    if (machines_) machines_->destroy(server_name);
    return true;
}

void Cloud::power_changed(const std::string& server_name, bool on) {
    const std::scoped_lock lock(project_.mutex);
    for (auto& [id, server] : servers) {
        const bool steady = server.status == "running" || server.status == "off";
        if (server.name == server_name && steady && !server.locked) server.status = on ? "running" : "off";
    }
}

void Cloud::add_server(const ServerSeed& seed) {
    Server server{
        .id = project_.next_id(), .name = seed.name, .type = seed.server_type, .location = seed.location};
    server.status = seed.running ? "running" : "off";
    server.labels = server.labels_at_creation = seed.labels;
    server.protect = seed.protect;
    server.created = std::chrono::system_clock::now();
    const auto* type = find_server_type(seed.server_type);
    server.disk = type ? type->disk : 40;
    for (const auto& [id, image] : images)
        if (image.name == seed.image && (!type || image.architecture == type->architecture))
            server.image = id;
    auto& kept = servers[server.id] = server;
    const auto seeded =
        std::ranges::find_if(primary_ips, [&](const auto& e) { return e.second.ip == seed.ipv4; });
    const bool found = !seed.ipv4.empty() && seeded != primary_ips.end();
    auto& ip = found ? seeded->second : make_primary_ip("", "ipv4", seed.location);
    if (!found && !seed.ipv4.empty()) ip.ip = seed.ipv4;
    assign(ip, kept);
}

void Cloud::add_generated(std::size_t count) {
    const std::scoped_lock lock(project_.mutex);
    for (std::size_t i = 0; i < count; ++i)
        add_server({.name = fmt::format("generated-{:04}", i),
                    .server_type = "cpx22",
                    .labels = {{"generated", ""}}});
}

}  // namespace kavi::lab::hetzner

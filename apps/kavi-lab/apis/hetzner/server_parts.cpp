#include "server_parts.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <cctype>

namespace kavi::lab::hetzner {
namespace {

bool is_host_name(const std::string& name) {
    const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    if (name.empty() || name.size() > 253) return false;
    return std::ranges::all_of(split(name, '.'), [&](const std::string& label) {
        return !label.empty() && label.size() <= 63 && alphanumeric(label.front()) &&
               alphanumeric(label.back()) &&
               std::ranges::all_of(label, [&](char c) { return alphanumeric(c) || c == '-'; });
    });
}

bool sold_out(const Cloud& cloud, const ServerType& type, const std::string& location) {
    const std::string name(type.name);
    const auto& out = cloud.seed().sold_out;
    return out.contains(name) || (!location.empty() && out.contains(name + "@" + location));
}

}  // namespace

Server& free_server(Cloud& cloud, const Call& call) {
    auto& server = by_id(cloud.servers, id_of(call), "server");
    if (server.locked) throw locked("server");
    return server;
}

std::string checked_server_name(Cloud& cloud, const Fields& fields, std::int64_t except) {
    auto name = fields.text("name");
    if (!is_host_name(name)) throw invalid_input("name", "server name must be a valid hostname (RFC 1123)");
    need_unique_name(cloud.servers, name, "server", except);
    return name;
}

const ServerType& orderable_type(const Cloud& cloud, const std::string& text, const std::string& location) {
    const auto* type = find_server_type(text);
    if (!type) throw invalid_input("server_type", "server type not found");
    if (!type->announced.empty()) throw invalid_input("server_type", "server type is deprecated");
    if (!location.empty() && !is_sold_in(*type, location))
        throw refused("invalid_input", "unsupported location for server type");
    if (sold_out(cloud, *type, location)) throw resource_unavailable();
    return *type;
}

const Image& usable_image(const Cloud& cloud, const std::string& text, const ServerType& type) {
    bool named = false;
    for (const auto& [id, image] : cloud.images) {
        if (image.name != text && std::to_string(id) != text) continue;
        named = true;
        if (image.architecture != type.architecture || image.status != "available") continue;
        if (image.disk > type.disk)
            throw invalid_input("image", "image's disk is bigger than the server type's");
        return image;
    }
    if (named) throw invalid_input("image", "image isn't available for this architecture");
    throw invalid_input("image", "image not found");
}

std::string checked_user_data(const Fields& fields) {
    auto text = fields.text_if("user_data").value_or("");
    if (text.size() > 32 * 1024) throw invalid_input("user_data", "longer than 32 KiB");
    return text;
}

std::vector<Action> start_on(Cloud& cloud, Server& server, std::vector<Step> steps) {
    server.locked = true;
    const auto id = server.id;
    for (auto& step : steps) step.resources.insert(step.resources.begin(), {"server", id});
    return cloud.project().start("hetzner", std::move(steps), [&cloud, id] {
        if (cloud.servers.contains(id)) cloud.servers[id].locked = false;
    });
}

Answer start_one_on(Cloud& cloud, Server& server, Step step) {
    std::vector<Step> steps;
    steps.push_back(std::move(step));
    return Answer::json(201, {{"action", to_json(start_on(cloud, server, std::move(steps)).front())}});
}

std::function<void()> on_machine(Cloud& cloud,
                                 const Server& server,
                                 std::function<void(ServerMachines&, const std::string&)> work) {
    if (!cloud.machines()) return {};
    return
        [&machines = *cloud.machines(), name = server.name, work = std::move(work)] { work(machines, name); };
}

MachineOrder order_of(const Cloud& cloud, const Server& server) {
    MachineOrder order{.id = server.id, .name = server.name, .server_type = server.type};
    if (server.image && cloud.images.contains(*server.image))
        order.image = cloud.images.at(*server.image).name;
    order.location = server.location;
    if (server.ipv4) order.ipv4 = cloud.primary_ips.at(*server.ipv4).ip;
    order.user_data = server.user_data;
    order.authorized_keys = server.authorized_keys;
    order.labels = server.labels_at_creation;
    return order;
}

std::function<void()> becomes(Cloud& cloud, std::int64_t server, std::string status) {
    return [&cloud, server, status = std::move(status)] {
        if (cloud.servers.contains(server)) cloud.servers[server].status = status;
    };
}

std::string random_password() {
    return base32(random_bytes(15));
}

}  // namespace kavi::lab::hetzner

#include "server_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kavi::lab::hetzner {
namespace {

/// Changes the server, if it is still there, once the action has succeeded.
template <typename Change>
std::function<void()> changes(Cloud& cloud, std::int64_t id, Change change) {
    return [&cloud, id, change] {
        if (cloud.servers.contains(id)) change(cloud.servers[id]);
    };
}

Answer change_protection(Cloud& cloud, const Call& call) {
    auto& server = free_server(cloud, call);
    const auto fields = body_of(call);
    const bool remove = fields.boolean_if("delete").value_or(server.protect);
    const bool rebuild = fields.boolean_if("rebuild").value_or(server.protect);
    if (remove != rebuild) throw invalid_input("rebuild", "delete and rebuild protection must be equal");
    return start_one_on(
        cloud,
        server,
        {.command = "change_protection",
         .succeeded = changes(cloud, server.id, [remove](Server& s) { s.protect = remove; })});
}

Answer change_type(Cloud& cloud, const Call& call) {
    auto& server = free_server(cloud, call);
    const auto fields = body_of(call);
    const bool upgrade_disk = fields.boolean("upgrade_disk");
    const auto wanted = fields.text("server_type");
    if (server.status != "off") throw refused("server_not_stopped", "server isn't stopped");
    const auto* now = find_server_type(server.type);
    const auto* known = find_server_type(wanted);
    if (!known || (now && known->architecture != now->architecture) || known->disk < server.disk)
        throw refused("invalid_server_type", "server type doesn't fit this server");
    const auto& type = orderable_type(cloud, wanted, server.location);
    server.status = "migrating";
    const auto change = [&type, upgrade_disk](Server& s) {
        s.type = type.name;
        if (upgrade_disk) s.disk = type.disk;
        s.status = "running";
    };
    return start_one_on(
        cloud,
        server,
        {.command = "change_server_type",
         .work = on_machine(cloud, server, [](auto& machines, auto& name) { machines.power_on(name); }),
         .succeeded = changes(cloud, server.id, change),
         .failed = becomes(cloud, server.id, "off")});
}

Answer rebuild(Cloud& cloud, const Call& call) {
    auto& server = free_server(cloud, call);
    const auto fields = body_of(call);
    const auto* type = find_server_type(server.type);
    const auto image = usable_image(cloud, fields.text("image"), *type).id;
    if (server.protect) throw protected_from("server");
    if (fields.has("user_data")) server.user_data = checked_user_data(fields);
    server.image = image;
    server.status = "rebuilding";
    auto order = order_of(cloud, server);
    std::function<void()> work;
    if (auto* machines = cloud.machines())
        work = [machines, order = std::move(order)] { machines->rebuild(order); };
    std::vector<Step> steps;
    steps.push_back({.command = "rebuild_server",
                     .work = work,
                     .succeeded = becomes(cloud, server.id, "running"),
                     .failed = becomes(cloud, server.id, "off")});
    const auto action = start_on(cloud, server, std::move(steps)).front();
    const auto password = server.authorized_keys.empty() ? Json(random_password()) : Json(nullptr);
    return Answer::json(201, {{"action", to_json(action)}, {"root_password", password}});
}

Answer enable_rescue(Cloud& cloud, const Call& call) {
    auto& server = free_server(cloud, call);
    const auto fields = body_of(call);
    fields.choice_if("type", {"linux64"});
    for (const auto id : fields.integers("ssh_keys")) by_id(cloud.ssh_keys, id, "SSH key");
    if (server.rescue) throw refused("rescue_already_enabled", "rescue system is already enabled");
    auto answer = start_one_on(
        cloud, server, {.command = "enable_rescue", .succeeded = changes(cloud, server.id, [](Server& s) {
                                                        s.rescue = true;
                                                    })});
    auto body = Json::parse(answer.body);
    body["root_password"] = random_password();
    return Answer::json(201, body);
}

Answer disable_rescue(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    return start_one_on(
        cloud, server, {.command = "disable_rescue", .succeeded = changes(cloud, server.id, [](Server& s) {
                                                         s.rescue = false;
                                                     })});
}

Answer reset_password(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    if (server.status != "running") throw refused("server_not_running", "server isn't running");
    auto body = Json::parse(start_one_on(cloud, server, {.command = "reset_password"}).body);
    body["root_password"] = random_password();
    return Answer::json(201, body);
}

Answer request_console(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    const auto url = fmt::format("wss://console.hetzner.cloud/?server_id={}", server.id);
    auto body = Json::parse(start_one_on(cloud, server, {.command = "request_console"}).body);
    body["wss_url"] = url;
    body["password"] = random_password();
    return Answer::json(201, body);
}

Answer enable_backup(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    return start_one_on(
        cloud, server, {.command = "enable_backup", .succeeded = changes(cloud, server.id, [](Server& s) {
                                                        s.backup_window = "22-02";
                                                    })});
}

/// Deletes every backup at once, as the real one does.
Answer disable_backup(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    const auto id = server.id;
    std::erase_if(cloud.images, [id](const auto& entry) { return entry.second.bound_to == id; });
    return start_one_on(
        cloud, server, {.command = "disable_backup", .succeeded = changes(cloud, id, [](Server& s) {
                                                         s.backup_window.reset();
                                                     })});
}

Image new_image(Cloud& cloud, const Server& server, const std::string& type) {
    Image image{.id = cloud.project().next_id(), .type = type, .status = "creating", .disk = server.disk};
    image.from = server.id;
    image.from_name = server.name;
    if (type == "backup") image.bound_to = server.id;
    const auto source = cloud.images.find(server.image.value_or(0));
    image.flavor = source == cloud.images.end() ? "unknown" : source->second.flavor;
    image.version = source == cloud.images.end() ? "" : source->second.version;
    image.architecture = source == cloud.images.end() ? "x86" : source->second.architecture;
    image.created = std::chrono::system_clock::now();
    return image;
}

Answer create_image(Cloud& cloud, const Call& call) {
    auto& server = free_server(cloud, call);
    const auto fields = body_of(call);
    const auto type = fields.choice_if("type", {"snapshot", "backup"}).value_or("snapshot");
    if (type == "backup" && !server.backup_window)
        throw refused("unsupported_error", "backups aren't enabled for this server");
    auto image = new_image(cloud, server, type);
    image.description = fields.text_if("description").value_or(fmt::format("{} of {}", type, server.name));
    image.labels = fields.labels_if().value_or(Labels{});
    cloud.images[image.id] = image;
    const auto id = image.id;
    const auto finish = [&cloud, id](const char* status) {
        return [&cloud, id, status] {
            if (!cloud.images.contains(id)) return;
            cloud.images[id].status = status;
            cloud.images[id].size = 1.5;
        };
    };
    auto body = Json::parse(start_one_on(cloud,
                                         server,
                                         {.command = "create_image",
                                          .resources = {{"image", id}},
                                          .succeeded = finish("available"),
                                          .failed = finish("unavailable")})
                                .body);
    body["image"] = cloud.to_json(image);
    return Answer::json(201, body);
}

Answer change_dns_ptr(Cloud& cloud, const Call& call) {
    auto& server = free_server(cloud, call);
    const auto fields = body_of(call);
    const auto address = fields.text("ip");
    const auto name = fields.text_or_null("dns_ptr");
    for (const auto& held : {server.ipv4, server.ipv6}) {
        if (!held) continue;
        auto& ip = cloud.primary_ips.at(*held);
        if (ip.type == "ipv4" ? ip.ip != address : !address.contains(':')) continue;
        ip.pointers.erase(address);
        if (name) ip.pointers[address] = *name;
        return start_one_on(cloud, server, {.command = "change_dns_ptr"});
    }
    throw invalid_input("ip", "not an address of this server");
}

Answer attach_iso(Cloud& cloud, const Call& call) {
    free_server(cloud, call);
    body_of(call).text("iso");
    throw not_found("iso");
}

Answer detach_iso(Cloud& cloud, const Call& call) {
    no_body(call);
    return start_one_on(cloud, free_server(cloud, call), {.command = "detach_iso"});
}

/// The lab has no networks and no placement groups: whatever is named isn't there.
Answer not_in_the_lab(Cloud& cloud, const Call& call) {
    free_server(cloud, call);
    throw not_found("network or placement group");
}

}  // namespace

void add_server_action_routes(Router& router, Cloud& cloud) {
    const auto add = [&](const std::string& action, auto handler) {
        router.add("POST", "/servers/{id}/actions/" + action, [&cloud, handler](const Call& call) {
            return handler(cloud, call);
        });
    };
    add("change_protection", change_protection);
    add("change_type", change_type);
    add("rebuild", rebuild);
    add("enable_rescue", enable_rescue);
    add("disable_rescue", disable_rescue);
    add("reset_password", reset_password);
    add("request_console", request_console);
    add("enable_backup", enable_backup);
    add("disable_backup", disable_backup);
    add("create_image", create_image);
    add("change_dns_ptr", change_dns_ptr);
    add("attach_iso", attach_iso);
    add("detach_iso", detach_iso);
    for (const char* action : {"attach_to_network",
                               "detach_from_network",
                               "change_alias_ips",
                               "add_to_placement_group",
                               "remove_from_placement_group"})
        add(action, not_in_the_lab);
}

}  // namespace kavi::lab::hetzner

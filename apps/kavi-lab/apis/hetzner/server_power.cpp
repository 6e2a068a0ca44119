#include "server_parts.hpp"

namespace kavi::lab::hetzner {
namespace {

using OnMachine = void (ServerMachines::*)(const std::string&);

struct Power {
    OnMachine work;
    const char* command;
    const char* meanwhile;  ///< the status while it runs
    const char* afterwards;
};

Answer switch_power(Cloud& cloud, const Call& call, const Power& power) {
    no_body(call);
    auto& server = free_server(cloud, call);
    const auto before = server.status;
    server.status = power.meanwhile;
    const auto work =
        on_machine(cloud, server, [power](auto& machines, auto& name) { (machines.*power.work)(name); });
    return start_one_on(cloud,
                        server,
                        {.command = power.command,
                         .work = work,
                         .succeeded = becomes(cloud, server.id, power.afterwards),
                         .failed = becomes(cloud, server.id, before)});
}

/// Asks the machine until it is off, for as long as the lab runs, and shows that in the API.
void follow_to_off(Cloud& cloud, std::int64_t id, const std::string& name) {
    cloud.project().background().start([&cloud, id, name](const std::stop_token& stop) {
        while (Background::wait(std::chrono::milliseconds(200), stop)) {
            const bool on = cloud.machines()->running(name).value_or(false);
            const std::scoped_lock lock(cloud.project().mutex);
            const auto server = cloud.servers.find(id);
            if (server == cloud.servers.end() || server->second.status != "running") return;
            if (on) continue;
            server->second.status = "off";
            return;
        }
    });
}

/// Success means that the signal was sent; the server is off when its system has gone down.
Answer shutdown(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    const auto id = server.id;
    Step step{.command = "shutdown_server"};
    if (auto* machines = cloud.machines()) {
        step.work = [machines, name = server.name] { machines->shutdown(name); };
        step.succeeded = [&cloud, id, name = server.name] { follow_to_off(cloud, id, name); };
    } else {
        step.succeeded = becomes(cloud, id, "off");
    }
    return start_one_on(cloud, server, std::move(step));
}

}  // namespace

void add_server_power_routes(Router& router, Cloud& cloud) {
    const auto add = [&](const std::string& action, const Power& power) {
        router.add("POST", "/servers/{id}/actions/" + action, [&cloud, power](const Call& call) {
            return switch_power(cloud, call, power);
        });
    };
    add("poweron", {&ServerMachines::power_on, "start_server", "starting", "running"});
    add("poweroff", {&ServerMachines::power_off, "stop_server", "stopping", "off"});
    add("reboot", {&ServerMachines::reboot, "reboot_server", "running", "running"});
    add("reset", {&ServerMachines::reset, "reset_server", "running", "running"});
    router.add("POST", "/servers/{id}/actions/shutdown", [&cloud](const Call& call) {
        return shutdown(cloud, call);
    });
}

}  // namespace kavi::lab::hetzner

#include "lab.hpp"
#include "lab/tools.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

// What goes wrong on purpose, and the other requests of the control socket.
namespace kavi::lab {
namespace {

Error no_such_fault(const std::string& what) {
    Error error(errors::usage, fmt::format("there is no fault '{}'", what));
    return error.fix("see 'kavi-lab --help'");
}

/// How Compose's container of a service is found and made ill or well, on the server itself.
std::string health_script(const std::string& service, bool healthy) {
    const auto find =
        fmt::format("id=$(docker ps -aq --filter label=com.docker.compose.service={}) && test -n \"$id\"",
                    shell_quote(service));
    // Our own stand-ins look for a mark; what is real, and has no such mark, is paused.
    if (healthy)
        return find +
               " && { docker unpause $id; docker exec $id rm -f /tmp/unhealthy; } >/dev/null 2>&1 || true";
    return find +
           " && if docker exec $id test -e /usr/bin/standin; then docker exec $id touch /tmp/unhealthy; else "
           "docker pause $id; fi";
}

}  // namespace

bool Lab::infisical_runs() {
    using namespace std::chrono_literals;
    const std::scoped_lock lock(infisical_mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!machines_ || names_.stacks.empty()) return true;
    if (now - infisical_asked_ < 1s) return infisical_ran_;
    const auto healthy = [&](const char* service) {
        const auto words =
            std::vector<std::string>{"docker",
                                     "ps",
                                     "--quiet",
                                     "--filter",
                                     "health=healthy",
                                     "--filter",
                                     fmt::format("label=com.docker.compose.service={}", service)};
        return !trim(machines_->run_inside(names_.stacks.front().server, words)).empty();
    };
    try {
        infisical_ran_ = healthy("infisical") && healthy("postgres");
    } catch (const Error&) {
        infisical_ran_ = false;
    }
    infisical_asked_ = std::chrono::steady_clock::now();
    return infisical_ran_;
}

std::string Lab::add_machine_fault(const std::string& machine, const std::string& what) {
    if (!machines_)
        throw lab_error("this lab has no machines of its own").fix("start it with --machines real");
    const auto ipv4 = machines_->ipv4_of(machine);
    if (ipv4.empty()) throw lab_error(fmt::format("there is no machine '{}'", machine));
    auto rule = relay_->rule(ipv4);
    if (what == "reboot") {
        machines_->reboot(machine);
    } else if (what == "kill") {
        machines_->power_off(machine);
        apis_->power_changed(machine, false);
    } else if (what == "start") {
        machines_->power_on(machine);
        apis_->power_changed(machine, true);
    } else if (what == "cut") {
        rule.cut = true;
        set_path_rule(ipv4, rule);
    } else if (what == "reset") {
        rule.reset = true;
        set_path_rule(ipv4, rule);
    } else if (what == "disk-full") {
        machines_->fill(machine, true);
    } else {
        throw no_such_fault(what);
    }
    return fmt::format("{}: {}", machine, what);
}

std::string Lab::add_box_fault(const std::string& what) {
    if (!box_) throw lab_error("this lab has no Storage Box of its own").fix("start it with --machines real");
    auto rule = relay_->rule("box");
    if (what == "full") {
        box_->fill(true);
    } else if (what == "busy") {
        rule.most_connections = 0;
    } else if (what == "slow") {
        rule.bytes_per_second = 1 << 20;
    } else if (what == "cut") {
        rule.cut = true;
    } else if (what.starts_with("cut-after=")) {
        rule.cut_after = parse_size(what.substr(10));
        if (!rule.cut_after) throw no_such_fault(what);
    } else {
        throw no_such_fault(what);
    }
    set_path_rule("box", rule);
    return "box: " + what;
}

std::string Lab::add_registry_fault(const std::string& what) {
    if (!registry_)
        throw lab_error("this lab has no registry of its own").fix("start it with --machines real");
    const std::map<std::string, RegistryFault> faults{{"hang", RegistryFault::hang},
                                                      {"401", RegistryFault::unauthorized},
                                                      {"429", RegistryFault::too_many_requests}};
    const auto found = faults.find(what);
    if (found == faults.end()) throw no_such_fault(what);
    registry_->set_fault(found->second);
    return "registry: " + what;
}

std::string Lab::set_service_health(const std::string& service, bool healthy) {
    if (!machines_ || names_.stacks.empty()) throw lab_error("this lab has no services of its own");
    machines_->run_inside(names_.stacks.front().server, {"sh", "-c", health_script(service, healthy)});
    sick_services_[service] = !healthy;
    return fmt::format("{}: {}", service, healthy ? "healthy" : "unhealthy");
}

std::string Lab::add_fault(const std::vector<std::string>& words) {
    if (words.empty()) throw no_such_fault("");
    const auto value_of = [&](std::string_view key) { return words[0].substr(key.size()); };
    const auto second = words.size() > 1 ? words[1] : "";
    if (words[0].starts_with("machine=")) return add_machine_fault(value_of("machine="), second);
    if (words[0].starts_with("service=")) {
        if (second != "unhealthy" && second != "healthy") throw no_such_fault(second);
        return set_service_health(value_of("service="), second == "healthy");
    }
    if (words[0] == "box") return add_box_fault(second);
    if (words[0] == "registry") return add_registry_fault(second);
    return std::to_string(apis_->add_fault(parse_fault(words)));
}

std::string Lab::list_faults() const {
    std::string text;
    for (const auto& fault : apis_->faults()) text += fmt::format("{} {}\n", fault.number, to_text(fault));
    return text;
}

void Lab::clear_faults(std::optional<int> number) {
    apis_->clear_faults(number);
    if (number) return;
    for (const auto& [name, ports] : paths_) set_path_rule(name, {});
    if (registry_) registry_->set_fault(RegistryFault::none);
    if (box_) box_->fill(false);
    if (!machines_) return;
    for (const auto& server : names_.servers)
        if (server.provider == "hetzner" && machines_->running(server.name))
            machines_->fill(server.name, false);
    for (const auto& [service, sick] : std::map(sick_services_))
        if (sick) set_service_health(service, true);
}

Json Lab::answer(const Json& request) {
    const auto what = string_or(request, "do");
    const auto words = request.value("words", std::vector<std::string>());
    std::string text;
    if (what == "fault-add") {
        text = add_fault(words);
    } else if (what == "fault-list") {
        text = list_faults();
    } else if (what == "fault-clear") {
        clear_faults(words.empty() ? std::nullopt : std::optional(std::atoi(words[0].c_str())));
    } else if (what == "seed") {
        apis_->seed(request.value("records", std::size_t{0}),
                    request.value("secrets", std::size_t{0}),
                    request.value("servers", std::size_t{0}));
    } else if (what == "destroy-server") {
        if (words.size() != 1 || !apis_->destroy_server(words[0]))
            throw lab_error(fmt::format("Hetzner has no server '{}'", words.empty() ? "" : words[0]));
    } else {
        throw Error(errors::usage, fmt::format("the lab can't '{}'", what));
    }
    return {{"ok", true}, {"text", text}};
}

}  // namespace kavi::lab

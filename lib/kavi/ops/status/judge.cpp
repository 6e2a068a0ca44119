#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/status/backups.hpp>
#include <kavi/ops/status/status.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::ops {

namespace {

const Json& part(const Json& facts, const char* name) {
    static const Json nothing = Json::object();
    const auto found = facts.find(name);
    return found != facts.end() && found->is_object() ? *found : nothing;
}

std::int64_t number(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

bool truth(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
}

class Judge {
  public:
    Judge(const model::LoadedEstate& loaded, const StatusObservation& seen) : loaded_(loaded), seen_(seen) {}

    StatusReport report() {
        for (const auto& [name, server] : loaded_.estate.servers) add(server_check(server));
        for (const auto& service : model::placed_services(loaded_)) add(service_check(service));
        for (const auto& [name, domain] : loaded_.estate.domains) add(domain_check(domain));
        for (const auto& [name, server] : loaded_.estate.servers)
            for (const auto& storage : server.mounts) add(mount_check(server, storage));
        for (auto& check : backup_checks(loaded_, seen_)) add(std::move(check));
        return std::move(report_);
    }

  private:
    void add(Check check) { report_.checks.push_back(std::move(check)); }

    Check server_check(const model::Server& server) const {
        Check check{.kind = "server", .name = server.name, .verdict = Verdict::ok, .text = {}, .next = {}};
        if (const auto silent = seen_.silent.find(server.name); silent != seen_.silent.end()) {
            const auto& error = silent->second;
            check.verdict = error.code() == errors::ssh_unreachable ? Verdict::down : Verdict::unknown;
            check.text = error.causes().empty() ? error.message() : fmt::format("{}: {}", error.message(), error.causes().front());
            check.next = error.advice();
            return check;
        }
        const auto& machine = part(seen_.hosts.at(server.name), "machine");
        const auto size = number(machine, "disk_size"), free = number(machine, "disk_free");
        check.text = fmt::format("{}, disk {} % free", string_or(machine, "os_name", "?"), size > 0 ? free * 100 / size : 0);
        if (size > 0 && free * 100 / size < 10) {
            check.verdict = Verdict::degraded;
            check.next = fmt::format("kavi server clean {}", server.name);
        }
        if (truth(machine, "reboot_required")) {
            check.verdict = Verdict::degraded;
            check.text += ", wants a reboot";
        }
        return check;
    }

    Check service_check(const model::PlacedService& service) const {
        Check check{.kind = "service", .name = service.name, .verdict = Verdict::unknown, .text = {}, .next = {}};
        const auto host = seen_.hosts.find(service.server);
        if (host == seen_.hosts.end()) {
            check.text = fmt::format("{} couldn't be asked", service.server);
            return check;
        }
        if (service.stack) judge_container(check, host->second, loaded_.estate.stacks.at(*service.stack).project);
        if (service.settings.probe && service.settings.probe->asked_on_server() && check.verdict != Verdict::down)
            judge_probe(check, host->second);
        else if (!service.stack) check.text = "no probe is declared";
        if (check.verdict == Verdict::down && service.stack) check.next = fmt::format("kavi logs {}", service.name);
        return check;
    }

    static void judge_container(Check& check, const Json& facts, const std::string& project) {
        const auto containers = part(facts, "docker").find("containers");
        check.verdict = Verdict::down;
        check.text = "there is no container";
        if (containers == part(facts, "docker").end() || !containers->is_array()) {
            check.verdict = Verdict::unknown;
            check.text = "the Docker engine doesn't answer";
            return;
        }
        for (const auto& container : *containers) {
            if (string_or(container, "project") != project || string_or(container, "service") != check.name) continue;
            const auto state = string_or(container, "state"), health = string_or(container, "health");
            check.text = health.empty() || health == "none" ? state : fmt::format("{}, {}", state, health);
            if (state == "running" && (health == "healthy" || health.empty() || health == "none")) check.verdict = Verdict::ok;
            else if (state == "running" && health == "starting") check.verdict = Verdict::degraded;
            else if (state != "running") check.text += fmt::format(", exit code {}", number(container, "exit_code"));
            if (number(container, "restarts") > 0) check.text += fmt::format(", {} restarts", number(container, "restarts"));
            return;
        }
    }

    static void judge_probe(Check& check, const Json& facts) {
        const auto& probes = part(facts, "probes");
        const auto found = probes.find(check.name);
        if (found == probes.end()) return;
        const auto text = printable(string_or(*found, "text"));
        const bool ok = truth(*found, "ok");
        check.text += fmt::format("{}{}{}", check.text.empty() ? "" : "; ", ok ? "" : "probe: ", text);
        if (!ok) check.verdict = Verdict::down;
        else if (check.verdict == Verdict::unknown) check.verdict = Verdict::ok;
    }

    Check domain_check(const model::Domain& domain) const {
        Check check{.kind = "domain", .name = domain.name, .verdict = Verdict::unknown, .text = {}, .next = {}};
        const auto found = seen_.edge.find(domain.name);
        if (found == seen_.edge.end()) return check;
        const auto& answer = found->second;
        const auto* by = domain.proxied ? "edge" : "origin";
        if (!answer.status) {
            check.verdict = Verdict::down;
            check.text = fmt::format("{}: {}", by, answer.why_not);
        } else {
            check.verdict = *answer.status >= 500 ? Verdict::down : Verdict::ok;
            check.text = fmt::format("{} answers {} in {} ms", by, *answer.status, answer.took.count());
        }
        return check;
    }

    Check mount_check(const model::Server& server, const std::string& storage) const {
        Check check{.kind = "storage", .name = storage, .verdict = Verdict::unknown, .text = {}, .next = {}};
        const auto found = loaded_.estate.storages.find(storage);
        const auto host = seen_.hosts.find(server.name);
        if (found == loaded_.estate.storages.end() || !found->second.mount || host == seen_.hosts.end()) {
            check.text = fmt::format("{} couldn't be asked", server.name);
            return check;
        }
        const auto& at = found->second.mount->at;
        const auto& mounts = part(host->second, "mounts");
        const auto mount = mounts.find(at);
        const bool mounted = mount != mounts.end() && truth(*mount, "mounted");
        check.verdict = mounted ? Verdict::ok : Verdict::down;
        check.text = fmt::format("{} on {} {}", at, server.name, mounted ? "is mounted" : "isn't mounted");
        if (mounted && truth(*mount, "hangs")) {
            check.verdict = Verdict::down;
            check.text += " but hangs";
        } else if (mounted && !truth(*mount, "sentinel")) {
            check.verdict = Verdict::degraded;
            check.text += ", without kavi's mark in it";
        }
        return check;
    }

    const model::LoadedEstate& loaded_;
    const StatusObservation& seen_;
    StatusReport report_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
    constexpr std::array names{"ok", "degraded", "down", "unknown"};
    return names[static_cast<std::size_t>(verdict)];
}

Verdict StatusReport::worst() const {
    const auto has = [&](Verdict verdict) { return std::ranges::find(checks, verdict, &Check::verdict) != checks.end(); };
    for (const auto verdict : {Verdict::down, Verdict::unknown, Verdict::degraded})
        if (has(verdict)) return verdict;
    return Verdict::ok;
}

int StatusReport::count(std::string_view kind) const {
    return static_cast<int>(std::ranges::count(checks, kind, &Check::kind));
}

int StatusReport::good(std::string_view kind) const {
    return static_cast<int>(std::ranges::count_if(checks, [&](const Check& check) {
        return check.kind == kind && (check.verdict == Verdict::ok || check.verdict == Verdict::degraded);
    }));
}

int StatusReport::well(std::string_view kind) const {
    return static_cast<int>(std::ranges::count_if(
        checks, [&](const Check& check) { return check.kind == kind && check.verdict == Verdict::ok; }));
}

StatusReport judge_status(const model::LoadedEstate& loaded, const StatusObservation& seen) {
    return Judge(loaded, seen).report();
}

StatusReport only(const StatusReport& report, std::span<const std::string> names) {
    StatusReport chosen;
    for (const auto& name : names) {
        const auto before = chosen.checks.size();
        std::ranges::copy_if(report.checks, std::back_inserter(chosen.checks), [&](const Check& check) { return check.name == name; });
        if (chosen.checks.size() > before) continue;
        std::vector<std::string> known;
        for (const auto& check : report.checks) known.push_back(check.name);
        Error error(errors::unknown_name, fmt::format("status knows nothing called {}", printable(name)));
        if (const auto near = nearest(name, known)) error.fix(fmt::format("did you mean {}?", *near));
        throw error;
    }
    return chosen;
}

OrderedJson to_json(const StatusReport& report) {
    auto checks = OrderedJson::array();
    for (const auto& check : report.checks)
        checks.push_back({{"kind", check.kind}, {"name", check.name}, {"verdict", name_of(check.verdict)}, {"text", check.text}, {"next", check.next}});
    return {{"verdict", name_of(report.worst())}, {"checks", std::move(checks)}};
}

}  // namespace kavi::ops

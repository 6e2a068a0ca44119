#include "../backup_access.hpp"
#include "../estate_session.hpp"
#include "../render/status.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/servers/observe.hpp>
#include <kavi/ops/status/status.hpp>

#include <algorithm>
#include <ctime>
#include <memory>

namespace kavi::app {

namespace {

struct StatusOptions {
    std::vector<std::string> things;
    bool all = false;
    std::string fail_on = "down";
};

/// Learns the addresses and host keys of Hetzner's servers; servers that can't be asked get their reason.
std::map<std::string, Error> learn_servers(EstateSession& estate, std::stop_token stop) {
    std::map<std::string, Error> unknown;
    const auto names = ops::hetzner_servers(estate.estate(), {});
    if (names.empty()) return unknown;
    try {
        const auto seen = ops::observe_hetzner(estate.estate(), names, estate.hetzner(), stop);
        const auto pin = estate.secrets().vault.key("pin");
        const auto managed = ops::managed_servers(estate.estate(), names, seen, pin.key);
        for (const auto& [name, server] : managed) estate.facts().learn(name, ops::facts_of(server));
        for (const auto& name : names)
            if (!managed.contains(name))
                unknown.emplace(name, Error(errors::ssh_unreachable, "isn't there").fix("kavi deploy " + name));
    } catch (const Error& error) {
        for (const auto& name : names) unknown.emplace(name, error);
    }
    return unknown;
}

/// The newest manifests of each server are enough, unless an item has been failing for longer.
std::vector<ops::BackupAge> backup_ages(BackupAccess& access, const std::string& store, const std::string& server) {
    constexpr std::size_t enough = 3;
    const auto items = access.items(server);
    const auto catalog = access.catalog(store, server, enough);
    auto ages = ops::backup_ages(catalog, items);
    const bool missing = std::ranges::any_of(ages, [](const auto& age) { return !age.newest; });
    return missing && !catalog.unread.empty() ? ops::backup_ages(access.catalog(store, server), items) : ages;
}

void look_at_backups(EstateSession& estate, Session& session, ops::StatusObservation& seen) {
    BackupAccess access(session, estate);
    seen.now = access.now();
    for (const auto& store : estate.estate().backup.stores) {
        try {
            for (const auto& server : access.servers({})) {
                auto ages = backup_ages(access, store, server);
                seen.backups.insert(seen.backups.end(), ages.begin(), ages.end());
            }
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            seen.silent_stores.emplace(store, error);
        }
    }
}

std::string local_clock(std::chrono::system_clock::time_point now) {
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[8];
    return std::strftime(text, sizeof text, "%H:%M", &parts) > 0 ? text : "";
}

Exit exit_of(const ops::StatusReport& report, std::string_view fail_on) {
    switch (report.worst()) {
        case ops::Verdict::ok: return Exit::ok;
        case ops::Verdict::degraded: return fail_on == "degraded" ? Exit::unhealthy : Exit::ok;
        default: return Exit::unhealthy;
    }
}

Result status(const StatusOptions& options, Session& session) {
    EstateSession estate(session, "kavi status");
    const auto began = session.clock.steady();
    auto unknown = learn_servers(estate, session.stop);
    auto seen = ops::observe_status(estate.loaded(),
                                          std::move(unknown),
                                          {.hosts = estate.hosts(), .http = estate.network().plain_http(), .clock = session.clock},
                                          session.stop);
    look_at_backups(estate, session, seen);
    auto report = ops::judge_status(estate.loaded(), seen);
    if (!options.things.empty()) report = ops::only(report, options.things);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(session.clock.steady() - began);
    const bool all = options.all || !options.things.empty();
    return {.exit = exit_of(report, options.fail_on),
            .text = status_text(report, all, took, local_clock(session.clock.now()), session.output.out()),
            .data = ops::to_json(report)};
}

}  // namespace

Run define_status(Arguments& arguments) {
    auto options = std::make_shared<StatusOptions>();
    arguments.positional("THING", options->things, "servers, services, domains, storages (default: all)").completes(Names::target);
    arguments.flag("--all", options->all, "show what is well, too");
    arguments.option("--fail-on", "VERDICT", options->fail_on, "exit 8 from this verdict on").one_of({"down", "degraded"}).otherwise("down");
    return [options](Session& session) { return status(*options, session); };
}

}  // namespace kavi::app

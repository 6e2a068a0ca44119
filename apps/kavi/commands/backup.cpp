#include "../estate_copies.hpp"
#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "../restore_access.hpp"
#include "commands.hpp"

#include <kavi_version.hpp>

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent_install/plan.hpp>
#include <kavi/ops/backup/copies.hpp>
#include <kavi/ops/backup/run.hpp>
#include <kavi/ops/backup/schedule.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

namespace kavi::app {

namespace {

struct BackupOptions {
    std::vector<std::string> items;
    std::optional<std::string> server;
    bool accept_smaller = false;
    ChangeOptions change;
};

/// What a server says of its backups, asked with one exec.
ops::BackupHostState ask_server(const std::string& server, EstateSession& estate, RestoreAccess& access, std::stop_token stop) {
    access.learn(server);
    auto parts = ops::agent_facts_parts(estate.loaded(), server);
    parts.update(ops::backup_facts_parts(estate.loaded(), server));
    return ops::backup_host_state(estate.hosts().at(server, stop).call({.name = "facts", .parameters = {{"parts", parts}}}, stop));
}

std::vector<std::string> servers_of(const BackupAccess& backups, const std::vector<std::string>& items, const std::optional<std::string>& only) {
    auto all = backups.servers(items);
    if (!only) return all;
    require_name("server with backups", *only, all);
    return {*only};
}

class Backup {
  public:
    Backup(const BackupOptions& options, Session& session)
        : options_(options),
          session_(session),
          estate_(session, "kavi backup", options.change.lock_wait.value_or(std::chrono::milliseconds(0))),
          backups_(session, estate_),
          access_(session, estate_, backups_) {}

    Result run() {
        for (const auto& server : servers_of(backups_, options_.items, options_.server)) plan_server(server);
        const auto progress = make_progress(session_.output, session_.clock);
        ops::BackupRunHandler handler(
            {.host_at = [this](const std::string& server, std::stop_token stop) -> host::Host& { return estate_.hosts().at(server, stop); },
             .clock = session_.clock,
             .on_progress = [&](const plan::Action& action, std::string_view doing) { progress->progress(action, doing); }});
        const run::Handlers handlers{{"backup-run", &handler}};
        auto result = change(session_,
                             options_.change,
                             {.command = "Back up",
                              .headline = fmt::format("estate {} · backup", estate_.estate().name),
                              .nothing = "nothing to back up",
                              .plan = plan_,
                              .handlers = handlers,
                              .listener = *progress,
                              .record = estate_.record(),
                              .question = false});
        finish(handler.results(), result);
        return result;
    }

  private:
    void plan_server(const std::string& server) {
        const auto state = ask_server(server, estate_, access_, session_.stop);
        if (!state.agent || state.signing_key.empty()) {
            Error error(errors::backup_failed, fmt::format("{} can't be backed up yet", server));
            throw error.because(state.agent ? "it has no keys for backups" : "kavi's executable isn't on it").fix(fmt::format("kavi deploy {}", server));
        }
        const auto request = ops::host_request({.loaded = estate_.loaded(),
                                                .vault = estate_.secrets().vault,
                                                .kavi = KAVI_VERSION,
                                                .sealed_sequence = estate_.access().sealed_sequence()},
                                               server);
        plan_.actions.push_back(ops::plan_backup_run({.server = server,
                                                      .request = request,
                                                      .items = items_of(server),
                                                      .accept_smaller = options_.accept_smaller,
                                                      .reason = last_one(server)}));
    }

    /// Those that were named and are on the server.
    std::vector<std::string> items_of(const std::string& server) const {
        std::vector<std::string> items;
        const auto there = backups_.items(server);
        std::ranges::copy_if(there, std::back_inserter(items), [&](const auto& name) {
            return std::ranges::find(options_.items, name) != options_.items.end();
        });
        return items;
    }

    std::string last_one(const std::string& server) {
        const auto stores = ops::host_stores(estate_.estate());
        if (stores.empty()) throw Error(errors::config_invalid, "no store of [backup] is one that servers write themselves");
        const auto catalog = backups_.catalog(stores.front(), server, 1);
        if (catalog.runs.empty()) return "the first one";
        const auto& newest = catalog.runs.front();
        const auto& artefacts = newest.manifest.artefacts;
        const auto bytes = std::accumulate(artefacts.begin(), artefacts.end(), std::uint64_t{0}, [](auto sum, const auto& one) { return sum + one.bytes; });
        return fmt::format("last one {} ago, {}", ops::age_text(backups_.now() - newest.time), ops::size_text(bytes));
    }

    void finish(const std::map<std::string, ops::BackupRunResult>& results, Result& result) {
        auto runs = OrderedJson::object();
        bool some = false;
        for (const auto& [server, one] : results) {
            runs[server] = tell(server, one, result);
            some = some || !one.stored.empty();
        }
        if (runs.empty()) return;
        result.data["backups"] = std::move(runs);
        if (result.exit != Exit::ok && result.exit != Exit::interrupted && some) result.exit = Exit::partial;
        if (!some || session_.stop.stop_requested()) return;
        for (const auto& [server, one] : results) copy_to_others(server, result);
        if (const auto line = keep_estate_copy(session_, estate_, backups_)) result.text += fmt::format("  {}\n", *line);
    }

    static OrderedJson tell(const std::string& server, const ops::BackupRunResult& one, Result& result) {
        auto stored = OrderedJson::array();
        result.text += fmt::format("  {}: run {}, {} in {}\n", server, one.run, ops::size_text(one.bytes()), duration_text(one.took));
        for (const auto& file : one.stored) {
            const auto name = file.part.empty() ? file.item : fmt::format("{}/{}", file.item, file.part);
            result.text += fmt::format("    {}: {}, stored as {}\n", name, ops::size_text(file.plain_bytes), ops::size_text(file.bytes));
            stored.push_back({{"item", file.item}, {"part", file.part}, {"bytes", file.bytes}, {"plain_bytes", file.plain_bytes}});
        }
        for (const auto& warning : one.warnings) result.text += fmt::format("    note: {}\n", warning);
        return {{"run", one.run}, {"stored", std::move(stored)}, {"problems", one.problems}, {"warnings", one.warnings}, {"ms", one.took.count()}};
    }

    /// What servers can't write themselves gets its copy from here.
    void copy_to_others(const std::string& server, Result& result) {
        const auto& estate = estate_.estate();
        for (const auto& name : ops::copied_stores(estate)) {
            try {
                auto& from = backups_.store(ops::host_stores(estate).front());
                auto& to = backups_.store(name, StoreUse::prune);
                const auto catalog = backups_.catalog(ops::host_stores(estate).front(), server);
                const auto copies = ops::plan_copies(catalog, to.list(ops::backup_folder(estate.name, server)));
                for (const auto& copy : copies)
                    ops::copy_run(from, to, copy, [](const ops::FileCopy&, std::uint64_t) {}, session_.stop);
                if (!copies.empty()) result.text += fmt::format("  {} run{} of {} copied to {}\n", copies.size(), copies.size() == 1 ? "" : "s", server, name);
            } catch (const Error& error) {
                if (error.code() == errors::interrupted) throw;
                result.errors.push_back(Error(error).while_doing(fmt::format("copying the backups of {} to {}", server, name)));
                result.exit = Exit::partial;
            }
        }
    }

    const BackupOptions& options_;
    Session& session_;
    EstateSession estate_;
    BackupAccess backups_;
    RestoreAccess access_;
    plan::Plan plan_;
};

/// When servers back up by themselves.
class Schedule {
  public:
    explicit Schedule(Session& session) : session_(session), estate_(session, "kavi backup schedule"), backups_(session, estate_), access_(session, estate_, backups_) {}

    Result run(const std::optional<std::string>& only) {
        const auto& estate = estate_.estate();
        Result result{.text = fmt::format("{} ({})\n", estate.backup.schedule, estate.timezone), .data = {{"schedule", estate.backup.schedule}, {"timezone", estate.timezone}, {"servers", OrderedJson::object()}}};
        for (const auto& server : servers_of(backups_, {}, only)) tell(server, result);
        return result;
    }

  private:
    void tell(const std::string& server, Result& result) {
        try {
            tell_state(server, ask_server(server, estate_, access_, session_.stop), result);
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            result.text += fmt::format("  {}: it can't be asked\n", server);
            result.errors.push_back(error);
            result.exit = Exit::unhealthy;
        }
    }

    void tell_state(const std::string& server, const ops::BackupHostState& state, Result& result) {
        const bool well = state.agent && state.scheduled;
        const bool failed = !state.result.empty() && state.result != "success";
        if (!well || failed) result.exit = Exit::unhealthy;
        std::string line = well ? state.next ? fmt::format("next {}", time_text(*state.next)) : std::string("its timer says no next time") : std::string("not scheduled: kavi deploy ") + server;
        if (state.running) line += "; a backup is under way";
        if (state.last) line += fmt::format("; last {}", time_text(*state.last));
        if (failed) line += fmt::format(", which failed ({}): journalctl -u kavi-backup.service there says why", state.result);
        else if (state.ended) line += ", which went well";
        result.text += fmt::format("  {}: {}\n", server, line);
        result.data["servers"][server] = {{"scheduled", well},
                                          {"next", state.next ? OrderedJson(iso8601(*state.next)) : OrderedJson(nullptr)},
                                          {"last", state.last ? OrderedJson(iso8601(*state.last)) : OrderedJson(nullptr)},
                                          {"result", state.result},
                                          {"running", state.running}};
    }

    std::string time_text(std::chrono::sys_seconds time) { return ops::local_text(time, backups_.zone()); }

    Session& session_;
    EstateSession estate_;
    BackupAccess backups_;
    RestoreAccess access_;
};

}  // namespace

Run define_backup(Arguments& arguments) {
    auto options = std::make_shared<BackupOptions>();
    arguments.positional("ITEM", options->items, "items of [backup.items] (default: all)").completes(Names::item);
    arguments.option("--server", "SERVER", options->server, "of this server alone").completes(Names::server);
    arguments.flag("--accept-smaller", options->accept_smaller, "a dump may be less than half of the last one");
    declare(arguments, options->change);
    return [options](Session& session) { return Backup(*options, session).run(); };
}

Run define_backup_schedule(Arguments& arguments) {
    auto server = std::make_shared<std::optional<std::string>>();
    arguments.option("--server", "SERVER", *server, "of this server alone").completes(Names::server);
    return [server](Session& session) { return Schedule(session).run(*server); };
}

}  // namespace kavi::app

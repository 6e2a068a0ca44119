#include "../estate_copies.hpp"
#include "../estate_source.hpp"
#include "../portable.hpp"
#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "../restore_access.hpp"
#include "commands.hpp"
#include "recover_check.hpp"
#include "secrets_sealing.hpp"

#include <kavi_version.hpp>

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/run.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/deploy/checkout.hpp>
#include <kavi/ops/deploy/deploy.hpp>
#include <kavi/ops/recover/image_fallback.hpp>
#include <kavi/ops/recover/plan.hpp>
#include <kavi/ops/recover/timeline.hpp>
#include <kavi/ops/restore/handler.hpp>
#include <kavi/ops/servers/lifecycle.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct RecoverOptions {
    std::string server;
    std::optional<std::string> at, from;
    EstateSource source;
    bool check = false;
    bool no_last_copy = false;
    ChangeOptions change;
};

/// One recovery, from what is left to what came of it.
class Recovery {
  public:
    Recovery(const RecoverOptions& options, Session& session)
        : options_(options),
          session_(session),
          estate_(session,
                  "kavi recover " + options.server,
                  options.change.lock_wait.value_or(std::chrono::milliseconds(0)),
                  options.change.confirm),
          backups_(session, estate_),
          access_(session, estate_, backups_),
          scope_(scope_of_server()) {}

    Result run() {
        observe();
        if (!unfinished_) last_copy();
        observe_backups();
        const auto plan = planned();
        const auto progress = make_progress(session_.output, session_.clock);
        ops::Timeline timeline(*progress, session_.clock);
        ops::ImageFile images(estate_.record().folder / "dns.jsonl");
        const auto used = tools();
        const ops::DeployHandlers handlers({.loaded = estate_.loaded(),
                                            .tools = used,
                                            .vault = estate_.secrets().vault,
                                            .listener = timeline,
                                            .images = images,
                                            .who = estate_.record().who,
                                            .commit = checkout_.commit.value_or(""),
                                            .digest = plan::digest(plan)});
        ops::RestoreHandler restore(access_.tools(timeline));
        auto all = handlers.all();
        all.emplace("restore", &restore);
        ops::PullOrLoad pull(*all.at("pull"), restore, archives());
        all["pull"] = &pull;
        auto result = change(session_,
                             options_.change,
                             {.command = "Recover",
                              .headline = headline(),
                              .nothing = fmt::format("nothing of {} has to be recovered", options_.server),
                              .plan = plan,
                              .handlers = all,
                              .listener = timeline,
                              .record = estate_.record(),
                              .before_apply = [&] { estate_.secrets().allow_change(); },
                              .question = false});
        if (timeline.spans().empty()) return result;
        tell_times(result, timeline, restore);
        if (result.exit == Exit::ok) keep_copies(handlers.signing_keys(), result);
        return result;
    }

  private:
    ops::Scope scope_of_server() const {
        const auto& servers = estate_.estate().servers;
        std::vector<std::string> names;
        for (const auto& [name, server] : servers)
            if (server.provider == model::Server::Provider::hetzner) names.push_back(name);
        require_name("server that kavi makes", options_.server, names);
        const std::vector<std::string> only{options_.server};
        return ops::deploy_scope(estate_.loaded(), only);
    }

    ops::DeployTools tools() {
        return {.cloud = &estate_.hetzner(),
                .cloudflare = seen_.dns.empty() ? nullptr : &estate_.cloudflare(),
                .hosts = estate_.hosts(),
                .facts = estate_.facts(),
                .clock = session_.clock,
                .connector = &estate_.network().ssh()};
    }

    void observe() {
        const auto& estate = estate_.estate();
        const std::vector<std::string> names{options_.server};
        checkout_ = ops::look_at_checkout(estate.folder, session_.stop);
        for (const auto& name : scope_.stacks)
            files_.emplace(name, ops::read_stack_files(estate, estate.stacks.at(name), session_.stop));
        seen_.hetzner = ops::observe_hetzner(estate, names, estate_.hetzner(), session_.stop);
        if (seen_.hetzner.server(options_.server))
            ops::observe_offers(estate, names, seen_.hetzner, estate_.hetzner(), session_.stop);
        look_inside();
        observe_zones();
        agent_ = portable_executable(session_.environment, session_.stop);
    }

    /// A server that a cut recovery has made is gone on with.
    void look_inside() {
        const auto* server = seen_.hetzner.server(options_.server);
        if (!server || server->status == "off") return;
        try {
            const auto pin = estate_.secrets().vault.key("pin");
            auto seen = ops::observe_deploy(estate_.loaded(), scope_, pin.key, tools(), session_.stop);
            unfinished_ = ops::is_unfinished(estate_.loaded(), options_.server, seen);
            if (unfinished_) {
                seen_ = std::move(seen);
                return;
            }
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            session_.output.talk(fmt::format("{}: {}", options_.server, error.message()));
        }
        estate_.hosts().close(options_.server);
        estate_.facts().forget(options_.server);
    }

    /// Of a server that still answers: what was written since its last backup is not to be lost. Nothing where only the
    /// plan is wanted.
    void last_copy() {
        const auto* server = seen_.hetzner.server(options_.server);
        if (!server || server->status == "off" || options_.no_last_copy) return;
        if (options_.change.dry_run) {
            notes_.push_back(fmt::format("while {} still answers, a last copy of its data is taken first", options_.server));
            return;
        }
        try {
            back_up_once_more();
        } catch (Error& error) {
            if (error.code() == errors::interrupted || error.code() == errors::ssh_unreachable) {
                if (error.code() == errors::interrupted) throw;
                session_.output.talk(fmt::format("{} doesn't answer: {}", options_.server, error.message()));
                return;
            }
            throw Error(error)
                .while_doing(fmt::format("the last copy of {} failed", options_.server))
                .fix("--no-last-copy goes on with the newest backup; what was written since is lost then");
        }
    }

    void back_up_once_more() {
        access_.learn(options_.server);
        auto parts = ops::agent_facts_parts(estate_.loaded(), options_.server);
        parts.update(ops::backup_facts_parts(estate_.loaded(), options_.server));
        auto& host = estate_.hosts().at(options_.server, session_.stop);
        const auto state = ops::backup_host_state(host.call({.name = "facts", .parameters = {{"parts", parts}}}, session_.stop));
        if (!state.agent || state.signing_key.empty())
            throw Error(errors::backup_failed, "it answers, and isn't set up for backups");
        const auto request = ops::host_request({.loaded = estate_.loaded(),
                                                .vault = estate_.secrets().vault,
                                                .kavi = KAVI_VERSION,
                                                .sealed_sequence = estate_.access().sealed_sequence()},
                                               options_.server);
        const auto action = ops::plan_backup_run({.server = options_.server, .request = request, .reason = "last copy"});
        const auto progress = make_progress(session_.output, session_.clock);
        ops::BackupRunHandler handler(
            {.host_at = [&](const std::string&, std::stop_token) -> host::Host& { return host; },
             .clock = session_.clock,
             .on_progress = [&](const plan::Action& one, std::string_view doing) { progress->progress(one, doing); }});
        const plan::Action* const batch[] = {&action};
        progress->started(action);
        const auto began = session_.clock.steady();
        handler.apply(batch, session_.stop);
        progress->finished(action, std::chrono::duration_cast<std::chrono::milliseconds>(session_.clock.steady() - began), false);
        last_copy_ = handler.results().at(options_.server).run;
        estate_.hosts().close(options_.server);
        estate_.facts().forget(options_.server);
    }

    /// Names can wait: that they can't be looked at now must not keep services down.
    void observe_zones() {
        if (estate_.estate().zones.empty()) return;
        try {
            seen_.dns = ops::observe_dns(estate_.cloudflare(), ops::zone_questions(estate_.estate(), {}), session_.stop);
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            session_.output.warn(fmt::format("DNS is left for later (kavi dns sync): {}", error.message()));
        }
    }

    /// From the first store that answers.
    void observe_backups() {
        const auto wanted = options_.from && !is_estate_source(*options_.from) ? options_.from : std::nullopt;
        const auto stores = backups_.stores(wanted);
        for (const auto& store : stores) {
            try {
                catalog_ = backups_.catalog(store, options_.server);
                require_last_copy();
                return;
            } catch (const Error& error) {
                if (error.code() == errors::interrupted || store == stores.back()) throw;
                session_.output.warn(fmt::format("store {} is passed over: {}", store, error.message()));
            }
        }
    }

    /// The server isn't given up for an older backup than the copy that was just taken.
    void require_last_copy() const {
        if (last_copy_.empty() || catalog_.find(last_copy_) != nullptr) return;
        Error error(errors::backup_untrusted, fmt::format("the last copy of {} can't be used", options_.server));
        for (const auto& refused : catalog_.refused)
            if (refused.run == last_copy_) error.because(refused.why.message());
        throw error.fix(fmt::format("'kavi deploy {}' lets the sealed copy know the server's key; then run the same command again", options_.server));
    }

    plan::Plan planned() {
        ops::RecoveryParts parts{.loaded = estate_.loaded(), .server = options_.server, .unfinished = unfinished_};
        if (!unfinished_) parts.destroy = ops::plan_destroy(estate_.estate(), options_.server, seen_.hetzner);
        const auto lost = unfinished_ ? seen_ : ops::without_server(seen_, options_.server);
        parts.deploy = ops::plan_deploy({.loaded = estate_.loaded(),
                                         .scope = scope_,
                                         .vault = estate_.secrets().vault,
                                         .seen = lost,
                                         .files = files_,
                                         .facts = estate_.facts(),
                                         .now = session_.clock.now(),
                                         .agent = agent_ ? &*agent_ : nullptr,
                                         .kavi = KAVI_VERSION,
                                         .sealed_sequence = estate_.access().sealed_sequence()})
                           .plan;
        parts.restores = restores();
        auto plan = ops::plan_recovery(std::move(parts));
        plan.notes.insert(plan.notes.end(), notes_.begin(), notes_.end());
        return plan;
    }

    std::vector<plan::Action> restores() {
        const auto now = backups_.now();
        const auto when = options_.at ? ops::parse_when(*options_.at, now, backups_.zone()) : ops::When{};
        const auto elsewhere = ops::items_elsewhere(estate_.loaded(), options_.server);
        std::vector<plan::Action> all;
        for (const auto& place : ops::item_places(estate_.loaded(), options_.server)) {
            if (std::ranges::find(elsewhere, place.item) != elsewhere.end()) {
                notes_.push_back(fmt::format("{} lies on a mount, which outlives {}: left as it is", place.item, options_.server));
                continue;
            }
            try {
                auto some = ops::plan_restore({.loaded = estate_.loaded(),
                                               .catalog = catalog_,
                                               .server = options_.server,
                                               .wishes = {{.item = place.item}},
                                               .at = when.at,
                                               .run = when.run,
                                               .now = now,
                                               .fresh = true});
                std::ranges::move(some, std::back_inserter(all));
                note_age(place.item, when, now);
            } catch (const Error& error) {
                if (error.code() != errors::backup_missing) throw;
                notes_.push_back(fmt::format("{} comes back empty: {}", place.item, error.message()));
            }
        }
        if (all.empty()) refuse_without_backups();
        note_refused();
        return all;
    }

    /// A newer run that isn't believed must not be passed over in silence.
    void note_refused() {
        for (const auto& refused : catalog_.refused) {
            const auto time = ops::run_time(refused.run);
            if (!oldest_ || (time && *time >= *oldest_))
                notes_.push_back(fmt::format("NOT USED: run {}: {}", refused.run, refused.why.message()));
        }
    }

    /// The images that were backed up, for when a registry is gone.
    std::vector<plan::Action> archives() {
        try {
            return ops::plan_restore({.loaded = estate_.loaded(),
                                      .catalog = catalog_,
                                      .server = options_.server,
                                      .wishes = {{.item = "images"}},
                                      .now = backups_.now(),
                                      .fresh = true});
        } catch (const Error& error) {
            if (error.code() != errors::backup_missing) throw;
            return {};
        }
    }

    void note_age(const std::string& item, const ops::When& when, std::chrono::sys_seconds now) {
        const auto chosen = when.run.empty() ? ops::choose(catalog_, item, {}, when.at) : ops::choose_run(catalog_, when.run, item);
        if (!oldest_ || chosen.run->time < *oldest_) oldest_ = chosen.run->time;
        ages_.push_back(fmt::format("{} {} old", item, ops::age_text(now - chosen.run->time)));
    }

    void refuse_without_backups() const {
        if (!catalog_.refused.empty()) throw catalog_.refused.front().why;
        Error error(errors::backup_missing, fmt::format("store {} has no backup of {}", catalog_.store, options_.server));
        throw error.fix("'kavi backup list' shows what there is; to make the server without its data: kavi deploy " + options_.server);
    }

    std::string headline() {
        const auto* server = seen_.hetzner.server(options_.server);
        auto text = !server       ? fmt::format("Hetzner has no server {}.", options_.server)
                    : unfinished_ ? fmt::format("{} is there, its recovery was cut: it is gone on with.", options_.server)
                                  : fmt::format("{} is {} at Hetzner, and is made anew.", options_.server, server->status);
        text += fmt::format(" Data: {}; what was written since is lost.", join(ages_, ", "));
        return text + fmt::format(" Secrets from {}.", estate_.secrets().vault.description());
    }

    /// The new server signs its backups with a key of its own, which the sealed copy must name.
    void keep_copies(std::map<std::string, std::string> keys, Result& result) {
        for (const auto& [server, facts] : seen_.hosts)  // made by a run that was cut
            if (const auto key = ops::backup_host_state(facts).signing_key; !key.empty()) keys.try_emplace(server, key);
        const auto say = [&](const std::optional<std::string>& line) {
            if (line) result.text += fmt::format("  {}\n", *line);
        };
        say(refresh_copies(session_,
                           {.loaded = estate_.loaded(),
                            .access = estate_.access(),
                            .network = estate_.network(),
                            .backup_signers = std::move(keys)}));
        say(keep_estate_copy(session_, estate_, backups_));
    }

    static std::string clock_text(std::chrono::milliseconds time) {
        const auto seconds = time.count() / 1000;
        return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
    }

    void tell_times(Result& result, const ops::Timeline& timeline, const ops::RestoreHandler& restore) const {
        const auto times = ops::recovery_times(estate_.loaded(), options_.server, timeline.spans());
        std::string text;
        for (const auto& service : times.services)
            text += fmt::format("  tier {}  {:<20} {}\n", service.tier, service.service, service.after ? clock_text(*service.after) : "not back");
        std::uint64_t rows = 0;
        for (const auto& [id, restored] : restore.results()) rows += restored.rows;
        const auto critical = times.critical();
        text += fmt::format("  critical services: {} (target {})\n",
                            critical ? "back after " + duration_text(*critical) : "not all are back",
                            duration_text(times.target));
        text += fmt::format("  everything after {}; {} rows counted, equal to the manifests\n", duration_text(times.whole), rows);
        std::vector<std::string> spent;
        for (const auto& [phase, time] : times.phases) spent.push_back(fmt::format("{} {}", phase, duration_text(time)));
        result.text += text + fmt::format("  time spent: {}\n", join(spent, " · "));
        result.data["recovery"] = ops::to_json(times);
        result.data["recovery"]["rows"] = rows;
    }

    const RecoverOptions& options_;
    Session& session_;
    EstateSession estate_;
    BackupAccess backups_;
    RestoreAccess access_;
    ops::Scope scope_;
    ops::Checkout checkout_;
    std::map<std::string, ops::StackFiles> files_;
    ops::DeployObservation seen_;
    bool unfinished_ = false;
    std::string last_copy_;  ///< its run; empty: none was taken
    std::optional<ops::AgentProgram> agent_;
    ops::Catalog catalog_;
    std::vector<std::string> notes_, ages_;
    std::optional<std::chrono::sys_seconds> oldest_;
};

/// The same command, once the estate's files are here.
Result recover(const RecoverOptions& options, Session& session) {
    if (!options.from || !is_estate_source(*options.from)) {
        if (options.check) return check_recovery(session, options.server);
        return Recovery(options, session).run();
    }
    auto source = options.source;
    source.place = *options.from;
    source.confirmed = options.change.confirm;
    auto global = session.options;
    global.config = fetch_estate(session, source).string();
    Session there({.environment = session.environment,
                   .options = global,
                   .clock = session.clock,
                   .output = session.output,
                   .prompt = session.prompt,
                   .stop = session.stop});
    if (options.check) return check_recovery(there, options.server);
    return Recovery(options, there).run();
}

}  // namespace

Run define_recover(Arguments& arguments) {
    auto options = std::make_shared<RecoverOptions>();
    arguments.positional("SERVER", options->server, "the server that was lost").completes(Names::server);
    arguments.flag("--check", options->check, "only say whether it could be done now, item by item");
    arguments.flag("--no-last-copy", options->no_last_copy, "take no last copy of a server that still answers");
    arguments.option("--at", "WHEN", options->at, "data as of then: \"yesterday 18:00\", a run, …").otherwise("the newest");
    arguments.option("--from", "PLACE", options->from, "a store of the estate file; or where its own files lie: USER@HOST[:PORT][/FOLDER]");
    arguments.option("--host-key", "SHA256:…", options->source.host_key, "of the host in --from");
    arguments.option("--key", "FILE", options->source.key, "private key to log in there with").completes(Names::file).otherwise("KAVI_SSH_KEY");
    arguments.option("--estate", "NAME", options->source.estate, "which estate's files, where several lie there");
    options->source.into = "kavi-estate";
    arguments.option("--into", "FOLDER", options->source.into, "where the estate's files are put").otherwise("kavi-estate");
    declare(arguments, options->change);
    return [options](Session& session) { return recover(*options, session); };
}

}  // namespace kavi::app

#include "../estate_copies.hpp"
#include "../estate_session.hpp"
#include "../portable.hpp"
#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "commands.hpp"
#include "secrets_sealing.hpp"

#include <kavi_version.hpp>

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/deploy/checkout.hpp>
#include <kavi/ops/deploy/deploy.hpp>
#include <kavi/ops/dns/images.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct DeployOptions {
    std::vector<std::string> targets;
    ChangeOptions change;
};

/// One deploy, from what is to what came of it.
class Deploy {
  public:
    Deploy(const DeployOptions& options, Session& session)
        : options_(options),
          session_(session),
          estate_(session, command_line(options), options.change.lock_wait.value_or(std::chrono::milliseconds(0))),
          scope_(ops::deploy_scope(estate_.loaded(), options.targets)) {}

    Result run() {
        const auto began = session_.clock.steady();
        observe();
        refuse_stale_checkout();
        const auto planned = ops::plan_deploy({.loaded = estate_.loaded(),
                                               .scope = scope_,
                                               .vault = estate_.secrets().vault,
                                               .seen = seen_,
                                               .files = files_,
                                               .facts = estate_.facts(),
                                               .now = session_.clock.now(),
                                               .agent = agent_ ? &*agent_ : nullptr,
                                               .kavi = KAVI_VERSION,
                                               .sealed_sequence = estate_.access().sealed_sequence()});
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(session_.clock.steady() - began);
        return apply(planned, took);
    }

  private:
    static std::string command_line(const DeployOptions& options) {
        std::string line = "kavi deploy";
        for (const auto& target : options.targets) line += ' ' + target;
        return line;
    }

    ops::DeployTools tools() {
        const auto needs_hetzner = !ops::hetzner_servers(estate_.estate(), {}).empty();
        return {.cloud = needs_hetzner ? &estate_.hetzner() : nullptr,
                .cloudflare = estate_.estate().zones.empty() ? nullptr : &estate_.cloudflare(),
                .hosts = estate_.hosts(),
                .facts = estate_.facts(),
                .clock = session_.clock,
                .connector = &estate_.network().ssh()};
    }

    void observe() {
        const auto pin = estate_.secrets().vault.key("pin");
        checkout_ = ops::look_at_checkout(estate_.estate().folder, session_.stop);
        for (const auto& name : scope_.stacks)
            files_.emplace(name, ops::read_stack_files(estate_.estate(), estate_.estate().stacks.at(name), session_.stop));
        agent_ = portable_executable(session_.environment, session_.stop);
        seen_ = ops::observe_deploy(estate_.loaded(), scope_, pin.key, tools(), session_.stop);
    }

    void refuse_stale_checkout() const {
        if (options_.change.older) return;
        for (const auto& [server, commit] : ops::deployed_commits(seen_))
            ops::require_not_stale(estate_.estate().folder, checkout_, commit, server, session_.stop);
    }

    Result apply(const ops::DeployPlan& planned, std::chrono::milliseconds took) {
        const auto progress = make_progress(session_.output, session_.clock);
        ops::ImageFile images(estate_.record().folder / "dns.jsonl");
        const auto used = tools();
        const ops::DeployHandlers handlers({.loaded = estate_.loaded(),
                                            .tools = used,
                                            .vault = estate_.secrets().vault,
                                            .listener = *progress,
                                            .images = images,
                                            .who = estate_.record().who,
                                            .commit = checkout_.commit.value_or(""),
                                            .digest = plan::digest(planned.plan)});
        const auto all = handlers.all();
        auto result = change(session_,
                      options_.change,
                      {.command = "Deploy",
                       .headline = headline(took),
                       .nothing = nothing(planned.plan, took),
                       .plan = planned.plan,
                       .handlers = all,
                       .listener = *progress,
                       .record = estate_.record(),
                       .before_apply = [&] { allow(planned); }});
        const bool only_shown = options_.change.dry_run || options_.change.save_plan;
        if (result.exit == Exit::ok && !only_shown) keep_copies(!planned.plan.empty(), handlers.signing_keys(), result);
        return result;
    }

    /// What must outlive the servers: who signs their backups, and the estate's own files. A deploy that changed nothing
    /// connects nowhere for it, unless a server's key is new to the sealed copy.
    void keep_copies(bool changed, std::map<std::string, std::string> keys, Result& result) {
        const auto& known = estate_.access().backup_signers();
        for (const auto& [server, facts] : seen_.hosts)
            if (const auto key = ops::backup_host_state(facts).signing_key; !key.empty()) keys.try_emplace(server, key);
        std::erase_if(keys, [&](const auto& entry) {
            const auto lines = known.find(entry.first);
            return lines != known.end() && std::ranges::find(lines->second, entry.second) != lines->second.end();
        });
        if (!changed && (keys.empty() || !estate_.secrets().vault.sealed_opened())) return;
        const auto say = [&](const std::optional<std::string>& line) {
            if (line) result.text += fmt::format("  {}\n", *line);
        };
        say(refresh_copies(session_, {.loaded = estate_.loaded(), .access = estate_.access(), .network = estate_.network(), .backup_signers = std::move(keys)}));
        BackupAccess backups(session_, estate_);
        say(keep_estate_copy(session_, estate_, backups));
    }

    /// What may forbid to go on, asked only once something would change.
    void allow(const ops::DeployPlan& planned) {
        estate_.secrets().allow_change();
        planned.dns.require_allowed();
        if (!planned.dns.creations.empty()) ops::check_quota(estate_.cloudflare(), planned.dns, seen_.dns, session_.stop);
    }

    std::string headline(std::chrono::milliseconds took) {
        auto text = fmt::format("estate {}", estate_.estate().name);
        if (checkout_.commit) text += fmt::format(" · commit {}{}", checkout_.short_commit(), checkout_.dirty ? " and changes" : "");
        return text + fmt::format(" · secrets from {} · observed in {}", estate_.secrets().vault.description(), duration_text(took));
    }

    std::string nothing(const plan::Plan& plan, std::chrono::milliseconds took) {
        const auto sealed = estate_.secrets().source == secrets::Choice::sealed ? fmt::format(" · secrets from {}", estate_.secrets().vault.description()) : "";
        return fmt::format("estate {}: everything is as declared ({}){} · {}", estate_.estate().name, unchanged_text(plan), sealed, duration_text(took));
    }

    const DeployOptions& options_;
    Session& session_;
    EstateSession estate_;
    ops::Scope scope_;
    ops::Checkout checkout_;
    std::map<std::string, ops::StackFiles> files_;
    std::optional<ops::AgentProgram> agent_;
    ops::DeployObservation seen_;
};

}  // namespace

Run define_deploy(Arguments& arguments) {
    auto options = std::make_shared<DeployOptions>();
    arguments.positional("TARGET", options->targets, "servers, stacks or services (default: everything)").completes(Names::target);
    declare(arguments, options->change);
    return [options](Session& session) { return Deploy(*options, session).run(); };
}

}  // namespace kavi::app

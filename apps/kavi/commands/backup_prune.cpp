#include "../backup_access.hpp"
#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/retention_plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct PruneOptions {
    std::optional<std::string> server;
    std::optional<std::string> store;
    ChangeOptions change;
};

/// What one store has of one server, and what becomes of it.
struct Pruned {
    ops::Catalog catalog;
    ops::Retention retention;
};

std::string rules_text(const std::map<std::string, int>& keep) {
    std::string text;
    for (const auto* rule : {"last", "hourly", "daily", "weekly", "monthly", "yearly"})
        if (const auto found = keep.find(rule); found != keep.end() && found->second > 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", rule, found->second);
    return text.empty() ? "everything: [backup] keep names no rule" : text;
}

class Prune {
  public:
    Prune(const PruneOptions& options, Session& session)
        : options_(options),
          session_(session),
          estate_(session, "kavi backup prune"),
          access_(session, estate_) {}

    Result run() {
        const auto began = session_.clock.steady();
        for (const auto& store : access_.stores(options_.store))
            for (const auto& owner : access_.owners(options_.server, {})) look_at(store, owner);
        const auto took =
            std::chrono::duration_cast<std::chrono::milliseconds>(session_.clock.steady() - began);
        const auto progress = make_progress(session_.output, session_.clock);
        ops::PruneHandler handler([this](const std::string& store) -> store::Store& {
            return access_.store(store, StoreUse::prune);
        });
        const run::Handlers handlers{{"prune", &handler}};
        auto result = change(
            session_,
            options_.change,
            {.command = "Prune",
             .headline = fmt::format(
                 "keep {} · looked at in {}", rules_text(estate_.estate().backup.keep), duration_text(took)),
             .nothing = fmt::format("nothing to prune: {} · {}",
                                    plan_.unchanged.empty() ? "nothing is stored" : unchanged_text(plan_),
                                    duration_text(took)),
             .plan = plan_,
             .handlers = handlers,
             .listener = *progress,
             .record = estate_.record(),
             .before_apply = [this] { guard(); }});
        tell_fates(result);
        if (options_.change.dry_run) tell_refusals(result);
        return result;
    }

  private:
    void look_at(const std::string& store, const std::string& owner) {
        auto catalog = access_.catalog(store, owner);
        auto retention = ops::decide_retention(
            catalog, ops::KeepRules::of(estate_.estate().backup.keep), access_.zone(), access_.now());
        ops::add_prune(plan_, catalog, retention);
        all_.push_back({std::move(catalog), std::move(retention)});
    }

    bool confirmed(const Pruned& one) const {
        return std::ranges::find(options_.change.confirm, one.catalog.server) !=
               options_.change.confirm.end();
    }

    void guard() const {
        for (const auto& one : all_)
            if (!one.retention.nothing_goes() && !confirmed(one))
                ops::guard_retention(one.catalog, one.retention);
    }

    /// A plan that a guard refuses may be looked at, and nothing more.
    void tell_refusals(Result& result) const {
        for (const auto& one : all_) {
            if (one.retention.nothing_goes() || confirmed(one)) continue;
            try {
                ops::guard_retention(one.catalog, one.retention);
            } catch (const Error& error) {
                result.errors.push_back(error);
                result.exit = error.code().exit;
            }
        }
    }

    /// Why each one stays: shown with --dry-run, and always in the JSON.
    void tell_fates(Result& result) const {
        auto runs = OrderedJson::array();
        std::string text;
        for (const auto& [catalog, retention] : all_)
            for (const auto& fate : retention.runs) {
                runs.push_back({{"store", catalog.store},
                                {"server", catalog.server},
                                {"run", fate.run},
                                {"kept", fate.kept},
                                {"why", fate.why}});
                if (fate.kept)
                    text += fmt::format(
                        "  {} {} in {}: {}\n", fate.run, catalog.server, catalog.store, join(fate.why, ", "));
            }
        result.data["runs"] = std::move(runs);
        if (options_.change.dry_run && !text.empty()) result.text += "\nwhat stays, and why\n" + text;
    }

    const PruneOptions& options_;
    Session& session_;
    EstateSession estate_;
    BackupAccess access_;
    plan::Plan plan_;
    std::vector<Pruned> all_;
};

}  // namespace

Run define_backup_prune(Arguments& arguments) {
    auto options = std::make_shared<PruneOptions>();
    arguments.option("--server", "SERVER", options->server, "this server's alone").completes(Names::server);
    arguments.option("--store", "STORE", options->store, "in this store alone").completes(Names::storage);
    declare(arguments, options->change);
    return [options](Session& session) { return Prune(*options, session).run(); };
}

}  // namespace kavi::app

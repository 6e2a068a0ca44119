#include "restore_drill.hpp"

#include "render/plan.hpp"
#include "render/progress.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/verify_notes.hpp>
#include <kavi/ops/restore/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace kavi::app {

namespace {

/// What came of the artefacts of one item in one run.
struct ItemOutcome {
    bool ok = true;
    int artefacts = 0;
    double seconds = 0;
    std::uint64_t rows = 0;
};

class ServerCheck {
  public:
    ServerCheck(Session& session, BackupAccess& backups, const DeepVerify& wanted, ops::Catalog catalog)
        : session_(session), backups_(backups), wanted_(wanted), catalog_(std::move(catalog)) {}

    /// Throws what keeps the whole server from being verified.
    void run(const model::LoadedEstate& loaded, RestoreAccess& access, Result& result) {
        plan(loaded);
        if (actions_.empty()) return;
        const auto progress = make_progress(session_.output, session_.clock);
        for (const auto& action : actions_) progress->started(action);
        const auto began = session_.clock.steady();
        const auto answer = ops::ask_agent(
            access.tools(*progress),
            question(),
            [&](const Json& event) { tell(*progress, event); },
            session_.stop);
        const auto took =
            std::chrono::duration_cast<std::chrono::milliseconds>(session_.clock.steady() - began);
        for (const auto& action : actions_) judge(action, answer, *progress, result);
        result.text += fmt::format("{} from {} · {} artefacts {} in {}{}\n",
                                   catalog_.server,
                                   catalog_.store,
                                   actions_.size(),
                                   wanted_.level == 3 ? "restored and counted" : "opened and listed",
                                   duration_text(took),
                                   all_well() ? ": all well" : "");
        result.text += lines_;
        result.data["servers"].push_back({{"server", catalog_.server},
                                          {"store", catalog_.store},
                                          {"ms", took.count()},
                                          {"ok", all_well()}});
        note();
    }

  private:
    static const ops::RestoreStep& step_of(const plan::Action& action) {
        return dynamic_cast<const ops::RestoreStep&>(*action.payload);
    }

    void plan(const model::LoadedEstate& loaded) {
        std::vector<ops::RestoreWish> wishes;
        for (const auto& place : ops::item_places(loaded, catalog_.server))
            if (wanted_.items.empty() || std::ranges::find(wanted_.items, place.item) != wanted_.items.end())
                wishes.push_back({.item = place.item});
        if (wishes.empty()) return;
        actions_ = ops::plan_restore({.loaded = loaded,
                                      .catalog = catalog_,
                                      .server = catalog_.server,
                                      .wishes = std::move(wishes),
                                      .at = wanted_.when.at,
                                      .run = wanted_.when.run,
                                      .now = backups_.now(),
                                      .fresh = true});
    }

    ops::AgentQuestion question() const {
        ops::AgentQuestion all{.server = catalog_.server,
                               .owner = catalog_.server,
                               .store = catalog_.store,
                               .parts = {},
                               .level = wanted_.level};
        for (const auto& action : actions_) all.parts.push_back(step_of(action).part);
        return all;
    }

    void tell(run::Listener& progress, const Json& event) const {
        for (const auto& action : actions_) {
            const auto& artefact = step_of(action).part.artefact;
            if (string_or(event, "subject") ==
                (artefact.part.empty() ? artefact.item : artefact.item + "/" + artefact.part))
                progress.progress(action, string_or(event, "text"));
        }
    }

    void judge(const plan::Action& action,
               const ops::AgentAnswer& answer,
               run::Listener& progress,
               Result& result) {
        const auto& step = step_of(action);
        const auto found = answer.find(step.part.artefact.file);
        const auto said = found == answer.end() ? Json() : found->second;
        const auto number = [&](std::string_view key) {
            const auto& value = member_or_null(said, key);
            return value.is_number_integer() ? value.get<std::uint64_t>() : 0;
        };
        const auto& seconds = member_or_null(said, "seconds");
        const auto took = seconds.is_number() ? seconds.get<double>() : 0;
        auto& outcome = outcomes_[{step.run, step.part.artefact.item}];
        ++outcome.artefacts;
        outcome.seconds += took;
        outcome.rows += number("rows");
        OrderedJson entry{{"server", catalog_.server},
                          {"store", catalog_.store},
                          {"run", step.run},
                          {"item", step.part.artefact.item},
                          {"part", step.part.artefact.part},
                          {"bytes", number("bytes")},
                          {"rows", number("rows")},
                          {"entries", number("entries")},
                          {"seconds", took}};
        const auto& failure = member_or_null(said, "failure");
        if (said.is_null() || failure.is_object()) {
            const auto error = said.is_null()
                                   ? Error(errors::restore_failed,
                                           fmt::format("the agent says nothing of {}", action.subject))
                                   : host::error_of(failure);
            outcome.ok = false;
            result.exit = error.code().exit;
            progress.failed(action, error, {});
            result.errors.push_back(error);
        } else {
            progress.finished(
                action, std::chrono::milliseconds(static_cast<std::int64_t>(took * 1000)), false);
            lines_ += fmt::format(
                "  {:<28} {:>9}  {:>6.1f} s{}\n",
                action.subject,
                ops::size_text(number("bytes")),
                took,
                number("rows") > 0 ? fmt::format("  {} rows as in the manifest", number("rows")) : "");
        }
        entry["ok"] = !failure.is_object() && !said.is_null();
        result.data["artefacts"].push_back(std::move(entry));
    }

    bool all_well() const {
        return std::ranges::all_of(outcomes_, [](const auto& one) { return one.second.ok; });
    }

    /// A store that can't take the note is only told of.
    void note() const {
        try {
            auto& store = backups_.store(catalog_.store, StoreUse::prune);
            for (const auto& [what, outcome] : outcomes_) {
                const ops::VerifiedNote note{.run = what.first,
                                             .item = what.second,
                                             .level = wanted_.level,
                                             .ok = outcome.ok,
                                             .at = backups_.now()};
                const OrderedJson body{{"kavi.verified", 1},
                                       {"artefacts", outcome.artefacts},
                                       {"seconds", outcome.seconds},
                                       {"rows", outcome.rows}};
                store::write_small(
                    store,
                    ops::backup_folder(catalog_.estate, catalog_.server) + "/" + ops::note_file(note),
                    body.dump() + "\n");
            }
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            session_.output.warn(
                fmt::format("what was verified can't be noted in {}: {}", catalog_.store, error.message()));
        }
    }

    Session& session_;
    BackupAccess& backups_;
    const DeepVerify& wanted_;
    ops::Catalog catalog_;
    std::vector<plan::Action> actions_;
    std::map<std::pair<std::string, std::string>, ItemOutcome> outcomes_;  ///< by run and item
    std::string lines_;
};

}  // namespace

Result deep_verify(Session& session, EstateSession& estate, BackupAccess& backups, const DeepVerify& wanted) {
    RestoreAccess access(session, estate, backups);
    Result result{.data = {{"level", wanted.level},
                           {"servers", OrderedJson::array()},
                           {"artefacts", OrderedJson::array()}}};
    const auto store = backups.stores(wanted.store).front();
    auto servers = backups.servers(wanted.items);
    if (wanted.server) {
        require_name("backup of", *wanted.server, servers);
        servers = {*wanted.server};
    }
    for (const auto& server : servers)
        ServerCheck(session, backups, wanted, backups.catalog(store, server))
            .run(estate.loaded(), access, result);
    return result;
}

}  // namespace kavi::app

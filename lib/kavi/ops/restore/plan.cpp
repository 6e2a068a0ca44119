#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/ops/restore/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::ops {

namespace {

using Kind = model::BackupItem::Kind;

/// Plans one wish.
class WishPlanner {
  public:
    WishPlanner(const RestoreRequest& request, const RestoreWish& wish, const model::BackupItem& item)
        : request_(request), wish_(wish), item_(item) {}

    std::vector<plan::Action> actions() {
        check();
        switch (item_.kind) {
            case Kind::postgres:
                plan_databases();
                break;
            case Kind::redis:
                plan_one(item_target(request_.loaded, item_));
                break;
            case Kind::files:
                plan_one(files_wish());
                break;
            case Kind::git:
            case Kind::images:
                break;
        }
        return std::move(actions_);
    }

  private:
    [[noreturn]] void refuse(std::string message) const { throw Error(errors::usage, std::move(message)); }

    void check() const {
        const bool postgres = item_.kind == Kind::postgres;
        if (item_.kind == Kind::git)
            throw Error(
                errors::usage,
                fmt::format("{} is a mirror of Git repositories: nothing is restored by kavi", item_.name))
                .fix("push the mirror back: git push --mirror");
        if (!postgres && !(wish_.database.empty() && wish_.table.empty() && wish_.into_database.empty()))
            refuse(fmt::format("{} has no databases", item_.name));
        if (item_.kind != Kind::files && !(wish_.paths.empty() && wish_.into_folder.empty()))
            refuse(fmt::format("{} has no files of its own", item_.name));
        if (!wish_.table.empty() && wish_.into_database.empty())
            refuse("one table is restored beside the live database only: give --into db:NAME too");
        if (!wish_.into_database.empty() && wish_.database.empty())
            refuse("--into db:NAME needs --database, too");
    }

    Chosen choose_part(std::string_view part) const {
        return request_.run.empty() ? choose(request_.catalog, item_.name, part, request_.at)
                                    : choose_run(request_.catalog, request_.run, item_.name, part);
    }

    /// Runs that may be taken, newest first.
    std::vector<const StoredRun*> runs() const {
        std::vector<const StoredRun*> all;
        for (const auto& run : request_.catalog.runs)
            if (request_.run.empty() ? !request_.at || run.time <= *request_.at : run.run == request_.run)
                all.push_back(&run);
        return all;
    }

    /// Databases that the newest run of the item knows, those that failed in it too.
    std::vector<std::string> databases() const {
        std::set<std::string> names;
        for (const auto* run : runs()) {
            for (const auto& artefact : run->manifest.artefacts)
                if (artefact.item == item_.name && artefact.kind == "postgres") names.insert(artefact.part);
            if (names.empty()) continue;
            for (const auto& failure : run->manifest.failures)
                if (failure.item == item_.name && !failure.part.empty() && failure.part != "globals")
                    names.insert(failure.part);
            break;
        }
        return {names.begin(), names.end()};
    }

    void plan_databases() {
        const auto base = item_target(request_.loaded, item_);
        auto names = databases();
        if (names.empty()) choose_part({});  // says why there is none
        if (!wish_.database.empty()) {
            if (std::ranges::find(names, wish_.database) == names.end()) choose_part(wish_.database);
            names = {wish_.database};
        }
        plan_globals(base);
        const auto globals = actions_.empty() ? std::string() : actions_.back().id;
        for (const auto& name : names) {
            auto target = base;
            target.update({{"kind", "postgres"}, {"database", name}});
            if (!wish_.into_database.empty()) target["into"] = wish_.into_database;
            if (!wish_.table.empty()) target["table"] = wish_.table;
            const auto chosen = choose_part(name);
            auto action =
                action_of(*chosen.run, artefact_of_kind(chosen, "postgres", name), std::move(target), name);
            if (!globals.empty()) action.after.push_back(globals);
            action.batch = fmt::format("restore/{}/{}", request_.server, item_.name);
            actions_.push_back(std::move(action));
        }
    }

    static const Artefact& artefact_of_kind(const Chosen& chosen,
                                            std::string_view kind,
                                            std::string_view part) {
        for (const auto& artefact : chosen.artefacts)
            if (artefact.kind == kind && artefact.part == part) return artefact;
        throw Error(errors::backup_missing, fmt::format("run {} has no database {}", chosen.run->run, part));
    }

    void plan_globals(Json target) {
        for (const auto* run : runs())
            for (const auto& artefact : run->manifest.artefacts)
                if (artefact.item == item_.name && artefact.kind == "postgres-globals" &&
                    !run->flaws.contains(artefact.file)) {
                    target["kind"] = "postgres-globals";
                    auto action = action_of(*run, artefact, std::move(target), "globals");
                    action.verb = plan::Verb::update;
                    action.effect = "roles that exist stay as they are";
                    actions_.push_back(std::move(action));
                    return;
                }
    }

    Json files_wish() const {
        auto target = item_target(request_.loaded, item_);
        if (!wish_.paths.empty()) target["paths"] = wish_.paths;
        if (!wish_.into_folder.empty()) target["into"] = wish_.into_folder;
        return target;
    }

    void plan_one(Json target) {
        const auto chosen = choose_part({});
        if (chosen.artefacts.size() != 1)
            throw Error(errors::backup_missing,
                        fmt::format("run {} has {} artefacts of {}, not one",
                                    chosen.run->run,
                                    chosen.artefacts.size(),
                                    item_.name));
        actions_.push_back(action_of(*chosen.run, chosen.artefacts.front(), std::move(target), {}));
    }

    plan::Action action_of(const StoredRun& run,
                           const Artefact& artefact,
                           Json target,
                           const std::string& part) const {
        plan::Action action{
            .id =
                fmt::format("restore/{}/{}{}{}", request_.server, item_.name, part.empty() ? "" : "/", part),
            .verb = plan::Verb::replace,
            .kind = "restore",
            .group = request_.server,
            .subject = part.empty() ? item_.name : fmt::format("{}/{}", item_.name, part),
            .reason = fmt::format("{} of {}, {} old, {}",
                                  request_.catalog.store,
                                  run.run,
                                  age_text(request_.now - run.time),
                                  size_text(artefact.plain_bytes)),
            .effect = effect_of(),
            .expected_after = {{"file", artefact.file}, {"sha256", artefact.sha256}, {"target", target}},
            .lane = request_.server};
        if (beside() || request_.fresh) action.verb = plan::Verb::create;
        auto step = std::make_shared<RestoreStep>();
        step->server = request_.server;
        step->owner = request_.catalog.server;
        step->store = request_.catalog.store;
        step->run = run.run;
        step->part = {artefact, std::move(target)};
        action.payload = std::move(step);
        return action;
    }

    bool beside() const { return !wish_.into_database.empty() || !wish_.into_folder.empty(); }

    std::string effect_of() const {
        if (!wish_.into_database.empty()) return fmt::format("into the new database {}", wish_.into_database);
        if (!wish_.into_folder.empty()) return fmt::format("into {}", wish_.into_folder);
        if (request_.fresh) return {};
        if (item_.kind == Kind::postgres) return "what is there is kept beside it; its services restart";
        return "what is there is kept beside it; its services stop meanwhile";
    }

    const RestoreRequest& request_;
    const RestoreWish& wish_;
    const model::BackupItem& item_;
    std::vector<plan::Action> actions_;
};

/// Images that the server ran, for when no registry has them: in no item of the estate file.
std::vector<plan::Action> plan_images(const RestoreRequest& request) {
    std::vector<plan::Action> actions;
    for (const auto& run : request.catalog.runs) {
        if (!request.run.empty() ? run.run != request.run : request.at && run.time > *request.at) continue;
        for (const auto& artefact : run.manifest.artefacts) {
            if (artefact.kind != "images" || run.flaws.contains(artefact.file)) continue;
            auto step = std::make_shared<RestoreStep>();
            step->server = request.server;
            step->owner = request.catalog.server;
            step->store = request.catalog.store;
            step->run = run.run;
            step->part = {artefact, {{"kind", "images"}}};
            const auto part = artefact.part.empty() ? std::to_string(actions.size() + 1) : artefact.part;
            actions.push_back(
                {.id = fmt::format("restore/{}/images/{}", request.server, part),
                 .verb = plan::Verb::create,
                 .kind = "restore",
                 .group = request.server,
                 .subject = "images/" + part,
                 .reason = fmt::format(
                     "{} of {}, {}", request.catalog.store, run.run, size_text(artefact.plain_bytes)),
                 .expected_after = {{"file", artefact.file}, {"sha256", artefact.sha256}},
                 .lane = request.server,
                 .batch = fmt::format("restore/{}/images", request.server),
                 .payload = std::move(step)});
        }
        if (!actions.empty()) return actions;
    }
    throw Error(errors::backup_missing,
                fmt::format("there is no backup of images of {}", request.catalog.server));
}

}  // namespace

std::vector<plan::Action> plan_restore(const RestoreRequest& request) {
    auto wishes = request.wishes;
    if (wishes.empty())
        for (const auto& place : item_places(request.loaded, request.catalog.server))
            wishes.push_back({.item = place.item});
    std::vector<plan::Action> actions;
    for (const auto& wish : wishes) {
        const auto& items = request.loaded.estate.backup.items;
        const auto item = items.find(wish.item);
        const bool images = item == items.end() ? wish.item == "images" : item->second.kind == Kind::images;
        auto more = images ? plan_images(request)
                           : WishPlanner(request, wish, item_named(request.loaded, wish.item)).actions();
        std::ranges::move(more, std::back_inserter(actions));
    }
    // Asked once: it is one answer for all that is replaced.
    const auto replaced = std::ranges::find(actions, plan::Verb::replace, &plan::Action::verb);
    if (replaced != actions.end()) {
        replaced->question = plan::Question::type_name;
        replaced->confirm_name = request.server;
    }
    return actions;
}

}  // namespace kavi::ops

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

constexpr std::string_view volume_prefix = "volume/";

/// A volume of a stack on that server, by its name in the compose file or the engine's.
struct StackVolume {
    const model::Stack* stack = nullptr;
    const model::ComposeProject* project = nullptr;
    const model::ComposeVolume* volume = nullptr;
};

std::optional<StackVolume> find_volume(const model::LoadedEstate& loaded, const std::string& server, std::string_view name) {
    for (const auto& [stack_name, project] : loaded.stacks) {
        const auto& stack = loaded.estate.stacks.at(stack_name);
        if (stack.server != server) continue;
        for (const auto& [key, volume] : project.volumes)
            if (key == name || volume.real_name == name) return StackVolume{&stack, &project, &volume};
    }
    return std::nullopt;
}

/// The volume that a service keeps its data in: the only one that it may write.
const model::ComposeMount* data_mount(const model::ComposeService& service) {
    const model::ComposeMount* found = nullptr;
    for (const auto& mount : service.mounts) {
        if (mount.kind != model::ComposeMount::Kind::volume || mount.read_only || mount.source.empty()) continue;
        if (found) return nullptr;
        found = &mount;
    }
    return found;
}

bool is_within(std::string_view inner, std::string_view outer) {
    return inner == outer || (inner.starts_with(outer) && (outer.ends_with('/') || inner[outer.size()] == '/'));
}

/// The mount of a storage that the folder lies below; empty: none.
std::string mount_of(const model::Estate& estate, const std::string& server, std::string_view folder) {
    const auto found = estate.servers.find(server);
    if (found == estate.servers.end()) return {};
    for (const auto& name : found->second.mounts) {
        const auto storage = estate.storages.find(name);
        if (storage != estate.storages.end() && storage->second.mount && is_within(folder, storage->second.mount->at))
            return storage->second.mount->at;
    }
    return {};
}

Json labels_of(const StackVolume& found) {
    if (found.volume->external) return Json::object();
    return {{"com.docker.compose.project", found.project->name}, {"com.docker.compose.volume", found.volume->name}};
}

/// What uses a volume, of all stacks of its server.
std::vector<std::string> users_of(const StackVolume& found) {
    std::vector<std::string> users;
    for (const auto& [name, service] : found.project->services)
        if (std::ranges::any_of(service.mounts, [&](const auto& mount) {
                return mount.kind == model::ComposeMount::Kind::volume && mount.source == found.volume->name;
            }))
            users.push_back(name);
    return users;
}

/// Services of one stack that have the folder, something in it or above it.
std::vector<std::string> users_of_folder(const model::Stack& stack, const model::ComposeProject& project, std::string_view folder) {
    std::vector<std::string> users;
    for (const auto& [name, service] : project.services)
        if (std::ranges::any_of(service.mounts, [&](const model::ComposeMount& mount) {
                if (mount.kind != model::ComposeMount::Kind::bind) return false;
                const auto path = mount.source.starts_with('.')
                                      ? (std::filesystem::path(stack.directory) / mount.source).lexically_normal().string()
                                      : mount.source;
                return is_within(path, folder) || is_within(folder, path);
            }))
            users.push_back(name);
    return users;
}

/// Services that depend on it, directly or by way of others.
std::vector<std::string> dependants_of(const model::ComposeProject& project, const std::string& service) {
    std::set<std::string> found{service};
    for (bool more = true; more;) {
        more = false;
        for (const auto& [name, definition] : project.services)
            if (!found.contains(name) &&
                std::ranges::any_of(definition.depends_on, [&](const auto& on) { return found.contains(on.first); }))
                more = found.insert(name).second || more;
    }
    found.erase(service);
    return {found.begin(), found.end()};
}

/// The stack that a service of an item is in. Throws for one that is only watched.
const model::Stack& stack_of(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto placed = model::find_service(loaded, item.service.value_or(""));
    if (!placed || !placed->stack)
        throw Error(errors::unknown_name, fmt::format("the service of {} is in no stack, so nothing can be restored into it", item.name));
    return loaded.estate.stacks.at(*placed->stack);
}

ItemPlace place_of(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    ItemPlace place{.item = item.name, .kind = item.kind, .server = {}, .stack = {}};
    if (item.service) {
        const auto& stack = stack_of(loaded, item);
        const auto& project = loaded.stacks.at(stack.name);
        place.server = stack.server;
        place.stack = stack.name;
        if (item.kind == Kind::postgres) {
            place.within = *item.service;
            place.readers = dependants_of(project, *item.service);
        } else {
            place.before.push_back(*item.service);
        }
        return place;
    }
    if (!item.source) return place;
    place.server = item.source->owner;
    const std::string_view path = item.source->path;
    if (path.starts_with(volume_prefix)) {
        if (const auto found = find_volume(loaded, place.server, path.substr(volume_prefix.size()))) {
            place.stack = found->stack->name;
            place.before = users_of(*found);
        }
        return place;
    }
    for (const auto& [name, project] : loaded.stacks) {
        const auto& stack = loaded.estate.stacks.at(name);
        if (stack.server != place.server) continue;
        auto users = users_of_folder(stack, project, path);
        if (users.empty()) continue;
        place.stack = name;
        place.before = std::move(users);
    }
    return place;
}

const model::BackupItem& item_named(const model::LoadedEstate& loaded, const std::string& name) {
    const auto& items = loaded.estate.backup.items;
    if (const auto found = items.find(name); found != items.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [other, item] : items) names.push_back(other);
    Error error(errors::unknown_name, fmt::format("no backup item is called '{}'", printable(name)));
    if (const auto near = nearest(name, names)) error.fix(fmt::format("did you mean '{}'?", *near));
    throw error;
}

Json postgres_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto& stack = stack_of(loaded, item);
    const auto& service = loaded.stacks.at(stack.name).services.at(*item.service);
    return {{"kind", "postgres"}, {"project", stack.project}, {"service", service.name}, {"image", service.image}};
}

Json redis_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto& stack = stack_of(loaded, item);
    const auto& project = loaded.stacks.at(stack.name);
    const auto& service = project.services.at(*item.service);
    const auto* mount = data_mount(service);
    if (!mount) throw Error(errors::restore_failed, fmt::format("{} keeps its data in no volume of its own", service.name));
    const auto& volume = project.volumes.at(mount->source);
    Json target{{"kind", "redis"},
                {"project", stack.project},
                {"service", service.name},
                {"image", service.image},
                {"volume", volume.real_name},
                {"at", mount->target},
                {"labels", labels_of({&stack, &project, &volume})}};
    if (!item.cli.empty()) target["cli"] = item.cli;
    return target;
}

Json files_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto& source = *item.source;
    const std::string_view path = source.path;
    Json target{{"kind", "files"}};
    if (path.starts_with(volume_prefix)) {
        const auto name = path.substr(volume_prefix.size());
        const auto found = find_volume(loaded, source.owner, name);
        target["volume"] = found ? found->volume->real_name : std::string(name);
        if (found) target["labels"] = labels_of(*found);
        return target;
    }
    target["folder"] = path;
    if (const auto mount = mount_of(loaded.estate, source.owner, path); !mount.empty()) target["mount"] = mount;
    return target;
}

/// Plans one wish.
class WishPlanner {
  public:
    WishPlanner(const RestoreRequest& request, const RestoreWish& wish, const model::BackupItem& item)
        : request_(request), wish_(wish), item_(item) {}

    std::vector<plan::Action> actions() {
        check();
        switch (item_.kind) {
            case Kind::postgres: plan_databases(); break;
            case Kind::redis: plan_one(item_target(request_.loaded, item_)); break;
            case Kind::files: plan_one(files_wish()); break;
            case Kind::git:
            case Kind::images: break;
        }
        return std::move(actions_);
    }

  private:
    [[noreturn]] void refuse(std::string message) const { throw Error(errors::usage, std::move(message)); }

    void check() const {
        const bool postgres = item_.kind == Kind::postgres;
        if (item_.kind == Kind::git)
            throw Error(errors::usage, fmt::format("{} is a mirror of Git repositories: nothing is restored by kavi", item_.name))
                .fix("push the mirror back: git push --mirror");
        if (!postgres && !(wish_.database.empty() && wish_.table.empty() && wish_.into_database.empty()))
            refuse(fmt::format("{} has no databases", item_.name));
        if (item_.kind != Kind::files && !(wish_.paths.empty() && wish_.into_folder.empty()))
            refuse(fmt::format("{} has no files of its own", item_.name));
        if (!wish_.table.empty() && wish_.into_database.empty())
            refuse("one table is restored beside the live database only: give --into db:NAME too");
        if (!wish_.into_database.empty() && wish_.database.empty()) refuse("--into db:NAME needs --database, too");
    }

    Chosen choose_part(std::string_view part) const {
        return request_.run.empty() ? choose(request_.catalog, item_.name, part, request_.at)
                                    : choose_run(request_.catalog, request_.run, item_.name, part);
    }

    /// Runs that may be taken, newest first.
    std::vector<const StoredRun*> runs() const {
        std::vector<const StoredRun*> all;
        for (const auto& run : request_.catalog.runs)
            if (request_.run.empty() ? !request_.at || run.time <= *request_.at : run.run == request_.run) all.push_back(&run);
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
                if (failure.item == item_.name && !failure.part.empty() && failure.part != "globals") names.insert(failure.part);
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
            auto action = action_of(*chosen.run, artefact_of_kind(chosen, "postgres", name), std::move(target), name);
            if (!globals.empty()) action.after.push_back(globals);
            action.batch = fmt::format("restore/{}/{}", request_.server, item_.name);
            actions_.push_back(std::move(action));
        }
    }

    static const Artefact& artefact_of_kind(const Chosen& chosen, std::string_view kind, std::string_view part) {
        for (const auto& artefact : chosen.artefacts)
            if (artefact.kind == kind && artefact.part == part) return artefact;
        throw Error(errors::backup_missing, fmt::format("run {} has no database {}", chosen.run->run, part));
    }

    void plan_globals(Json target) {
        for (const auto* run : runs())
            for (const auto& artefact : run->manifest.artefacts)
                if (artefact.item == item_.name && artefact.kind == "postgres-globals" && !run->flaws.contains(artefact.file)) {
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
            throw Error(errors::backup_missing, fmt::format("run {} has {} artefacts of {}, not one", chosen.run->run, chosen.artefacts.size(), item_.name));
        actions_.push_back(action_of(*chosen.run, chosen.artefacts.front(), std::move(target), {}));
    }

    plan::Action action_of(const StoredRun& run, const Artefact& artefact, Json target, const std::string& part) const {
        plan::Action action{.id = fmt::format("restore/{}/{}{}{}", request_.server, item_.name, part.empty() ? "" : "/", part),
                            .verb = plan::Verb::replace,
                            .kind = "restore",
                            .group = request_.server,
                            .subject = part.empty() ? item_.name : fmt::format("{}/{}", item_.name, part),
                            .reason = fmt::format("{} of {}, {} old, {}", request_.catalog.store, run.run, age_text(request_.now - run.time), size_text(artefact.plain_bytes)),
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
            actions.push_back({.id = fmt::format("restore/{}/images/{}", request.server, part),
                               .verb = plan::Verb::create,
                               .kind = "restore",
                               .group = request.server,
                               .subject = "images/" + part,
                               .reason = fmt::format("{} of {}, {}", request.catalog.store, run.run, size_text(artefact.plain_bytes)),
                               .expected_after = {{"file", artefact.file}, {"sha256", artefact.sha256}},
                               .lane = request.server,
                               .batch = fmt::format("restore/{}/images", request.server),
                               .payload = std::move(step)});
        }
        if (!actions.empty()) return actions;
    }
    throw Error(errors::backup_missing, fmt::format("there is no backup of images of {}", request.catalog.server));
}

}  // namespace

Json item_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    switch (item.kind) {
        case Kind::postgres: return postgres_target(loaded, item);
        case Kind::redis: return redis_target(loaded, item);
        case Kind::files: return files_target(loaded, item);
        case Kind::git:
        case Kind::images: break;
    }
    return Json::object();
}

std::vector<ItemPlace> item_places(const model::LoadedEstate& loaded, const std::string& server) {
    std::vector<ItemPlace> places;
    for (const auto& [name, item] : loaded.estate.backup.items) {
        if (item.kind == Kind::git || item.kind == Kind::images) continue;
        if (item.service) {
            const auto placed = model::find_service(loaded, *item.service);
            if (!placed || !placed->stack) continue;
        }
        if (auto place = place_of(loaded, item); place.server == server) places.push_back(std::move(place));
    }
    return places;
}

ItemPlace item_place(const model::LoadedEstate& loaded, const std::string& item) {
    return place_of(loaded, item_named(loaded, item));
}

std::vector<plan::Action> plan_restore(const RestoreRequest& request) {
    auto wishes = request.wishes;
    if (wishes.empty())
        for (const auto& place : item_places(request.loaded, request.catalog.server)) wishes.push_back({.item = place.item});
    std::vector<plan::Action> actions;
    for (const auto& wish : wishes) {
        const auto& items = request.loaded.estate.backup.items;
        const auto item = items.find(wish.item);
        const bool images = item == items.end() ? wish.item == "images" : item->second.kind == Kind::images;
        auto more = images ? plan_images(request) : WishPlanner(request, wish, item_named(request.loaded, wish.item)).actions();
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

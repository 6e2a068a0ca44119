#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/backup/host_request.hpp>
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

std::optional<StackVolume> find_volume(const model::LoadedEstate& loaded,
                                       const std::string& server,
                                       std::string_view name) {
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
        if (mount.kind != model::ComposeMount::Kind::volume || mount.read_only || mount.source.empty())
            continue;
        if (found) return nullptr;
        found = &mount;
    }
    return found;
}

Json labels_of(const StackVolume& found) {
    if (found.volume->external) return Json::object();
    return {{"com.docker.compose.project", found.project->name},
            {"com.docker.compose.volume", found.volume->name}};
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
std::vector<std::string> users_of_folder(const model::Stack& stack,
                                         const model::ComposeProject& project,
                                         std::string_view folder) {
    std::vector<std::string> users;
    for (const auto& [name, service] : project.services)
        if (std::ranges::any_of(service.mounts, [&](const model::ComposeMount& mount) {
                if (mount.kind != model::ComposeMount::Kind::bind) return false;
                const auto path =
                    mount.source.starts_with('.')
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
            if (!found.contains(name) && std::ranges::any_of(definition.depends_on, [&](const auto& on) {
                    return found.contains(on.first);
                }))
                more = found.insert(name).second || more;
    }
    found.erase(service);
    return {found.begin(), found.end()};
}

/// The stack that a service of an item is in. Throws for one that is only watched.
const model::Stack& stack_of(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto placed = model::find_service(loaded, item.service.value_or(""));
    if (!placed || !placed->stack)
        throw Error(
            errors::unknown_name,
            fmt::format("the service of {} is in no stack, so nothing can be restored into it", item.name));
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

Json postgres_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto& stack = stack_of(loaded, item);
    const auto& service = loaded.stacks.at(stack.name).services.at(*item.service);
    return {{"kind", "postgres"},
            {"project", stack.project},
            {"service", service.name},
            {"image", service.image}};
}

Json redis_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    const auto& stack = stack_of(loaded, item);
    const auto& project = loaded.stacks.at(stack.name);
    const auto& service = project.services.at(*item.service);
    const auto* mount = data_mount(service);
    if (!mount)
        throw Error(errors::restore_failed,
                    fmt::format("{} keeps its data in no volume of its own", service.name));
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
    if (const auto mount = mount_above(loaded.estate, source.owner, path); !mount.empty())
        target["mount"] = mount;
    return target;
}

}  // namespace

const model::BackupItem& item_named(const model::LoadedEstate& loaded, const std::string& name) {
    const auto& items = loaded.estate.backup.items;
    if (const auto found = items.find(name); found != items.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [other, item] : items) names.push_back(other);
    Error error(errors::unknown_name, fmt::format("no backup item is called '{}'", printable(name)));
    if (const auto near = nearest(name, names)) error.fix(fmt::format("did you mean '{}'?", *near));
    throw error;
}

Json item_target(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    switch (item.kind) {
        case Kind::postgres:
            return postgres_target(loaded, item);
        case Kind::redis:
            return redis_target(loaded, item);
        case Kind::files:
            return files_target(loaded, item);
        case Kind::git:
        case Kind::images:
            break;
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

}  // namespace kavi::ops

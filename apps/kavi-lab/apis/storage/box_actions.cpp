#include "boxes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kavi::lab::storage {
namespace {

using hetzner::invalid_input;

Answer started(const Json& action) {
    return Answer::json(201, {{"action", action}});
}

Answer change_protection(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const bool wanted = hetzner::body_of(call).boolean_if("delete").value_or(box.protect);
    return started(storage.start(box, "change_protection", {}, {}, [wanted](Box& b) { b.protect = wanted; }));
}

Answer change_type(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto* type = find_box_type(hetzner::body_of(call).text("storage_box_type"));
    if (type == nullptr) throw invalid_input("storage_box_type", "unknown storage box type");
    if (to_json(box)["stats"]["size"] > type->size)
        throw invalid_input("storage_box_type", "the storage box holds more than that type offers");
    return started(
        storage.start(box, "change_type", {}, {}, [type](Box& b) { b.type = std::string(type->name); }));
}

Answer reset_password(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    check_password(hetzner::body_of(call).text("password"));
    return started(storage.start(box, "reset_password", {}, {}, {}));
}

Answer update_access(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    auto access = box.access;
    access.change(hetzner::body_of(call), "zfs_enabled");
    return started(
        storage.start(box, "update_access_settings", {}, {}, [access](Box& b) { b.access = access; }));
}

std::int64_t between(const Fields& fields, const std::string& name, std::int64_t from, std::int64_t to) {
    const auto value = fields.integer(name);
    if (value < from || value > to) throw invalid_input(name, fmt::format("must be {} to {}", from, to));
    return value;
}

Json or_null(const Fields& fields, const std::string& name, std::int64_t from, std::int64_t to) {
    if (!fields.has(name) || fields.is_null(name)) return nullptr;
    return between(fields, name, from, to);
}

Answer enable_plan(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto fields = hetzner::body_of(call);
    const Json plan{
        {"max_snapshots", between(fields, "max_snapshots", 1, find_box_type(box.type)->snapshot_limit)},
        {"minute", between(fields, "minute", 0, 59)},
        {"hour", between(fields, "hour", 0, 23)},
        {"day_of_week", or_null(fields, "day_of_week", 1, 7)},
        {"day_of_month", or_null(fields, "day_of_month", 1, 31)}};
    return started(storage.start(box, "enable_snapshot_plan", {}, {}, [plan](Box& b) { b.plan = plan; }));
}

Answer disable_plan(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    hetzner::no_body(call);
    return started(storage.start(box, "disable_snapshot_plan", {}, {}, [](Box& b) { b.plan = nullptr; }));
}

/// The snapshots made after that one go with the data.
Answer rollback(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto wanted = hetzner::body_of(call).text("snapshot");
    const auto found = std::ranges::find_if(box.snapshots, [&](const auto& entry) {
        return entry.second.name == wanted || std::to_string(entry.first) == wanted;
    });
    if (found == box.snapshots.end()) throw invalid_input("snapshot", "unknown snapshot");
    const auto id = found->first;
    std::function<void()> work;
    if (box.folder)
        work = [disk = *box.folder, copy = copy_of(box, found->second.name)] {
            empty_folder(disk);
            copy_tree(copy, disk);
        };
    const auto action =
        storage.start(box, "rollback_snapshot", {{"storage_box_snapshot", id}}, work, [id](Box& b) {
            std::erase_if(b.snapshots, [id](const auto& entry) { return entry.first > id; });
        });
    return started(action);
}

}  // namespace

void add_box_action_routes(Router& router, Storage& storage) {
    const std::string base = "/storage_boxes/{id}/actions/";
    using Handler = Answer (*)(Storage&, const Call&);
    const std::initializer_list<std::pair<const char*, Handler>> actions{
        {"change_protection", change_protection},
        {"change_type", change_type},
        {"reset_password", reset_password},
        {"update_access_settings", update_access},
        {"enable_snapshot_plan", enable_plan},
        {"disable_snapshot_plan", disable_plan},
        {"rollback_snapshot", rollback}};
    for (const auto& [path, handler] : actions)
        router.add("POST", base + path, [&storage, handler = handler](const Call& call) {
            return handler(storage, call);
        });
}

}  // namespace kavi::lab::storage

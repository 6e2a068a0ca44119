#include "../hetzner/cloud.hpp"
#include "../hetzner/listing.hpp"
#include "boxes.hpp"

#include <kavi/base/clock.hpp>

#include <algorithm>

namespace kavi::lab::storage {
namespace {

Snapshot& snapshot_of(Box& box, const Call& call) {
    return hetzner::by_id(box.snapshots, hetzner::id_of(call, "snapshot_id"), "snapshot");
}

Answer list(Storage& storage, const Call& call) {
    const auto& box = storage.box_of(call);
    Json snapshots = Json::array();
    for (const auto& [id, one] : box.snapshots) snapshots.push_back(to_json(one, box));
    return hetzner::list_answer(call,
                                std::move(snapshots),
                                {.key = "snapshots",
                                 .sortable = {"id", "name", "created"},
                                 .filters = {"name", "is_automatic"},
                                 .paged = false});
}

/// "2026-11-24T10-15-00", with a number where two are made in one second.
std::string fresh_name(const Box& box, Time time) {
    auto base = iso8601(time).substr(0, 19);
    std::ranges::replace(base, ':', '-');
    auto name = base;
    const auto taken = [&](const auto& entry) { return entry.second.name == name; };
    for (int number = 2; std::ranges::any_of(box.snapshots, taken); ++number)
        name = base + "-" + std::to_string(number);
    return name;
}

Answer create(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto fields = hetzner::body_of(call);
    const auto manual =
        std::ranges::count_if(box.snapshots, [](const auto& entry) { return !entry.second.automatic; });
    if (manual >= find_box_type(box.type)->snapshot_limit)
        throw hetzner::known_problem(0, "resource_limit_exceeded");
    Snapshot made{.id = storage.project().next_id()};
    made.created = std::chrono::system_clock::now();
    made.name = fresh_name(box, made.created);
    made.description = fields.text_if("description").value_or("");
    made.labels = fields.labels_if().value_or(Labels{});
    std::function<void()> work;
    if (box.folder) {
        made.bytes = bytes_below(*box.folder);
        work = [disk = *box.folder, copy = copy_of(box, made.name)] { copy_tree(disk, copy); };
    }
    const auto action =
        storage.start(box, "create_snapshot", {{"storage_box_snapshot", made.id}}, work, [made](Box& b) {
            b.snapshots[made.id] = made;
        });
    return Answer::json(201, {{"snapshot", {{"id", made.id}, {"storage_box", box.id}}}, {"action", action}});
}

Answer update(Storage& storage, const Call& call) {
    auto& box = storage.box_of(call);
    auto& one = snapshot_of(box, call);
    const auto fields = hetzner::body_of(call);
    const auto description = fields.text_if("description");
    if (const auto labels = fields.labels_if()) one.labels = *labels;
    if (description) one.description = *description;
    return Answer::json(200, {{"snapshot", to_json(one, box)}});
}

Answer remove(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto& one = snapshot_of(box, call);
    std::function<void()> work;
    if (box.folder) work = [copy = copy_of(box, one.name)] { std::filesystem::remove_all(copy); };
    const auto id = one.id;
    const auto action =
        storage.start(box, "delete_snapshot", {{"storage_box_snapshot", id}}, work, [id](Box& b) {
            b.snapshots.erase(id);
        });
    return Answer::json(201, {{"action", action}});
}

}  // namespace

void add_snapshot_routes(Router& router, Storage& storage) {
    const std::string all = "/storage_boxes/{id}/snapshots", one = all + "/{snapshot_id}";
    router.add("GET", all, [&](const Call& call) { return list(storage, call); });
    router.add("POST", all, [&](const Call& call) { return create(storage, call); });
    router.add("GET", one, [&](const Call& call) {
        auto& box = storage.box_of(call);
        return Answer::json(200, {{"snapshot", to_json(snapshot_of(box, call), box)}});
    });
    router.add("PUT", one, [&](const Call& call) { return update(storage, call); });
    router.add("DELETE", one, [&](const Call& call) { return remove(storage, call); });
}

}  // namespace kavi::lab::storage

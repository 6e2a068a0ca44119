#include "boxes.hpp"

#include "../hetzner/cloud.hpp"
#include "../hetzner/labels.hpp"
#include "../hetzner/listing.hpp"

#include <fmt/format.h>

namespace kavi::lab::storage {
namespace {

using hetzner::invalid_input;

Answer list(Storage& storage, const Call& call) {
    Json boxes = Json::array();
    for (const auto& [id, box] : storage.boxes) boxes.push_back(to_json(box));
    return hetzner::list_answer(
        call, std::move(boxes), {.key = "storage_boxes", .sortable = {"id", "name", "created"}});
}

void check_new(const Fields& fields) {
    if (find_box_type(fields.text("storage_box_type")) == nullptr)
        throw invalid_input("storage_box_type", "unknown storage box type");
    if (hetzner::find_location(fields.text("location")) == nullptr)
        throw invalid_input("location", "unknown location");
    check_password(fields.text("password"));
    for (const auto& key : fields.has("ssh_keys") ? fields.texts("ssh_keys") : std::vector<std::string>{})
        if (!hetzner::md5_fingerprint(key)) throw invalid_input("ssh_keys", "not a public key");
}

Answer create(Storage& storage, const Call& call) {
    const auto fields = hetzner::body_of(call);
    check_new(fields);
    hetzner::need_unique_name(storage.boxes, fields.text("name"), "storage box");
    Box box{.id = storage.project().next_id(), .name = fields.text("name")};
    box.type = find_box_type(fields.text("storage_box_type"))->name;
    box.location = hetzner::find_location(fields.text("location"))->name;
    box.labels = fields.labels_if().value_or(Labels{});
    if (const auto access = fields.object_if("access_settings")) box.access.change(*access, "zfs_enabled");
    box.created = std::chrono::system_clock::now();
    auto& kept = storage.boxes[box.id] = std::move(box);
    const auto json = to_json(kept);
    const auto action = storage.start(kept, "create", {}, {}, [](Box& made) {
        made.username = fmt::format("u{:06}", made.id % 1'000'000);
        made.server = made.username + ".your-storagebox.de";
        made.status = "active";
    });
    return Answer::json(201, {{"storage_box", json}, {"action", action}});
}

Answer update(Storage& storage, const Call& call) {
    auto& box = storage.box_of(call);
    const auto fields = hetzner::body_of(call);
    const auto wanted = fields.text_if("name");
    const auto labels = fields.labels_if();
    if (wanted) hetzner::need_unique_name(storage.boxes, *wanted, "storage box", box.id);
    if (wanted) box.name = *wanted;
    if (labels) box.labels = *labels;
    return Answer::json(200, {{"storage_box", to_json(box)}});
}

Answer remove(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    if (box.protect) throw hetzner::protected_from("storage box");
    const auto id = box.id;
    const auto action =
        storage.start(box, "delete", {}, {}, [&storage, id](Box&) { storage.boxes.erase(id); });
    return Answer::json(201, {{"action", action}});
}

/// The path's folder on the box's disk. Throws where it leads out of it.
std::filesystem::path below(const std::filesystem::path& disk, const std::string& path) {
    const auto normal = std::filesystem::path("/" + path).lexically_normal().relative_path();
    return disk / normal;
}

Answer folders(Storage& storage, const Call& call) {
    const auto& box = storage.box_of(call);
    const auto path = call.parameter("path").value_or("");
    std::vector<std::string> names;
    if (box.folder) {
        const auto folder = below(*box.folder, path);
        if (!std::filesystem::is_directory(folder)) throw hetzner::not_found("folder");
        names = folders_in(folder);
    } else {
        for (const auto& [id, one] : box.subaccounts)
            if (path.empty() || path == "." || path == "/") names.push_back(one.home);
    }
    return Answer::json(200, {{"folders", names}});
}

}  // namespace

void add_box_routes(Router& router, Storage& storage) {
    router.add("GET", "/storage_boxes", [&](const Call& call) { return list(storage, call); });
    router.add("POST", "/storage_boxes", [&](const Call& call) { return create(storage, call); });
    router.add("GET", "/storage_boxes/{id}", [&](const Call& call) {
        return Answer::json(200, {{"storage_box", to_json(storage.box_of(call))}});
    });
    router.add("PUT", "/storage_boxes/{id}", [&](const Call& call) { return update(storage, call); });
    router.add("DELETE", "/storage_boxes/{id}", [&](const Call& call) { return remove(storage, call); });
    router.add(
        "GET", "/storage_boxes/{id}/folders", [&](const Call& call) { return folders(storage, call); });
}

}  // namespace kavi::lab::storage

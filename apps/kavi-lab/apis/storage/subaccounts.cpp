#include "../hetzner/cloud.hpp"
#include "../hetzner/listing.hpp"
#include "boxes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace kavi::lab::storage {
namespace {

using hetzner::invalid_input;

Subaccount& subaccount_of(Box& box, const Call& call) {
    return hetzner::by_id(box.subaccounts, hetzner::id_of(call, "subaccount_id"), "subaccount");
}

Answer list(Storage& storage, const Call& call) {
    const auto& box = storage.box_of(call);
    Json subaccounts = Json::array();
    for (const auto& [id, one] : box.subaccounts) subaccounts.push_back(to_json(one, box));
    return hetzner::list_answer(call,
                                std::move(subaccounts),
                                {.key = "subaccounts",
                                 .sortable = {"id", "name", "created"},
                                 .filters = {"name", "username"},
                                 .paged = false});
}

std::string checked_home(const Fields& fields) {
    auto home = fields.text("home_directory");
    const auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view(" ./_-").find(c) != std::string_view::npos;
    };
    if (home.empty() || home.front() == '/' || !std::ranges::all_of(home, allowed))
        throw invalid_input("home_directory", "not a valid folder");
    return home;
}

/// The first number that no account of the box has.
std::string free_username(const Box& box) {
    for (int number = 1;; ++number) {
        auto username = fmt::format("{}-sub{}", box.username, number);
        const bool taken = std::ranges::any_of(
            box.subaccounts, [&](const auto& entry) { return entry.second.username == username; });
        if (!taken) return username;
    }
}

Answer create(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto fields = hetzner::body_of(call);
    Subaccount made{.id = storage.project().next_id()};
    made.home = checked_home(fields);
    check_password(fields.text("password"));
    if (std::ssize(box.subaccounts) >= find_box_type(box.type)->subaccounts_limit)
        throw hetzner::known_problem(0, "resource_limit_exceeded");
    made.username = free_username(box);
    made.name = fields.text_if("name").value_or(made.username);
    made.description = fields.text_if("description").value_or("");
    made.labels = fields.labels_if().value_or(Labels{});
    if (const auto access = fields.object_if("access_settings")) made.access.change(*access, "readonly");
    made.created = std::chrono::system_clock::now();
    std::function<void()> work;
    if (box.folder) work = [home = *box.folder / made.home] { std::filesystem::create_directories(home); };
    const auto action =
        storage.start(box, "create_subaccount", {{"storage_box_subaccount", made.id}}, work, [made](Box& b) {
            b.subaccounts[made.id] = made;
        });
    return Answer::json(201,
                        {{"subaccount", {{"id", made.id}, {"storage_box", box.id}}}, {"action", action}});
}

Answer update(Storage& storage, const Call& call) {
    auto& box = storage.box_of(call);
    auto& one = subaccount_of(box, call);
    const auto fields = hetzner::body_of(call);
    const auto name = fields.text_if("name"), description = fields.text_if("description");
    if (const auto labels = fields.labels_if()) one.labels = *labels;
    if (name) one.name = *name;
    if (description) one.description = *description;
    return Answer::json(200, {{"subaccount", to_json(one, box)}});
}

/// Starts an action about the path's subaccount, which ends with that change to it.
Answer change(Storage& storage,
              const Call& call,
              const std::string& command,
              std::function<void(Subaccount&)> then) {
    auto& box = storage.changing(call);
    const auto id = subaccount_of(box, call).id;
    const auto action = storage.start(
        box, command, {{"storage_box_subaccount", id}}, {}, [id, then = std::move(then)](Box& b) {
            const auto found = b.subaccounts.find(id);
            if (found != b.subaccounts.end() && then) then(found->second);
        });
    return Answer::json(201, {{"action", action}});
}

Answer remove(Storage& storage, const Call& call) {
    auto& box = storage.changing(call);
    const auto id = subaccount_of(box, call).id;
    const auto action =
        storage.start(box, "delete_subaccount", {{"storage_box_subaccount", id}}, {}, [id](Box& b) {
            b.subaccounts.erase(id);
        });
    return Answer::json(201, {{"action", action}});
}

void add_action_routes_of_one(Router& router, Storage& storage, const std::string& one) {
    router.add("POST", one + "/actions/change_home_directory", [&](const Call& call) {
        const auto home = checked_home(hetzner::body_of(call));
        return change(storage, call, "change_home_directory", [home](Subaccount& s) { s.home = home; });
    });
    router.add("POST", one + "/actions/reset_subaccount_password", [&](const Call& call) {
        check_password(hetzner::body_of(call).text("password"));
        return change(storage, call, "reset_subaccount_password", {});
    });
    router.add("POST", one + "/actions/update_access_settings", [&](const Call& call) {
        auto access = subaccount_of(storage.box_of(call), call).access;
        access.change(hetzner::body_of(call), "readonly");
        return change(
            storage, call, "update_access_settings", [access](Subaccount& s) { s.access = access; });
    });
}

}  // namespace

void add_subaccount_routes(Router& router, Storage& storage) {
    const std::string all = "/storage_boxes/{id}/subaccounts", one = all + "/{subaccount_id}";
    router.add("GET", all, [&](const Call& call) { return list(storage, call); });
    router.add("POST", all, [&](const Call& call) { return create(storage, call); });
    router.add("GET", one, [&](const Call& call) {
        auto& box = storage.box_of(call);
        return Answer::json(200, {{"subaccount", to_json(subaccount_of(box, call), box)}});
    });
    router.add("PUT", one, [&](const Call& call) { return update(storage, call); });
    router.add("DELETE", one, [&](const Call& call) { return remove(storage, call); });
    add_action_routes_of_one(router, storage, one);
}

}  // namespace kavi::lab::storage

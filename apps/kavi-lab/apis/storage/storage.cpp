#include "../hetzner/cloud.hpp"
#include "boxes.hpp"

#include <fmt/format.h>

#include <utility>

namespace kavi::lab::storage {
namespace {

using hetzner::Problem;

Answer to_answer(const Problem& problem) {
    const Json error{{"code", problem.code}, {"message", problem.message}, {"details", problem.details}};
    return Answer::json(problem.status, {{"error", error}});
}

}  // namespace

Storage::Storage(hetzner::Project& project, const HetznerSeed& seed) : project_(project) {
    add_type_routes(router_);
    add_box_routes(router_, *this);
    add_box_action_routes(router_, *this);
    add_subaccount_routes(router_, *this);
    add_snapshot_routes(router_, *this);
    hetzner::add_action_routes(router_, project_, {{"storage_boxes", "storage_box"}});
    for (const auto& one : seed.storage_boxes) add(one);
}

void Storage::add(const StorageBoxSeed& seed) {
    Box box{.id = project_.next_id(), .name = seed.name, .type = seed.type, .location = seed.location};
    box.status = "active";
    box.username = seed.username;
    box.server = seed.server;
    box.access.ssh = box.access.reachable_externally = true;
    box.folder = seed.folder;
    box.created = std::chrono::system_clock::now();
    for (const auto& one : seed.subaccounts) {
        Subaccount made{.id = project_.next_id(), .name = one.username, .home = one.home};
        made.username = one.username;
        made.access.ssh = made.access.reachable_externally = true;
        made.access.last = one.readonly;
        made.created = box.created;
        box.subaccounts[made.id] = made;
    }
    boxes[box.id] = std::move(box);
}

Answer Storage::answer(Call& call) {
    const std::scoped_lock lock(project_.mutex);
    Answer answer;
    try {
        project_.admit(call);
        const auto match = router_.find(call);
        if (match.miss == Router::Miss::path) throw hetzner::not_found("endpoint");
        if (match.miss == Router::Miss::method) throw hetzner::known_problem(0, "method_not_allowed");
        answer = (*match.handler)(call);
    } catch (const Problem& problem) {
        answer = to_answer(problem);
    }
    answer.headers = project_.headers();
    return answer;
}

Answer Storage::error(int status, const std::string& code) {
    return to_answer(hetzner::known_problem(status, code));
}

Box& Storage::box_of(const Call& call) {
    return hetzner::by_id(boxes, hetzner::id_of(call), "storage box");
}

Box& Storage::changing(const Call& call) {
    auto& box = box_of(call);
    if (box.locked || box.status != "active") throw hetzner::locked("storage box");
    return box;
}

Json Storage::start(Box& box,
                    const std::string& command,
                    hetzner::Resources also,
                    std::function<void()> work,
                    std::function<void(Box&)> then) {
    box.locked = true;
    hetzner::Step step{.command = command, .resources = std::move(also)};
    step.resources.insert(step.resources.begin(), {"storage_box", box.id});
    step.work = std::move(work);
    const auto id = box.id;
    const auto unlock = [this, id](const std::function<void(Box&)>& change) {
        const auto found = boxes.find(id);
        if (found == boxes.end()) return;
        found->second.locked = false;
        if (change) change(found->second);
    };
    // In one moment with the action's end: who sees that end may go on at once.
    step.succeeded = [unlock, then = std::move(then)] { unlock(then); };
    step.failed = [unlock] { unlock({}); };
    const auto action = project_.start_one(name(), std::move(step));
    return hetzner::to_json(action);
}

}  // namespace kavi::lab::storage

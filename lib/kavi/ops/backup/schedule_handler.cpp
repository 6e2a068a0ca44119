#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/schedule_handler.hpp>

#include <fmt/format.h>

namespace kavi::ops {

void BackupHostHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        if (const auto* keys = dynamic_cast<const BackupKeysStep*>(action->payload.get()))
            make_keys(*keys, stop);
        else if (const auto* schedule = dynamic_cast<const BackupScheduleStep*>(action->payload.get()))
            put_schedule(*schedule, stop);
        else
            throw Error(errors::internal, fmt::format("{} carries nothing that its handler knows", action->id));
    }
}

void BackupHostHandler::make_keys(const BackupKeysStep& step, std::stop_token stop) {
    auto& host = tools_.host_at(step.server, stop);
    for (const auto& door : step.doors) {
        const auto ask = [&] { return host.call({.name = "backup/keys", .parameters = {{"spec", door.spec}}}, stop); };
        const auto said = let_in(tools_.estate.storages.at(door.store), door.user, step.server, ask, tools_.door, stop);
        const std::lock_guard lock(mutex_);
        signing_keys_.insert_or_assign(step.server, string_or(said, "signing"));
    }
}

void BackupHostHandler::put_schedule(const BackupScheduleStep& step, std::stop_token stop) const {
    host::Operation operation{.name = "backup/schedule", .parameters = {{"units", step.units}, {"keep", step.request.unknown}}};
    operation.frames.push_back({.name = "backup-request", .bytes = step.request.text()});
    tools_.host_at(step.server, stop).call(operation, stop);
}

std::map<std::string, std::string> BackupHostHandler::signing_keys() const {
    const std::lock_guard lock(mutex_);
    return signing_keys_;
}

}  // namespace kavi::ops

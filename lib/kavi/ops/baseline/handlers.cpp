#include <kavi/base/error_codes.hpp>
#include <kavi/ops/baseline/handlers.hpp>
#include <kavi/ops/baseline/let_in.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

const BaselineStep& step_of(const plan::Action& action) {
    const auto* step = dynamic_cast<const BaselineStep*>(action.payload.get());
    if (!step)
        throw Error(errors::internal, fmt::format("{} carries nothing that its handler knows", action.id));
    return *step;
}

}  // namespace

void BaselineHandlers::add_to(run::Handlers& handlers) {
    handlers.insert_or_assign("baseline", this);
    handlers.insert_or_assign("mount", this);
}

run::Look BaselineHandlers::look(const plan::Action& action, std::stop_token stop) {
    const auto& step = step_of(action);
    const auto said = tools_.hosts.at(step.server, stop)
                          .call({.name = "baseline/check", .parameters = {{"spec", step.spec}}}, stop);
    return {string_or(said, "state") == "differs" ? run::Standing::before : run::Standing::after, ""};
}

void BaselineHandlers::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        const auto& step = step_of(*action);
        if (action->kind == "mount") let_in(step, stop);
        mend(step, stop);
    }
}

void BaselineHandlers::mend(const BaselineStep& step, std::stop_token stop) {
    const auto done = tools_.hosts.at(step.server, stop)
                          .call({.name = "baseline/mend", .parameters = {{"spec", step.spec}}}, stop);
    const auto name = string_or(done, "confirm");
    if (name.empty()) return;
    // Only somebody who got in anew may say that the change stays.
    tools_.hosts.close(step.server);
    tools_.hosts.at(step.server, stop).call({.name = "guard/confirm", .parameters = {{"name", name}}}, stop);
}

void BaselineHandlers::let_in(const BaselineStep& step, std::stop_token stop) {
    const auto& storage = tools_.estate.storages.at(step.item);
    const auto ask = [&] {
        return tools_.hosts.at(step.server, stop)
            .call({.name = "mount/prepare", .parameters = {{"spec", step.spec}}}, stop);
    };
    ops::let_in(storage, storage.mount->user, step.server, ask, {tools_.vault, tools_.connector}, stop);
}

}  // namespace kavi::ops

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/baseline/handlers.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

const BaselineStep& step_of(const plan::Action& action) {
    const auto* step = dynamic_cast<const BaselineStep*>(action.payload.get());
    if (!step)
        throw Error(errors::internal, fmt::format("{} carries nothing that its handler knows", action.id));
    return *step;
}

bool is_true(const Json& object, std::string_view key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_boolean() && found->get<bool>();
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
    const host::Operation prepare{.name = "mount/prepare", .parameters = {{"spec", step.spec}}};
    const auto said = tools_.hosts.at(step.server, stop).call(prepare, stop);
    if (is_true(said, "accepted")) return;
    install_key(tools_.estate.storages.at(step.item), string_or(said, "public"), stop);
    const auto again = tools_.hosts.at(step.server, stop).call(prepare, stop);
    if (is_true(again, "accepted")) return;
    Error error(errors::ssh_auth,
                fmt::format("{} doesn't let {}'s key in, though it was installed", step.item, step.server));
    if (const auto why = again.find("why"); why != again.end() && why->is_array() && !why->empty())
        error.because(printable((*why)[0].is_string() ? (*why)[0].get<std::string>() : ""));
    throw error.fix(fmt::format("check that the account {} is there and may be used from outside",
                                tools_.estate.storages.at(step.item).mount->user));
}

void BaselineHandlers::install_key(const model::Storage& storage,
                                   const std::string& public_line,
                                   std::stop_token stop) {
    const auto admin = storage.keys.find("admin");
    if (admin == storage.keys.end() || !tools_.connector)
        throw Error(errors::credentials_missing,
                    fmt::format("{} has to let a new host key in, and nobody may do that", storage.name))
            .because(public_line)
            .fix(fmt::format(
                "name an admin key (storage.{}.keys.admin), or install this public key for {} by hand",
                storage.name,
                storage.mount->user));
    net::SshTarget target{
        .name = storage.name, .host = storage.host, .port = storage.port, .user = storage.mount->user};
    target.key = tools_.vault.get(admin->second);
    if (storage.host_key)
        if (auto pin = pin_from_fingerprint(*storage.host_key)) target.pins.push_back(std::move(*pin));
    const auto session = tools_.connector->connect(target, stop);
    const auto result =
        session->exec("install-ssh-key", public_line + "\n", {}, stop, std::chrono::seconds(60));
    if (result.status != 0)
        throw Error(errors::remote_failed, fmt::format("{} didn't take a host's public key", storage.name))
            .because(std::string(trim(printable(result.errors.empty() ? result.output : result.errors))));
}

}  // namespace kavi::ops

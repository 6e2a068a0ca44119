#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/ssh_keys.hpp>
#include <kavi/ops/trust/rotate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::ops {

namespace {

struct TrustStep final : plan::Payload {
    std::string server;
};

struct StepText {
    std::string_view name;
    std::string_view subject;
    std::string_view reason;
    TrustPhase from;
    TrustPhase to;
};

constexpr std::array steps{
    StepText{"make", "host key", "the host makes a key of its own", TrustPhase::boot, TrustPhase::boot},
    StepText{"announce", "host key pins", "both keys are pinned", TrustPhase::boot, TrustPhase::rotating},
    StepText{"switch",
             "sshd's host key",
             "its own key instead of the first one",
             TrustPhase::rotating,
             TrustPhase::rotating},
    StepText{"settle", "host key pin", "proved by a new connection", TrustPhase::rotating, TrustPhase::ready},
};

plan::Action step_action(const std::string& server, const StepText& text) {
    auto step = std::make_shared<TrustStep>();
    step->server = server;
    plan::Action action{.id = fmt::format("trust/{}/{}", server, text.name),
                        .verb = plan::Verb::run,
                        .kind = fmt::format("trust/{}", text.name),
                        .group = server,
                        .subject = std::string(text.subject),
                        .reason = std::string(text.reason),
                        .lane = server};
    action.before = {{"phase", name_of(text.from)}};
    action.expected_after = {{"phase", name_of(text.to)}, {"step", text.name}};
    action.payload = std::move(step);
    return action;
}

/// The steps from `phase` on, each after the one before, the first after `needs`.
void add_steps(plan::Plan& plan,
               const std::string& server,
               TrustPhase phase,
               std::vector<std::string> needs) {
    for (const auto& text : steps) {
        if (text.from < phase) continue;
        auto action = step_action(server, text);
        action.after = std::exchange(needs, {action.id});
        plan.actions.push_back(std::move(action));
    }
}

std::vector<std::string> there(const plan::Plan& plan, std::initializer_list<std::string> ids) {
    std::vector<std::string> found;
    std::ranges::copy_if(
        ids, std::back_inserter(found), [&](const auto& id) { return plan.find(id) != nullptr; });
    return found;
}

std::string pin_of(const Json& result, const std::string& server) {
    if (auto pin = net::public_key_digest(string_or(result, "public"))) return std::move(*pin);
    throw Error(errors::remote_failed, fmt::format("{} gave no public host key", server));
}

}  // namespace

plan::Action trust_record_action(const std::string& server) {
    auto action = step_action(
        server,
        {"record", "host key pin", "from kavi.toml into labels", TrustPhase::ready, TrustPhase::ready});
    action.verb = plan::Verb::update;
    return action;
}

plan::Plan plan_trust(const model::Estate&,
                      std::span<const std::string> names,
                      const ManagedServers& managed,
                      const plan::Plan& servers) {
    plan::Plan plan;
    for (const auto& name : names) {
        const auto found = managed.find(name);
        auto needs = there(servers, {"server/" + name, "server/" + name + "/start"});
        if (found == managed.end()) {
            if (!needs.empty()) add_steps(plan, name, TrustPhase::boot, std::move(needs));
            continue;
        }
        const auto& one = found->second;
        if (one.trust.phase != TrustPhase::ready) add_steps(plan, name, one.trust.phase, std::move(needs));
        if (one.labelled) continue;
        auto action = trust_record_action(name);
        action.after = std::move(needs);
        plan.actions.push_back(std::move(action));
    }
    return plan;
}

struct TrustHandler::Current {
    api::HetznerServer server;
    std::optional<Trust> trust;
};

void TrustHandler::add_to(run::Handlers& handlers) {
    for (const auto& text : steps) handlers.insert_or_assign(fmt::format("trust/{}", text.name), this);
    handlers.insert_or_assign("trust/record", this);
}

/// Only what the labels say ends a step early; what the host must do is asked of the host, which knows if it
/// has.
run::Look TrustHandler::look(const plan::Action& action, std::stop_token stop) {
    const auto& server = dynamic_cast<const TrustStep&>(*action.payload).server;
    const auto now = current(server, std::move(stop));
    if (!now.trust)
        return {action.kind == "trust/record" ? run::Standing::before : run::Standing::other, "no labels"};
    tools_.facts.learn_pins(server, now.trust->pins);
    const auto phase = now.trust->phase;
    const bool done =
        phase == TrustPhase::ready || (phase == TrustPhase::rotating && action.kind == "trust/announce");
    return {done ? run::Standing::after : run::Standing::before, ""};
}

void TrustHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        const auto& server = dynamic_cast<const TrustStep&>(*action->payload).server;
        if (action->kind == "trust/make") make(server, stop);
        if (action->kind == "trust/announce") announce(server, stop);
        if (action->kind == "trust/switch") switch_over(server, stop);
        if (action->kind == "trust/settle") settle(server, stop);
        if (action->kind == "trust/record") record(server, stop);
    }
}

TrustHandler::Current TrustHandler::current(const std::string& server, std::stop_token stop) {
    const auto facts = tools_.facts.find(server);
    auto found = facts && facts->hetzner_id ? tools_.cloud.server(*facts->hetzner_id, stop)
                                            : tools_.cloud.server_named(server, stop);
    if (!found) throw Error(errors::state_unexpected, fmt::format("server {} is gone", server));
    auto trust = read_trust(*found, tools_.estate, tools_.pin_key);
    return {std::move(*found), std::move(trust)};
}

void TrustHandler::write(const Current& current, const Trust& trust, std::stop_token stop) {
    tools_.cloud.change_labels(
        current.server.id,
        trust_labels(trust, tools_.estate, current.server.name, current.server.id, tools_.pin_key),
        std::move(stop));
    tools_.facts.learn_pins(current.server.name, trust.pins);
}

/// A server that boots may answer before the operator's key is installed.
host::Host& TrustHandler::first_contact(const std::string& server, std::stop_token stop) {
    const auto until = tools_.clock.steady() + tools_.patience;
    while (true) {
        try {
            return tools_.hosts.at(server, stop, tools_.patience);
        } catch (const Error& error) {
            const bool booting = error.code() == errors::ssh_auth && tools_.clock.steady() < until;
            if (!booting || stop.stop_requested()) throw;
        }
        tools_.clock.sleep_for(std::chrono::seconds(1), stop);
    }
}

std::string TrustHandler::own_key(const std::string& server, std::stop_token stop) {
    return pin_of(first_contact(server, stop).call({.name = "trust/make"}, stop), server);
}

/// (b) The connection proves the one-time key; the new private key never leaves the host.
void TrustHandler::make(const std::string& server, std::stop_token stop) {
    first_contact(server, stop).call({.name = "machine/wait", .parameters = {{"timeout", 600}}}, stop);
    own_key(server, stop);
}

/// (c) From here on the server may show either key.
void TrustHandler::announce(const std::string& server, std::stop_token stop) {
    const auto now = current(server, stop);
    const auto first = now.trust.value().pins.front();
    write(now,
          {.phase = TrustPhase::rotating,
           .pins = {first, own_key(server, stop)},
           .time = std::chrono::floor<std::chrono::seconds>(tools_.clock.now())},
          stop);
}

/// (d) sshd shows the new key, for two minutes unless the next step confirms it.
void TrustHandler::switch_over(const std::string& server, std::stop_token stop) {
    first_contact(server, stop).call({.name = "trust/switch"}, stop);
    tools_.hosts.close(server);
}

/// (e) A connection that accepts the new key alone, (f) and the labels say so.
void TrustHandler::settle(const std::string& server, std::stop_token stop) {
    const auto now = current(server, stop);
    const auto own = now.trust.value().pins.back();
    tools_.hosts.close(server);
    tools_.facts.learn_pins(server, {own});
    first_contact(server, stop).call({.name = "trust/settle"}, stop);
    write(now,
          {.phase = TrustPhase::ready,
           .pins = {own},
           .time = std::chrono::floor<std::chrono::seconds>(tools_.clock.now())},
          stop);
}

/// The pin of kavi.toml, once a connection has shown that key.
void TrustHandler::record(const std::string& server, std::stop_token stop) {
    const auto target = tools_.hosts.target(server);
    first_contact(server, stop);
    write(current(server, stop),
          {.phase = TrustPhase::ready,
           .pins = {target.pins.at(0)},
           .time = std::chrono::floor<std::chrono::seconds>(tools_.clock.now())},
          stop);
}

}  // namespace kavi::ops

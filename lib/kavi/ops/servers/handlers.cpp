#include <kavi/base/error_codes.hpp>
#include <kavi/ops/servers/handlers.hpp>
#include <kavi/ops/servers/observe.hpp>
#include <kavi/ops/servers/plan.hpp>
#include <kavi/ops/servers/user_data.hpp>
#include <kavi/ops/trust/labels.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

/// One action after the other; Step is the payload.
template <typename Step>
class StepHandler : public run::Handler {
  public:
    explicit StepHandler(HetznerTools& tools) : tools_(tools) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) final {
        for (const auto* action : batch) carry_out(step_of(*action), stop);
    }

  protected:
    static const Step& step_of(const plan::Action& action) {
        const auto* step = dynamic_cast<const Step*>(action.payload.get());
        if (!step)
            throw Error(errors::internal,
                        fmt::format("{} carries nothing that its handler knows", action.id));
        return *step;
    }

    virtual void carry_out(const Step& step, std::stop_token stop) = 0;

    HetznerTools& tools_;
};

class SshKeyHandler final : public StepHandler<SshKeyStep> {
    using StepHandler::StepHandler;

    void carry_out(const SshKeyStep& step, std::stop_token stop) override {
        tools_.cloud.create_ssh_key(step.name, step.public_key, step.labels, stop);
    }
};

class FirewallHandler final : public StepHandler<FirewallStep> {
    using StepHandler::StepHandler;

    void carry_out(const FirewallStep& step, std::stop_token stop) override {
        if (step.id) return tools_.cloud.set_rules({.id = *step.id, .name = step.name}, step.rules, stop);
        const auto started = tools_.cloud.create_firewall(step.name, step.rules, step.labels, stop);
        tools_.cloud.await(started.actions, stop);
        // Made by a run that was cut off, perhaps of an older file.
        if (started.was_there) tools_.cloud.set_rules(started.thing, step.rules, stop);
    }
};

class FirewallApplyHandler final : public StepHandler<FirewallApplyStep> {
    using StepHandler::StepHandler;

    void carry_out(const FirewallApplyStep& step, std::stop_token stop) override {
        const auto all = tools_.cloud.firewalls(stop);
        const auto found = std::ranges::find(all, step.firewall, &api::HetznerFirewall::name);
        if (found == all.end())
            throw Error(errors::state_unexpected, fmt::format("firewall {} is gone", step.firewall));
        tools_.cloud.apply_firewall(found->id, step.server, stop);
    }
};

class PrimaryIpHandler final : public StepHandler<PrimaryIpStep> {
    using StepHandler::StepHandler;

    void carry_out(const PrimaryIpStep& step, std::stop_token stop) override {
        const auto started =
            tools_.cloud.create_primary_ip(step.name, step.type, step.location, step.labels, stop);
        tools_.cloud.await(started.actions, stop);
    }
};

class ProtectHandler final : public StepHandler<ServerIdStep> {
    using StepHandler::StepHandler;

    void carry_out(const ServerIdStep& step, std::stop_token stop) override {
        auto id = step.id;
        if (!id)
            if (const auto facts = tools_.facts.find(step.server)) id = facts->hetzner_id;
        if (!id) throw Error(errors::state_unexpected, fmt::format("server {} is gone", step.server));
        tools_.cloud.protect(*id, step.wanted, stop);
    }
};

class StartHandler final : public StepHandler<ServerIdStep> {
    using StepHandler::StepHandler;

    void carry_out(const ServerIdStep& step, std::stop_token stop) override {
        tools_.cloud.power_on(step.id.value_or(0), stop);
    }
};

class DeleteHandler final : public StepHandler<ServerIdStep> {
    using StepHandler::StepHandler;

    void carry_out(const ServerIdStep& step, std::stop_token stop) override {
        tools_.cloud.delete_server(step.id.value_or(0), stop);
        tools_.facts.forget(step.server);
    }
};

class FirewallDeleteHandler final : public StepHandler<FirewallStep> {
    using StepHandler::StepHandler;

    void carry_out(const FirewallStep& step, std::stop_token stop) override {
        tools_.cloud.delete_firewall(step.id.value_or(0), stop);
    }
};

class LabelsHandler final : public StepHandler<LabelsStep> {
    using StepHandler::StepHandler;

    void carry_out(const LabelsStep& step, std::stop_token stop) override {
        if (step.server) tools_.cloud.change_labels(*step.server, step.changes, stop);
        if (step.firewall) tools_.cloud.change_firewall_labels(*step.firewall, step.changes, stop);
    }
};

class ServerHandler final : public StepHandler<ServerStep> {
  public:
    using StepHandler::StepHandler;

    run::Look look(const plan::Action& action, std::stop_token stop) override {
        const auto& step = step_of(action);
        const auto found = tools_.cloud.server_named(step.server, stop);
        if (!found) return {run::Standing::before, ""};
        if (api::label_or_empty(found->labels, api::owner_label) != step.estate)
            return {run::Standing::other, fmt::format("a server {} that isn't kavi's", step.server)};
        learn(*found, step.estate);
        return {run::Standing::after, ""};
    }

  private:
    void carry_out(const ServerStep& step, std::stop_token stop) override {
        try {
            create(step, stop);
        } catch (Error& error) {
            if (is_want_of_room(error)) add_alternatives(error, step, stop);
            throw;
        }
    }

    void create(const ServerStep& step, std::stop_token stop) {
        const auto key = tools_.make_key();
        const auto started = tools_.cloud.create_server(order_of(step, key, stop), stop);
        tools_.cloud.await(started.actions, stop);
        const auto server = tools_.cloud.server(started.thing.id, stop);
        if (!server) throw Error(errors::state_unexpected, fmt::format("server {} is gone", step.server));
        learn(*server, step.estate);
    }

    api::HetznerServerOrder order_of(const ServerStep& step,
                                     const net::SshKeyPair& key,
                                     std::stop_token stop) {
        api::HetznerServerOrder order{.name = step.server,
                                      .type = step.type,
                                      .image = step.image,
                                      .location = step.location,
                                      .ssh_keys = step.ssh_keys,
                                      .user_data = with_host_key(step.user_data, key),
                                      .labels = labels_of(step, key)};
        if (!step.firewall.empty())
            order.firewalls.push_back(id_of(tools_.cloud.firewalls(stop), "firewall", step.firewall));
        order.ipv4 = id_of(tools_.cloud.primary_ips(stop), "primary IP", step.primary_ip);
        order.ipv6 = step.ipv6;
        return order;
    }

    template <typename Thing>
    static std::int64_t id_of(const std::vector<Thing>& things,
                              std::string_view kind,
                              const std::string& name) {
        const auto found = std::ranges::find(things, name, &Thing::name);
        if (found == things.end())
            throw Error(errors::state_unexpected, fmt::format("{} {} is gone", kind, name));
        return found->id;
    }

    api::Labels labels_of(const ServerStep& step, const net::SshKeyPair& key) {
        const Trust trust{.phase = TrustPhase::boot,
                          .pins = {key.digest},
                          .time = std::chrono::floor<std::chrono::seconds>(tools_.clock.now())};
        api::Labels labels{{std::string(api::owner_label), step.estate},
                           {std::string(user_data_label), user_data_digest(step.user_data)}};
        for (const auto& [name, value] :
             trust_labels(trust, step.estate, step.server, std::nullopt, tools_.pin_key))
            if (value) labels[name] = *value;
        return labels;
    }

    /// The pins come from the server's own labels: it may be one that another run made.
    void learn(const api::HetznerServer& server, const std::string& estate) {
        auto trust = read_trust(server, estate, tools_.pin_key);
        if (!trust)
            throw Error(errors::host_key_unpinned,
                        fmt::format("server {} has no pinned host key", server.name))
                .because("somebody removed its labels at Hetzner");
        tools_.facts.learn(server.name, facts_of({.server = server, .trust = std::move(*trust)}));
    }

    static bool is_want_of_room(const Error& error) {
        return std::ranges::any_of(error.causes(), [](const std::string& cause) {
            return cause.starts_with("resource_unavailable") || cause.starts_with("placement_error");
        });
    }

    void add_alternatives(Error& error, const ServerStep& step, std::stop_token stop) {
        const std::vector<std::string> wanted{step.type};
        for (const auto& line : alternatives(tools_.cloud.server_types(stop), wanted, step.location))
            error.because(line);
    }
};

}  // namespace

struct HetznerHandlers::Parts {
    HetznerTools tools;
    SshKeyHandler ssh_key{tools};
    FirewallHandler firewall{tools};
    FirewallApplyHandler firewall_apply{tools};
    PrimaryIpHandler primary_ip{tools};
    ServerHandler server{tools};
    ProtectHandler protect{tools};
    StartHandler start{tools};
    DeleteHandler deleter{tools};
    FirewallDeleteHandler firewall_deleter{tools};
    LabelsHandler labels{tools};
};

HetznerHandlers::HetznerHandlers(HetznerTools tools) : parts_(new Parts{.tools = std::move(tools)}) {}

HetznerHandlers::~HetznerHandlers() = default;

void HetznerHandlers::add_to(run::Handlers& handlers) const {
    handlers.insert_or_assign("hetzner/ssh-key", &parts_->ssh_key);
    handlers.insert_or_assign("hetzner/firewall", &parts_->firewall);
    handlers.insert_or_assign("hetzner/firewall-apply", &parts_->firewall_apply);
    handlers.insert_or_assign("hetzner/primary-ip", &parts_->primary_ip);
    handlers.insert_or_assign("hetzner/server", &parts_->server);
    handlers.insert_or_assign("hetzner/protect", &parts_->protect);
    handlers.insert_or_assign("hetzner/start", &parts_->start);
    handlers.insert_or_assign("hetzner/delete", &parts_->deleter);
    handlers.insert_or_assign("hetzner/firewall-delete", &parts_->firewall_deleter);
    handlers.insert_or_assign("hetzner/labels", &parts_->labels);
}

}  // namespace kavi::ops

#pragma once

#include <kavi/ops/agent_install/plan.hpp>
#include <kavi/ops/hosts.hpp>
#include <kavi/run/executor.hpp>

#include <functional>

namespace kavi::ops {

/// Carries out what plan_agent plans: the program goes over the server's one connection, compressed; the runner checks its digest, runs
/// it once, and then puts it in the place of the old one.
class AgentInstallHandler final : public run::Handler {
  public:
    using HostAt = std::function<host::Host&(const std::string& server, std::stop_token stop)>;

    explicit AgentInstallHandler(HostAt host_at) : host_at_(std::move(host_at)) {}

    run::Look look(const plan::Action& action, std::stop_token stop) override;
    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

  private:
    HostAt host_at_;
};

}  // namespace kavi::ops

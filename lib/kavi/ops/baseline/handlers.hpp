#pragma once

#include <kavi/net/ssh.hpp>
#include <kavi/ops/baseline/plan.hpp>
#include <kavi/ops/hosts.hpp>
#include <kavi/run/executor.hpp>
#include <kavi/secrets/secrets.hpp>

#include <string>

namespace kavi::ops {

struct BaselineTools {
    const model::Estate& estate;
    Hosts& hosts;
    const secrets::SecretVault& vault;  ///< has the boxes' admin keys
    /// Reaches Storage Boxes, to let a host's key in. Null: a host whose key isn't let in yet can't be
    /// helped.
    net::SshConnector* connector = nullptr;
};

/// Carries out what plan_baseline and plan_mounts plan. A change of sshd or of who may log in is followed by
/// a new connection that confirms it; where that can't be made the host undoes the change by itself. A box
/// gets a host's new public key by `install-ssh-key`, logged in as the mount's account with the box's admin
/// key.
class BaselineHandlers final : public run::Handler {
  public:
    explicit BaselineHandlers(BaselineTools tools) : tools_(std::move(tools)) {}

    run::Look look(const plan::Action& action, std::stop_token stop) override;
    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;
    void add_to(run::Handlers& handlers);

  private:
    void mend(const BaselineStep& step, std::stop_token stop);
    void let_in(const BaselineStep& step, std::stop_token stop);

    BaselineTools tools_;
};

}  // namespace kavi::ops

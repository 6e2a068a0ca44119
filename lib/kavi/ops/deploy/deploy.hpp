#pragma once

#include <kavi/ops/agent_install/plan.hpp>
#include <kavi/ops/deploy/observe.hpp>
#include <kavi/ops/dns/handler.hpp>
#include <kavi/ops/stacks/files.hpp>
#include <kavi/run/executor.hpp>
#include <kavi/secrets/secrets.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

/// `kavi deploy`: every part's plan in one, and the handlers that carry it out.
namespace kavi::ops {

struct DeployRequest {
    const model::LoadedEstate& loaded;
    const Scope& scope;
    const secrets::SecretVault& vault;
    const DeployObservation& seen;
    const std::map<std::string, StackFiles>& files;  ///< by stack
    const RunFacts& facts;
    std::chrono::system_clock::time_point now;
    const AgentProgram* agent = nullptr;  ///< for servers with backups; null: there is none here
    std::string kavi = {};                ///< this version
    std::int64_t sealed_sequence = 0;     ///< of the sealed copy at hand; 0: none is open
};

struct DeployPlan {
    plan::Plan plan;
    DnsPlan dns;  ///< its guards and creations; its actions are in `plan`
};

/// Decides everything. Pure. Throws what the parts throw: a secret that is missing, a foreign server, a primary IP
/// that isn't there.
DeployPlan plan_deploy(const DeployRequest& request);

/// The commit that each server was deployed from, as its records say; absent: never, or not from a repository.
std::map<std::string, std::string> deployed_commits(const DeployObservation& seen);

struct DeployHandlersRequest {
    const model::LoadedEstate& loaded;
    const DeployTools& tools;
    const secrets::SecretVault& vault;
    run::Listener& listener;
    ImageSink& images;
    std::string who;     ///< for the records on hosts
    std::string commit;  ///< of the checkout; empty: none
    std::string digest;  ///< of the plan
};

/// The handlers of all kinds that plan_deploy plans.
class DeployHandlers {
  public:
    explicit DeployHandlers(const DeployHandlersRequest& request);
    ~DeployHandlers();

    run::Handlers all() const;

    /// The public halves of the keys that sign backups, by server, of those whose keys this run has made.
    std::map<std::string, std::string> signing_keys() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::ops

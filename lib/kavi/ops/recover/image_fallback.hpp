#pragma once

#include <kavi/run/executor.hpp>

#include <map>
#include <string>
#include <vector>

namespace kavi::ops {

/// Pulls images as a deploy does, and where a registry can't give one, loads the archive that was backed up.
class PullOrLoad final : public run::Handler {
  public:
    /// `archives` are plan_restore's actions for images ("restore/SERVER/images/IMAGE"), carried out by `restore`.
    PullOrLoad(run::Handler& pull, run::Handler& restore, std::vector<plan::Action> archives);

    run::Look look(const plan::Action& action, std::stop_token stop) override { return pull_.look(action, std::move(stop)); }

    /// Throws what pulling threw, for those images that have no archive either.
    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

  private:
    /// False: there is no archive of it.
    bool load(const plan::Action& action, std::stop_token stop);

    run::Handler& pull_;
    run::Handler& restore_;
    std::map<std::string, plan::Action> archives_;  ///< by the image, as the engine names it
};

}  // namespace kavi::ops

#pragma once

#include "../background.hpp"
#include "../fault.hpp"
#include "../http/call.hpp"
#include "../lab_apis.hpp"

#include <kavi/base/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kavi::lab::hetzner {

using Time = std::chrono::system_clock::time_point;

/// "2026-11-24T10:15:00+00:00".
std::string rfc3339(Time time);

/// What an action is about: "server" and its id.
using Resources = std::vector<std::pair<std::string, std::int64_t>>;

struct Action {
    std::int64_t id = 0;
    std::string command;
    std::string status = "running";
    Time started;
    std::optional<Time> finished;
    std::chrono::milliseconds expected{};  ///< progress is told by this
    Resources resources;
    std::string error_code, error_message;
};

Json to_json(const Action& action);

/// One asynchronous action: what it does, and what becomes of it.
struct Step {
    std::string command;
    Resources resources;
    /// The work itself, without the lock; throws where it fails. Empty: it takes the lab's usual time.
    std::function<void()> work;
    std::function<void()> succeeded;  ///< under the lock
    std::function<void()> failed;     ///< under the lock
};

/// What the hosts of one Hetzner project share: the token, the allowance of requests, ids, actions.
/// Everything but start()'s background work happens under `mutex`.
class Project {
  public:
    Project(const HetznerSeed& seed, FaultTable& faults, Background& background);

    std::mutex mutex;

    std::int64_t next_id() { return ++last_id_; }

    Background& background() { return background_; }

    /// Starts the steps one after the other; when one fails, those after it fail too. `finally` runs under
    /// the lock at the end, whatever came of them. Gives the actions, all of them "running".
    std::vector<Action> start(const std::string& api,
                              std::vector<Step> steps,
                              std::function<void()> finally = {});
    /// The same for a single step.
    Action start_one(const std::string& api, Step step, std::function<void()> finally = {});

    const std::map<std::int64_t, Action>& actions() const { return actions_; }

    /// Refuses a request that isn't allowed (Problem); counts it against the allowance.
    void admit(const Call& call);
    /// RateLimit-* and X-Correlation-Id.
    Pairs headers();

  private:
    void run(const std::string& api,
             const std::vector<Step>& steps,
             const std::vector<std::int64_t>& ids,
             const std::function<void()>& finally,
             std::stop_token stop);
    bool run_step(const std::string& api, const Step& step, std::int64_t id, const std::stop_token& stop);
    void finish(std::int64_t id, const std::string& code, const std::string& message);
    void refill();

    HetznerSeed seed_;
    FaultTable& faults_;
    Background& background_;
    std::int64_t last_id_ = 4'710'000;
    std::map<std::int64_t, Action> actions_;
    double allowance_;
    std::chrono::steady_clock::time_point refilled_;
};

}  // namespace kavi::lab::hetzner

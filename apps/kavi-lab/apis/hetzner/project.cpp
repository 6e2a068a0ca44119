#include "project.hpp"

#include "problem.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/text.hpp>

#include <algorithm>
#include <cmath>

namespace kavi::lab::hetzner {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

int progress_of(const Action& action) {
    if (action.status == "success") return 100;
    if (action.finished || action.expected.count() == 0) return 0;
    const auto spent =
        std::chrono::duration_cast<std::chrono::milliseconds>(system_clock::now() - action.started);
    return static_cast<int>(std::clamp<std::int64_t>(100 * spent.count() / action.expected.count(), 0, 95));
}

}  // namespace

std::string rfc3339(Time time) {
    auto text = iso8601(time);
    text.pop_back();
    return text + "+00:00";
}

Json to_json(const Action& action) {
    Json resources = Json::array();
    for (const auto& [type, id] : action.resources) resources.push_back({{"id", id}, {"type", type}});
    Json error = nullptr;
    if (!action.error_code.empty()) error = {{"code", action.error_code}, {"message", action.error_message}};
    return {{"id", action.id},
            {"command", action.command},
            {"status", action.status},
            {"started", rfc3339(action.started)},
            {"finished", action.finished ? Json(rfc3339(*action.finished)) : Json(nullptr)},
            {"progress", progress_of(action)},
            {"resources", resources},
            {"error", error}};
}

Project::Project(const HetznerSeed& seed, FaultTable& faults, Background& background)
    : seed_(seed),
      faults_(faults),
      background_(background),
      allowance_(static_cast<double>(seed.rate_limit)),
      refilled_(steady_clock::now()) {}

std::vector<Action> Project::start(const std::string& api,
                                   std::vector<Step> steps,
                                   std::function<void()> finally) {
    std::vector<Action> started;
    std::vector<std::int64_t> ids;
    for (const auto& step : steps) {
        Action action{.id = next_id(), .command = step.command, .started = system_clock::now()};
        action.expected = step.work ? std::chrono::seconds(4) : seed_.action_time;
        action.resources = step.resources;
        actions_[action.id] = action;
        ids.push_back(action.id);
        started.push_back(std::move(action));
    }
    background_.start([this, api, steps = std::move(steps), ids, finally = std::move(finally)](
                          const std::stop_token& stop) { run(api, steps, ids, finally, stop); });
    return started;
}

Action Project::start_one(const std::string& api, Step step, std::function<void()> finally) {
    std::vector<Step> steps;
    steps.push_back(std::move(step));
    return start(api, std::move(steps), std::move(finally)).front();
}

void Project::run(const std::string& api,
                  const std::vector<Step>& steps,
                  const std::vector<std::int64_t>& ids,
                  const std::function<void()>& finally,
                  std::stop_token stop) {
    bool good = true;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (good) {
            good = run_step(api, steps[i], ids[i], stop);
        } else {
            const std::scoped_lock lock(mutex);
            finish(ids[i], "action_failed", "an action before this one failed");
        }
    }
    const std::scoped_lock lock(mutex);
    if (finally) finally();
}

bool Project::run_step(const std::string& api,
                       const Step& step,
                       std::int64_t id,
                       const std::stop_token& stop) {
    std::string code, message;
    if (const auto fault = faults_.for_action(api, step.command)) {
        Background::wait(std::max(fault->delay, seed_.action_time), stop);
        code = fault->error;
        if (!code.empty()) message = known_problem(0, code).message;
    }
    try {
        if (code.empty() && step.work) step.work();
        if (code.empty() && !step.work) Background::wait(seed_.action_time, stop);
    } catch (const std::exception& problem) {
        code = "unknown_error";
        message = problem.what();
    }
    const std::scoped_lock lock(mutex);
    finish(id, code, message);
    const auto& then = code.empty() ? step.succeeded : step.failed;
    if (then) then();
    return code.empty();
}

void Project::finish(std::int64_t id, const std::string& code, const std::string& message) {
    auto& action = actions_.at(id);
    action.status = code.empty() ? "success" : "error";
    action.finished = system_clock::now();
    action.error_code = code;
    action.error_message = message;
}

void Project::refill() {
    const auto now = steady_clock::now();
    const auto seconds = std::chrono::duration<double>(now - refilled_).count();
    const auto limit = static_cast<double>(seed_.rate_limit);
    allowance_ = std::min(limit, allowance_ + seconds * limit / 3600);
    refilled_ = now;
}

void Project::admit(const Call& call) {
    refill();
    if (allowance_ < 1) throw known_problem(0, "rate_limit_exceeded");
    allowance_ -= 1;
    const auto token = call.bearer();
    const bool reader = token && !seed_.readonly_token.empty() && *token == seed_.readonly_token;
    if (!token || (*token != seed_.token && !reader)) throw known_problem(0, "unauthorized");
    if (reader && call.method != "GET") throw Problem{401, "token_readonly", "the token may only read"};
}

Pairs Project::headers() {
    const auto limit = static_cast<double>(seed_.rate_limit);
    const auto full_in = std::ceil((limit - allowance_) * 3600 / limit);
    const auto reset = system_clock::to_time_t(system_clock::now()) + static_cast<std::time_t>(full_in);
    return {{"RateLimit-Limit", std::to_string(seed_.rate_limit)},
            {"RateLimit-Remaining", std::to_string(static_cast<std::int64_t>(allowance_))},
            {"RateLimit-Reset", std::to_string(reset)},
            {"X-Correlation-Id", hex(random_bytes(8))}};
}

}  // namespace kavi::lab::hetzner

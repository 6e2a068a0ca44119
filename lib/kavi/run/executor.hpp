#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/error.hpp>
#include <kavi/plan/plan.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace kavi::run {

/// Where the world stands as to one action.
enum class Standing {
    before,  ///< as the plan saw it: do it
    after,   ///< as the plan wants it: skip it
    other,   ///< neither: refuse (errors::state_unexpected)
};

struct Look {
    Standing standing = Standing::before;
    std::string found;  ///< for Standing::other: what was found, in a few words
};

/// Thrown by apply() of a batch of which some failed: these, by their ids; the others' expected state holds.
struct BatchFailure {
    std::map<std::string, Error> failed;
};

/// Carries out the actions of one kind. Called from one thread at a time per lane; handlers of several lanes run
/// side by side.
class Handler {
  public:
    virtual ~Handler() = default;
    /// Asks the system itself. The default trusts the plan's own observation (made moments ago by the same run).
    virtual Look look(const plan::Action& action, std::stop_token stop);
    /// Makes it so, for all of one batch. Throws Error (all failed) or BatchFailure (some). When it returns, the
    /// expected state holds.
    virtual void apply(std::span<const plan::Action* const> batch, std::stop_token stop) = 0;
    /// The planned way back after `apply` threw (restore the old release, or stop). True: something was put back,
    /// and `what` says it.
    virtual std::optional<std::string> compensate(const plan::Action& action);
};

/// Points between effects at which a test build can be killed: KAVI_CRASH_AT=id:edge, or *:n for the n-th.
enum class Edge { intent_written, effect_done, done_written };

std::string_view name_of(Edge edge);

class Boundary {
  public:
    virtual ~Boundary() = default;
    virtual void reached(std::string_view id, Edge edge) = 0;
};

/// Does nothing; what a release uses.
class NoBoundary final : public Boundary {
  public:
    void reached(std::string_view, Edge) override {}
};

/// Raises SIGKILL at the point that `where` ("id:edge" or "*:n", n from 1) names. Exists in test builds only.
std::unique_ptr<Boundary> crash_boundary(std::string_view where);

/// Hears what happens while a plan runs, for the live screen, for plain lines and for the journal. Called from
/// several threads, never two at once.
class Listener {
  public:
    virtual ~Listener() = default;
    virtual void started(const plan::Action&) {}
    virtual void progress(const plan::Action&, std::string_view /*doing*/) {}
    virtual void finished(const plan::Action&, std::chrono::milliseconds /*took*/, bool /*was_already_so*/) {}
    virtual void failed(const plan::Action&, const Error&, const std::optional<std::string>& /*put_back*/) {}
    virtual void skipped(const plan::Action&, std::string_view /*why*/) {}
};

struct Done {
    std::string id;
    enum class How { done, already, failed, not_reached } how = How::not_reached;
    std::chrono::milliseconds took{};
    std::optional<Error> error;           ///< failed
    std::optional<std::string> put_back;  ///< failed: what the compensation did
    std::string why_not;                  ///< not_reached: "after forgejo", "interrupted"
};

struct Report {
    std::vector<Done> actions;  ///< in plan order, one for each
    bool interrupted = false;

    int count(Done::How how) const;
    /// 0 all done; 5 something was done and something failed; the first failure's own code where nothing was done;
    /// 130 interrupted.
    Exit exit() const;
};

using Handlers = std::map<std::string, Handler*, std::less<>>;  ///< by Action::kind

/// Runs a plan and nothing else: lanes side by side, each action after those it needs. What ran is a down-closed
/// part of the plan. A failed action's dependants aren't reached; the others go on. A requested stop lets running
/// actions finish and starts no more.
Report execute(const plan::Plan& plan,
               const Handlers& handlers,
               Boundary& boundary,
               Listener& listener,
               Clock& clock,
               std::stop_token stop);

}  // namespace kavi::run

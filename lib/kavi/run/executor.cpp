#include <kavi/run/executor.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

namespace kavi::run {

Look Handler::look(const plan::Action&, std::stop_token) { return {}; }

std::optional<std::string> Handler::compensate(const plan::Action&) { return std::nullopt; }

std::string_view name_of(Edge edge) {
    switch (edge) {
        case Edge::intent_written: return "intent-written";
        case Edge::effect_done: return "effect-done";
        case Edge::done_written: return "done-written";
    }
    return "";
}

namespace {

class CrashBoundary final : public Boundary {
  public:
    explicit CrashBoundary(std::string_view where) : where_(where) {
        if (where_.starts_with("*:")) {
            int n = 0;
            std::from_chars(where_.data() + 2, where_.data() + where_.size(), n);
            left_ = n;
        }
    }

    void reached(std::string_view id, Edge edge) override {
        const bool counted_down = left_ > 0 && --left_ == 0;
        if (counted_down || where_ == fmt::format("{}:{}", id, name_of(edge))) ::raise(SIGKILL);
    }

  private:
    std::string where_;
    std::atomic<int> left_ = 0;
};

}  // namespace

std::unique_ptr<Boundary> crash_boundary(std::string_view where) {
#ifdef KAVI_TEST_HOOKS
    if (!where.empty()) return std::make_unique<CrashBoundary>(where);
#else
    (void)where;
#endif
    return std::make_unique<NoBoundary>();
}

int Report::count(Done::How how) const {
    return static_cast<int>(std::ranges::count(actions, how, &Done::how));
}

Exit Report::exit() const {
    if (interrupted) return Exit::interrupted;
    const auto failure = std::ranges::find(actions, Done::How::failed, &Done::how);
    if (failure == actions.end()) return Exit::ok;
    return count(Done::How::done) > 0 ? Exit::partial : failure->error->code().exit;
}

namespace {

using Batch = std::vector<std::size_t>;

/// The state that all lanes share; every member is guarded by `mutex`.
class Run {
  public:
    Run(const plan::Plan& plan, const Handlers& handlers, Boundary& boundary, Listener& listener, Clock& clock,
        std::stop_token stop)
        : plan_(plan), handlers_(handlers), boundary_(boundary), listener_(listener), clock_(clock),
          stop_(std::move(stop)), settled_(plan.actions.size(), false) {
        for (std::size_t i = 0; i < plan.actions.size(); ++i) {
            index_.emplace(plan.actions[i].id, i);
            report_.actions.push_back({.id = plan.actions[i].id});
            lanes_[plan.actions[i].lane].push_back(i);
        }
    }

    Report run() {
        {
            std::vector<std::jthread> threads;
            for (const auto& [lane, actions] : lanes_)
                threads.emplace_back([this, &actions] { run_lane(actions); });
        }
        report_.interrupted = stop_.stop_requested() && report_.count(Done::How::not_reached) > 0;
        return std::move(report_);
    }

  private:
    /// Waits for what the lane's next actions need, then carries them out, batch by batch.
    void run_lane(Batch waiting) {
        while (!waiting.empty()) {
            const auto batch = next_batch(waiting);
            if (batch.empty()) continue;  // some were given up: look again
            carry_out(batch);
        }
    }

    /// Takes the first action of the lane whose needs are settled, with all ready ones of its batch.
    Batch next_batch(Batch& waiting) {
        std::unique_lock lock(mutex_);
        while (true) {
            for (auto it = waiting.begin(); it != waiting.end(); ++it) {
                if (const auto why = why_not(*it)) {
                    give_up(*it, *why);
                    waiting.erase(it);
                    return {};
                }
                if (!ready(*it)) continue;
                return take(waiting, *it);
            }
            changed_.wait_for(lock, std::chrono::milliseconds(200));  // a stop may come without a notice
        }
    }

    Batch take(Batch& waiting, std::size_t first) {
        Batch batch;
        const auto& name = plan_.actions[first].batch;
        std::erase_if(waiting, [&](std::size_t i) {
            const bool taken = i == first || (!name.empty() && plan_.actions[i].batch == name && ready(i) && !why_not(i));
            if (taken) batch.push_back(i);
            return taken;
        });
        return batch;
    }

    bool ready(std::size_t i) const {
        return std::ranges::all_of(plan_.actions[i].after, [&](const auto& id) { return settled_[index_.at(id)]; });
    }

    /// Why an action can't be reached any more, if so.
    std::optional<std::string> why_not(std::size_t i) const {
        if (stop_.stop_requested()) return "interrupted";
        for (const auto& id : plan_.actions[i].after) {
            const auto needed = index_.at(id);
            const auto how = report_.actions[needed].how;
            if (settled_[needed] && how != Done::How::done && how != Done::How::already)
                return fmt::format("after {}", plan_.actions[needed].id);
        }
        return std::nullopt;
    }

    void give_up(std::size_t i, const std::string& why) {
        report_.actions[i].why_not = why;
        listener_.skipped(plan_.actions[i], why);
        settle(i);
    }

    void settle(std::size_t i) {
        settled_[i] = true;
        changed_.notify_all();
    }

    void carry_out(const Batch& batch) {
        try {
            apply(batch);
        } catch (const Error& error) {
            for (const auto i : batch) fail(i, error);
        } catch (const std::exception& exception) {
            for (const auto i : batch) fail(i, Error(errors::internal, exception.what()));
        }
    }

    void apply(const Batch& batch) {
        const auto began = clock_.steady();
        auto& handler = handler_of(plan_.actions[batch.front()]);
        std::vector<const plan::Action*> due;
        for (const auto i : batch) {
            if (look_says_due(handler, i)) due.push_back(&plan_.actions[i]);
        }
        for (const auto* action : due) {
            notify([&] { listener_.started(*action); });
            boundary_.reached(action->id, Edge::intent_written);
        }
        BatchFailure failure;
        try {
            if (!due.empty()) handler.apply(due, stop_);
        } catch (BatchFailure& some) {
            failure = std::move(some);
        }
        for (const auto* action : due) boundary_.reached(action->id, Edge::effect_done);
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - began);
        for (const auto i : batch) {
            if (const auto failed = failure.failed.find(plan_.actions[i].id); failed != failure.failed.end())
                fail(i, failed->second);
            else
                finish(i, std::ranges::find(due, &plan_.actions[i]) != due.end(), took);
        }
        for (const auto* action : due) boundary_.reached(action->id, Edge::done_written);
    }

    bool look_says_due(Handler& handler, std::size_t i) {
        const auto& action = plan_.actions[i];
        const auto look = handler.look(action, stop_);
        if (look.standing == Standing::other) {
            Error error(errors::state_unexpected,
                        fmt::format("{} {} changed while kavi was running", action.group, action.subject));
            error.because("found: " + look.found).fix("run the command again: it plans from what is there now");
            throw error;
        }
        return look.standing == Standing::before;
    }

    Handler& handler_of(const plan::Action& action) const {
        const auto found = handlers_.find(action.kind);
        if (found == handlers_.end())
            throw Error(errors::internal, fmt::format("nothing carries out actions of kind {}", action.kind));
        return *found->second;
    }

    void finish(std::size_t i, bool was_due, std::chrono::milliseconds took) {
        const std::lock_guard lock(mutex_);
        report_.actions[i].how = was_due ? Done::How::done : Done::How::already;
        report_.actions[i].took = took;
        listener_.finished(plan_.actions[i], took, !was_due);
        settle(i);
    }

    void fail(std::size_t i, const Error& error) {
        const auto& action = plan_.actions[i];
        std::optional<std::string> put_back;
        try {
            put_back = handler_of(action).compensate(action);
        } catch (const Error& exception) {
            put_back = fmt::format("putting it back failed too: {}", exception.message());
        } catch (const std::exception& exception) {
            put_back = fmt::format("putting it back failed too: {}", exception.what());
        }
        const std::lock_guard lock(mutex_);
        report_.actions[i].how = Done::How::failed;
        report_.actions[i].error = error;
        report_.actions[i].put_back = put_back;
        listener_.failed(action, error, put_back);
        settle(i);
    }

    template <typename Call>
    void notify(Call call) {
        const std::lock_guard lock(mutex_);
        call();
    }

    const plan::Plan& plan_;
    const Handlers& handlers_;
    Boundary& boundary_;
    Listener& listener_;
    Clock& clock_;
    std::stop_token stop_;
    std::map<std::string_view, std::size_t> index_;
    std::map<std::string_view, Batch> lanes_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<bool> settled_;
    Report report_;
};

}  // namespace

Report execute(const plan::Plan& plan, const Handlers& handlers, Boundary& boundary, Listener& listener,
               Clock& clock, std::stop_token stop) {
    return Run(plan, handlers, boundary, listener, clock, std::move(stop)).run();
}

}  // namespace kavi::run

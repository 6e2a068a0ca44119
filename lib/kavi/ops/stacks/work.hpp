#pragma once

#include <kavi/ops/stacks/handlers.hpp>
#include <kavi/ops/stacks/record.hpp>
#include <kavi/ops/stacks/steps.hpp>

#include <map>
#include <mutex>
#include <span>
#include <string>

namespace kavi::ops {

/// What lay in the directory of a stack before kavi placed its first file there is kept under this name.
inline constexpr std::string_view adopted_release = "adopted";

/// What the stack handlers share: the tools, and each stack's record while it changes. A stack is worked on
/// from its server's lane only.
class StackWork {
  public:
    explicit StackWork(StackTools tools) : tools_(std::move(tools)) {}

    const StackTools& tools() const { return tools_; }

    /// The record, after making sure once that this run's observation still holds and that nobody else can
    /// change it.
    StackRecord& record(const StackStep& step, std::stop_token stop);

    /// Opens the step's release in the record, unless it is open already. Writes nothing.
    StackRecord& begin(const StackStep& step, std::stop_token stop);

    void write_record(const StackStep& step, std::stop_token stop);

    /// Carries out an operation on the stack's server; its progress is told to the action in `actions` whose
    /// subject it names.
    Json call(const StackStep& step,
              const host::Operation& operation,
              std::span<const plan::Action* const> actions,
              std::stop_token stop);

    /// "/var/lib/kavi/previous/production/2026-11-25.1".
    static std::string kept_folder(const StackStep& step, const std::string& release);

  private:
    struct State {
        StackRecord record;
        bool sure = false;
    };

    State& state(const StackStep& step);
    void make_sure(const StackStep& step, std::stop_token stop);

    StackTools tools_;
    std::mutex mutex_;
    std::map<std::string, State> states_;
};

/// The action's payload as the step that its kind has.
template <typename Step>
const Step& step_of(const plan::Action& action) {
    return dynamic_cast<const Step&>(*action.payload);
}

/// What a container of that service is made of now; digests that can't be known are taken from `recorded`.
Made made_of(const ServiceStep& step, const ServiceRecord* recorded);

}  // namespace kavi::ops

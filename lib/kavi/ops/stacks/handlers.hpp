#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/host/host.hpp>
#include <kavi/run/executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi::ops {

/// What the handlers of plan_stack's actions work with.
struct StackTools {
    /// The server, connected (ops::Hosts::at).
    std::function<host::Host&(const std::string& server, std::stop_token stop)> host_at;
    Clock& clock;
    std::optional<std::string> commit;  ///< of the checkout, full
    std::string who;                    ///< "ana@laptop"
    std::string plan_digest;
    /// "waiting for health, 12 s of 120 s"; may be empty.
    std::function<void(const plan::Action&, std::string_view doing)> on_progress = nullptr;
};

/// Handlers for everything that plan_stack plans, by kind. Before the first change the server's lock is taken
/// and the stack's record is read again: one that another run has changed since is refused
/// (errors::state_unexpected). The record says what is about to be brought up before it is, so that a kill at
/// any point is mended by running again, without a restart that wasn't needed.
class StackHandlers {
  public:
    explicit StackHandlers(StackTools tools);
    ~StackHandlers();

    void add_to(run::Handlers& handlers) const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::ops

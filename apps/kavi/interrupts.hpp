#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string_view>
#include <thread>

namespace kavi::app {

enum class StopReason { none, interrupt, terminate, timeout };

/// The line said at once: that kavi is stopping, and how to leave sooner.
std::string_view stop_notice(StopReason reason);

/// Turns SIGINT, SIGTERM, SIGHUP and a deadline into a requested stop. Blocks these signals for the process:
/// make it before the first thread. A second signal ends the process at once (130 or 143).
class Interrupts {
  public:
    /// `on_stop` is called once, from a thread of its own, before the stop is requested.
    explicit Interrupts(std::function<void(StopReason)> on_stop);
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    ~Interrupts();

    std::stop_token token() const { return source_.get_token(); }

    /// Requests the stop this long from now.
    void stop_after(std::chrono::milliseconds time);

    StopReason reason() const noexcept { return reason_; }

  private:
    void watch();
    void request(StopReason reason);

    std::function<void(StopReason)> on_stop_;
    std::stop_source source_;
    std::atomic<StopReason> reason_ = StopReason::none;
    int signals_ = -1;
    int deadline_ = -1;
    int finish_ = -1;
    std::jthread thread_;
};

}  // namespace kavi::app

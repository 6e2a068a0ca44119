#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi {

/// Time as the code sees it; tests hand in one that they move themselves.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual std::chrono::system_clock::time_point now() const = 0;
    virtual std::chrono::steady_clock::time_point steady() const = 0;
    /// Sleeps, or returns early once `stop` is requested.
    virtual void sleep_for(std::chrono::milliseconds duration, std::stop_token stop) = 0;
};

class SystemClock final : public Clock {
  public:
    std::chrono::system_clock::time_point now() const override;
    std::chrono::steady_clock::time_point steady() const override;
    void sleep_for(std::chrono::milliseconds duration, std::stop_token stop) override;
};

/// A clock that stands still but for sleeping, which moves it on at once.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(std::chrono::system_clock::time_point start) : now_(start) {}

    std::chrono::system_clock::time_point now() const override { return now_; }

    std::chrono::steady_clock::time_point steady() const override {
        return std::chrono::steady_clock::time_point(
            std::chrono::duration_cast<std::chrono::steady_clock::duration>(now_.time_since_epoch()));
    }

    void sleep_for(std::chrono::milliseconds duration, std::stop_token) override { now_ += duration; }

    void advance(std::chrono::milliseconds duration) { now_ += duration; }

  private:
    std::chrono::system_clock::time_point now_;
};

/// "2026-11-24T10:15:00Z".
std::string iso8601(std::chrono::system_clock::time_point time);

/// "90s", "5m", "1h30m", "2d", "250ms" (units d h m s ms, each once, largest first). Anything else, a bare number
/// and what doesn't fit too, is nullopt.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace kavi

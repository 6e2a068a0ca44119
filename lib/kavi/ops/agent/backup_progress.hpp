#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace kavi::ops {

/// Tells how far an artefact is, four times a second at most. By one thread.
class BackupProgress {
  public:
    BackupProgress(Clock& clock, std::function<void(const Json&)> on_event)
        : clock_(clock), on_event_(std::move(on_event)) {}

    /// `total` is what it had last time; 0: not known.
    void begin(std::string subject, std::uint64_t total) {
        subject_ = std::move(subject);
        total_ = total;
        bytes_ = 0;
        tell();
    }

    void add(std::uint64_t bytes) {
        bytes_ += bytes;
        if (clock_.steady() - told_ >= std::chrono::milliseconds(250)) tell();
    }

    void done() { tell(); }

    void say(const std::string& subject, std::string_view text) const {
        on_event_({{"event", "progress"}, {"subject", subject}, {"text", text}});
    }

  private:
    void tell() {
        told_ = clock_.steady();
        Json event{{"event", "progress"}, {"subject", subject_}, {"text", "storing"}, {"bytes", bytes_}};
        if (total_ > 0) event["total"] = total_;
        on_event_(event);
    }

    Clock& clock_;
    std::function<void(const Json&)> on_event_;
    std::string subject_;
    std::uint64_t total_ = 0, bytes_ = 0;
    std::chrono::steady_clock::time_point told_{};
};

}  // namespace kavi::ops

#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>
#include <kavi/model/estate_file.hpp>
#include <kavi/run/executor.hpp>

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::ops {

/// Notes when each action of a run ended, and hands everything on.
class Timeline final : public run::Listener {
  public:
    /// The run begins with its first action.
    Timeline(run::Listener& inner, Clock& clock) : inner_(inner), clock_(clock) {}

    void started(const plan::Action& action) override;
    void progress(const plan::Action& action, std::string_view doing) override { inner_.progress(action, doing); }
    void finished(const plan::Action& action, std::chrono::milliseconds took, bool was_so) override;
    void failed(const plan::Action& action, const Error& error, const std::optional<std::string>& put_back) override;
    void skipped(const plan::Action& action, std::string_view why) override { inner_.skipped(action, why); }

    struct Span {
        std::string id, kind, subject;
        std::chrono::milliseconds from{}, to{};  ///< since the run began
        bool well = true;
    };

    /// In the order of their ends.
    std::vector<Span> spans() const;

  private:
    std::chrono::milliseconds since();
    void end(const plan::Action& action, bool well);

    run::Listener& inner_;
    Clock& clock_;
    std::optional<std::chrono::steady_clock::time_point> began_;
    mutable std::mutex mutex_;
    std::map<std::string, std::chrono::milliseconds> open_;
    std::vector<Span> spans_;
};

/// When a service was back: its container is healthy, and what it reads is restored.
struct BackAgain {
    std::string service;
    int tier = 0;
    bool critical = false;
    std::optional<std::chrono::milliseconds> after;  ///< nullopt: it isn't back
};

/// A recovery in figures.
struct RecoveryTimes {
    std::vector<BackAgain> services;  ///< by tier, then name
    std::map<std::string, std::chrono::milliseconds> phases;  ///< "server", "trust", "baseline", "pull", "restore", "services", "dns": time spent
    std::chrono::milliseconds target{};
    std::chrono::milliseconds whole{};  ///< until the last action ended

    /// The last critical service; nullopt: one of them isn't back.
    std::optional<std::chrono::milliseconds> critical() const;
};

/// Of the services on that server. Pure.
RecoveryTimes recovery_times(const model::LoadedEstate& loaded, const std::string& server, const std::vector<Timeline::Span>& spans);

/// {"critical_ms", "whole_ms", "target_ms", "phases": {…}, "services": [{"name", "tier", "critical", "back_after_ms"}]}.
OrderedJson to_json(const RecoveryTimes& times);

}  // namespace kavi::ops

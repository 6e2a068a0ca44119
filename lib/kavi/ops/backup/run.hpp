#pragma once

#include <kavi/host/host.hpp>
#include <kavi/ops/backup/host_request.hpp>
#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

/// A backup of a server, now: of `kavi backup`, before an update of a service, as the last act before a recovery.
namespace kavi::ops {

/// What an action of kind "backup-run" carries.
struct BackupRunStep final : plan::Payload {
    std::string server;
    HostRequest request;
};

struct BackupRunInputs {
    std::string server;
    const HostRequest& request;              ///< host_request's
    std::vector<std::string> items = {};     ///< of the server; empty: all of its
    bool accept_smaller = false;
    std::string reason = {};                 ///< "last one 11 h ago, 180 MB"
};

/// "backup-run/SERVER", in the server's lane; nothing is asked. Edges to other actions are the caller's. Pure.
plan::Action plan_backup_run(const BackupRunInputs& inputs);

/// One stored file of a run.
struct BackedUp {
    std::string item, part;        ///< part: a database; may be empty
    std::uint64_t bytes = 0;       ///< as stored
    std::uint64_t plain_bytes = 0;
};

struct BackupRunResult {
    std::string run;
    std::vector<BackedUp> stored;
    std::vector<std::string> problems;  ///< "redis: …", "store box: …": these the run hasn't got
    std::vector<std::string> warnings;
    std::chrono::milliseconds took{0};

    std::uint64_t bytes() const;
};

/// Reads what the agent answered.
BackupRunResult backup_run_result(const Json& said);

struct BackupRunTools {
    std::function<host::Host&(const std::string& server, std::stop_token stop)> host_at;
    Clock& clock;
    std::function<void(const plan::Action&, std::string_view doing)> on_progress = nullptr;
};

/// Has servers' agents back up. Throws errors::backup_failed where an item, or a store, failed: the rest is stored, and is in
/// results() all the same.
class BackupRunHandler final : public run::Handler {
  public:
    explicit BackupRunHandler(BackupRunTools tools) : tools_(std::move(tools)) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

    std::map<std::string, BackupRunResult> results() const;  ///< by server

  private:
    void back_up(const plan::Action& action, std::stop_token stop);

    BackupRunTools tools_;
    mutable std::mutex mutex_;
    std::map<std::string, BackupRunResult> results_;
};

}  // namespace kavi::ops

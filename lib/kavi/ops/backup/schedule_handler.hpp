#pragma once

#include <kavi/host/host.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/baseline/let_in.hpp>
#include <kavi/run/executor.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

namespace kavi::ops {

struct BackupHostTools {
    const model::Estate& estate;
    std::function<host::Host&(const std::string& server, std::stop_token stop)> host_at;
    BoxDoor door;
};

/// Carries out what plan_backup_host plans. Keys are made on the server and never leave it; a store gets the public half with
/// its admin key, as a mount's does.
class BackupHostHandler final : public run::Handler {
  public:
    explicit BackupHostHandler(BackupHostTools tools) : tools_(std::move(tools)) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

    /// The signing keys' public halves, by server, of those whose keys this run has made or looked at.
    std::map<std::string, std::string> signing_keys() const;

  private:
    void make_keys(const BackupKeysStep& step, std::stop_token stop);
    void put_schedule(const BackupScheduleStep& step, std::stop_token stop) const;

    BackupHostTools tools_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> signing_keys_;
};

}  // namespace kavi::ops

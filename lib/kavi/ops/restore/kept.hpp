#pragma once

#include <kavi/host/host.hpp>
#include <kavi/model/estate_file.hpp>
#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

/// What restores have replaced, and dropping it.
namespace kavi::ops {

struct Kept {
    std::string item;
    std::string name;  ///< "infisical__before_20261125T070000Z-0001", or a folder's path
    std::string what;  ///< "database", "folder"
    std::string run;   ///< the restore's
    Json target;       ///< of the item, as its agent takes it

    friend bool operator==(const Kept&, const Kept&) = default;
};

/// Asks the server's agent for what is kept of these items (empty: all of the server). Throws what the host
/// throws.
std::vector<Kept> find_kept(host::Host& host,
                            const model::LoadedEstate& loaded,
                            const std::string& server,
                            const std::vector<std::string>& items,
                            std::stop_token stop);

/// Adds an action of kind "drop-kept" for each: "drop-kept/SERVER/NAME". Pure.
void plan_drop_kept(plan::Plan& plan, const std::string& server, const std::vector<Kept>& kept);

class DropKeptHandler final : public run::Handler {
  public:
    using HostAt = std::function<host::Host&(const std::string& server, std::stop_token stop)>;

    explicit DropKeptHandler(HostAt host_at) : host_at_(std::move(host_at)) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

  private:
    HostAt host_at_;
};

}  // namespace kavi::ops

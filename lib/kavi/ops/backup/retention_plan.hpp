#pragma once

#include <kavi/ops/backup/retention.hpp>
#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>

#include <functional>
#include <set>
#include <string>
#include <vector>

/// Pruning as a plan: one action a run.
namespace kavi::ops {

/// What an action of kind "prune" carries.
struct PruneStep final : plan::Payload {
    std::string store, folder;             ///< of the server, in the store
    std::vector<std::string> paths;        ///< in the order in which they go
    std::vector<store::StoredFile> parts;  ///< go only if they haven't grown since
    /// The folders of runs that were there; not empty: nothing goes if another one has begun since (it may
    /// use them).
    std::set<std::string> only_with;
};

/// Adds the actions for one store and server: ids "prune/STORE/SERVER/…", kind "prune", in the store's lane.
void add_prune(plan::Plan& plan, const Catalog& catalog, const Retention& retention);

/// Removes what the plan says and asks for no space. Nothing in it can be taken back.
class PruneHandler final : public run::Handler {
  public:
    /// `open` gives the store by name, with the key that may prune; it stays the caller's.
    explicit PruneHandler(std::function<store::Store&(const std::string& store)> open)
        : open_(std::move(open)) {}

    run::Look look(const plan::Action& action, std::stop_token stop) override;
    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

  private:
    std::function<store::Store&(const std::string&)> open_;
};

}  // namespace kavi::ops

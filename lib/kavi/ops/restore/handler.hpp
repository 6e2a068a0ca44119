#pragma once

#include <kavi/host/host.hpp>
#include <kavi/ops/restore/plan.hpp>
#include <kavi/run/executor.hpp>
#include <kavi/seal/age_keys.hpp>
#include <kavi/store/store.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::ops {

/// What the agent says of one artefact that it restored or verified.
struct RestoreResult {
    std::uint64_t bytes = 0;  ///< of the content
    double seconds = 0;
    std::uint64_t rows = 0;  ///< postgres: in all tables, equal to the manifest's
    std::string kept;        ///< what the old one is called now; empty: there was none, or it was empty
    std::vector<std::string> restarted;  ///< services
    std::vector<std::string> warnings;
};

/// What restoring works with.
struct RestoreTools {
    /// The server, connected (ops::Hosts::at).
    std::function<host::Host&(const std::string& server, std::stop_token stop)> host_at;
    /// A store, opened here with the read key: an artefact's header is read from it.
    std::function<std::unique_ptr<store::Store>(const std::string& store)> open_store;
    /// How that server opens that store by its own key (docs/backups.md, "stores").
    std::function<Json(const std::string& server, const std::string& store)> store_for;
    /// Those that may open a backup; asked for once.
    std::function<std::span<const seal::Identity>()> identities;
    std::string estate;
    std::string run;  ///< of this restore: what is being built and what is kept is named by it
    /// "databases: 120 MB of 180 MB"; may be empty.
    std::function<void(const plan::Action&, std::string_view doing)> on_progress = nullptr;
};

/// What opens one artefact elsewhere without an identity there.
struct UnwrappedArtefact {
    Secret file_key;
    std::size_t header_size = 0;
};

/// Reads the artefact's header and opens it. Throws what the store throws, and seal::AgeError.
UnwrappedArtefact unwrap_artefact(store::Store& store,
                                  const std::string& path,
                                  std::span<const seal::Identity> identities);

/// Something for the agent of a server.
struct AgentQuestion {
    std::string server;  ///< whose agent
    std::string owner;   ///< whose backups
    std::string store;
    std::vector<RestorePart> parts;
    int level = 0;  ///< 2 or 3: verify; 0: restore
};

using AgentAnswer = std::map<std::string, Json>;  ///< by Artefact::file: a result, or {"failure": {…}}

/// Has a server's agent restore or verify artefacts. Throws what the store, the identities and the host
/// throw; what becomes of each artefact is in the answer.
AgentAnswer ask_agent(const RestoreTools& tools,
                      const AgentQuestion& question,
                      const host::EventSink& on_event,
                      std::stop_token stop);

/// Carries out plan_restore's actions: reads each artefact's header, unwraps its file key here, and has the
/// server's agent fetch, check and restore it. No identity leaves this machine, and a file key goes as a
/// frame only.
class RestoreHandler final : public run::Handler {
  public:
    explicit RestoreHandler(RestoreTools tools) : tools_(std::move(tools)) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

    /// Of what was done so far, by the action's id.
    std::map<std::string, RestoreResult> results() const;

  private:
    void tell(std::span<const plan::Action* const> batch, const Json& event) const;
    void remember(const std::string& id, RestoreResult result);

    RestoreTools tools_;
    mutable std::mutex mutex_;
    std::map<std::string, RestoreResult> results_;
};

}  // namespace kavi::ops

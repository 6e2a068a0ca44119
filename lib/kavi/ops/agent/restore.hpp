#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>
#include <kavi/ops/agent/restore_job.hpp>
#include <kavi/store/store.hpp>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// `kavi __agent restore` and `kavi __agent verify`, on the server (docs/backups.md).
namespace kavi::ops {

/// What they work with.
struct RestoreAgent {
    /// Opens the store that a request describes ("store"), by the key that lies on this server.
    std::function<std::unique_ptr<store::Store>(const Json& store)> open_store;
    std::function<void(const Json& event)> on_event;  ///< {"event": "progress", …}
    Clock& clock;
    std::string folder = "/var/lib/kavi";  ///< for what must outlive a kill
    std::function<void(std::string_view point)> reached = [](std::string_view) {
    };  ///< may kill, in test builds
    std::stop_token stop = {};
};

/// One artefact of a request, with where it goes.
struct RequestedArtefact {
    SealedArtefact sealed;
    Json target;
};

struct RestoreAgentRequest {
    std::string estate, server, run;
    Json store;
    int level = 2;  ///< of verify
    std::vector<RequestedArtefact> artefacts;
};

/// Throws errors::json_invalid, naming what is missing.
RestoreAgentRequest read_restore_request(const Json& request);

/// Restores each artefact in turn; one that fails stops the others only where they stand in need of it (roles
/// before databases). {"artefacts": [{"file", "bytes", "seconds", "rows", "kept", "restarted", "warnings"} or
/// {"file", "failure": {…}}]}.
Json run_restore(const Json& request, const RestoreAgent& agent);

/// Level 2: fetched, opened, decompressed, listed. Level 3: restored into a throw-away container without a
/// network, and counted. The answer is as run_restore's, with "entries" for what level 2 listed.
Json run_verify(const Json& request, const RestoreAgent& agent);

/// As the runner says it: {"code", "message", "causes", "fix"}.
Json failure_json(const Error& error);

}  // namespace kavi::ops

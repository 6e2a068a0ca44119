#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>
#include <kavi/net/transport.hpp>
#include <kavi/ops/agent/restore.hpp>
#include <kavi/store/store.hpp>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

/// What `kavi __agent` does on a server (docs/backups.md, "The agent").
namespace kavi::ops {

/// What it works with. The references must outlive the call.
struct AgentTools {
    /// Opens a store that a request describes, by the key that lies on this server.
    std::function<std::unique_ptr<store::Store>(const Json& store)> open_store;
    std::function<void(const Json& event)> on_event;  ///< {"event": "progress", …}; from one thread at a time
    Clock& clock;
    net::Transport& http;                             ///< for notifications
    std::string folder = "/var/lib/kavi";             ///< for what must outlive a kill
    /// The points of a backup at which tests kill it.
    std::function<void(std::string_view point)> reached = [](std::string_view) {};
    std::stop_token stop = {};
};

/// `mode` is "backup", "restore" or "verify". Throws errors::usage for another, and what these throw.
Json run_agent(std::string_view mode, const Json& request, const AgentTools& tools);

/// Stores every item of the request in every one of its stores. {"run", "manifest": {…}, "stores": {"box": {"bytes": n}
/// or {"failure": {…}}}}; what failed stands in the manifest's `failures`. Throws errors::json_invalid for a request
/// that lacks something, errors::backup_failed where nothing could be stored at all, errors::interrupted.
Json run_backup(const Json& request, const AgentTools& tools);

}  // namespace kavi::ops

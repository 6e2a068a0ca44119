#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>
#include <kavi/ops/backup/manifest.hpp>
#include <kavi/seal/age_keys.hpp>
#include <kavi/store/store.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// `kavi __agent backup`, on the server (docs/backups.md).
namespace kavi::ops {

/// What it works with.
struct BackupAgent {
    /// Opens a store that a request describes ("stores"), by the key that lies on this server.
    std::function<std::unique_ptr<store::Store>(const Json& store)> open_store;
    std::function<void(const Json& event)> on_event;  ///< {"event": "progress", …}
    Clock& clock;
    std::function<void(std::string_view point)> reached = [](std::string_view) {
    };  ///< may kill, in test builds
    std::stop_token stop = {};
};

/// One item as the request has it.
struct BackupItemRequest {
    std::string name;
    std::string kind;  ///< "postgres", "redis", "files", "images"
    Json json;         ///< all of it
};

struct BackupRequest {
    std::string estate, server;
    std::string run;   ///< empty: made here
    std::string kavi;  ///< version
    std::vector<seal::Recipient> recipients;
    std::string signing_key;  ///< a file of this server
    std::vector<Json> stores;
    std::vector<BackupItemRequest> items;
    std::int64_t sealed_sequence = 0;
    std::string encryption_key;
    bool accept_smaller = false;
};

/// Throws errors::json_invalid, naming what is missing, and errors::sealed_unreadable for a recipient that is
/// none.
BackupRequest read_backup_request(const Json& request);

/// Stores every item in every store; an item that fails doesn't stop the others, nor does a store. The result
/// is
/// {"run", "manifest": {…}, "stores": {name: {"bytes"} or {"failure": {…}}}}; what failed of the items stands
/// in the manifest. Throws where nothing at all was stored: errors::backup_failed, or what the last store
/// said; errors::interrupted.
Json run_backup(const Json& request, const BackupAgent& agent);

/// What went wrong in a result of run_backup, a line each; empty: nothing.
std::vector<std::string> backup_problems(const Json& result);

/// A name of an item or a database as a part of a file's name: any byte but letters, digits, "._-" as "_xx".
std::string file_name_of(std::string_view name);

}  // namespace kavi::ops

#pragma once

#include <kavi/base/json.hpp>
#include <kavi/ops/agent/restore_docker.hpp>
#include <kavi/ops/agent/unpack.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// What the parts of the agent's restore share.
namespace kavi::ops {

/// One artefact to restore. Nothing of what was there is touched before the whole artefact has been fetched
/// and its hashes have held.
struct RestoreJob {
    RestoreDocker& docker;
    store::Store& store;
    std::string path;  ///< in the store
    const SealedArtefact& sealed;
    const Json& target;  ///< docs/backups.md
    std::string run;     ///< of this restore
    std::string note;    ///< a file of the server in which it says which containers are stopped
    /// "fetching", with bytes of `total` where they are counted.
    std::function<void(std::string_view text, std::uint64_t bytes, std::uint64_t total)> on_progress;
    /// A test build can be killed here: "spooled", "swapped", ….
    std::function<void(std::string_view point)> reached;
    std::stop_token stop;

    /// unpack(), with progress told.
    void fetch(const seal::WriteBytes& consume) const;

    void say(std::string_view text) const { on_progress(text, 0, 0); }

    std::string wanted(std::string_view key) const { return string_or(target, key); }
};

/// What came of it.
struct Restored {
    std::uint64_t rows = 0;              ///< postgres: counted and equal to the manifest's
    std::string kept;                    ///< what the old one is called now
    std::vector<std::string> restarted;  ///< services
    std::vector<std::string> warnings;
};

Json to_json(const Restored& restored);

/// Roles and their memberships; those that exist keep their passwords and attributes.
Restored restore_postgres_globals(const RestoreJob& job);
/// A database, built beside the live one, checked, and swapped by renaming.
Restored restore_postgres(const RestoreJob& job);
/// A volume with the RDB as dump.rdb and as base of an append-only file, swapped with the old one.
Restored restore_redis(const RestoreJob& job);
/// A volume or folder, unpacked beside the old one and swapped; or some paths of it.
Restored restore_files(const RestoreJob& job);
/// The keys of all databases, by what INFO keyspace says; nullopt: it isn't that.
std::optional<std::uint64_t> redis_keys(std::string_view keyspace);
/// Images, loaded into the engine.
Restored restore_images(const RestoreJob& job);

}  // namespace kavi::ops

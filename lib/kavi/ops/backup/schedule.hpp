#pragma once

#include <kavi/ops/backup/host_request.hpp>
#include <kavi/plan/plan.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What deploy puts on a server whose data is backed up: its own keys, what its agent reads, and a timer. Pure.
namespace kavi::ops {

/// [backup].schedule for systemd, in the estate's time zone: "daily 03:00" → "*-*-* 03:00:00 America/Santiago".
std::string on_calendar(const model::Estate& estate);

/// The units, by their file names.
std::map<std::string, std::string> backup_units(const model::Estate& estate);

/// The part of the facts that plan_backup_host and backup_host_state need.
Json backup_facts_parts(const model::LoadedEstate& loaded, const std::string& server);

/// What action "backup/SERVER/keys" carries.
struct BackupKeysStep final : plan::Payload {
    struct Door {
        std::string store;
        std::string user;  ///< the account that the server writes with
        Json spec;         ///< for the runner: name (of the key), host, port, user, host_key
    };

    std::string server;
    std::vector<Door> doors;
};

/// What action "backup/SERVER/schedule" carries.
struct BackupScheduleStep final : plan::Payload {
    std::string server;
    HostRequest request;
    std::map<std::string, std::string> units;
};

struct BackupHostInputs {
    const model::LoadedEstate& loaded;
    std::string server;
    const HostRequest& request;
    const secrets::PurposeKey& key;  ///< for purpose "backup": the plan's digest names the request by its fingerprint
    const Json& facts;               ///< the runner's; null: the server isn't made yet
    bool has_agent = false;          ///< the program is there, or is about to be put there
};

/// The two actions, kind "backup", as far as they are needed; edges to others are the caller's. Without an agent nothing is
/// planned; where no store is one that servers write, a note says so.
plan::Plan plan_backup_host(const BackupHostInputs& inputs);

/// What a server says of its backups.
struct BackupHostState {
    bool agent = false;                   ///< kavi's program is there and runs
    std::string agent_version;
    std::string signing_key;              ///< the public half, "ssh-ed25519 …"; empty: there is none yet
    bool scheduled = false;               ///< the request is there, and the timer is on
    std::optional<std::chrono::sys_seconds> next, last;  ///< of the timer: the next run, when the last one began
    std::optional<std::chrono::sys_seconds> ended;       ///< of the last run since the server started
    std::string result;                   ///< "success", "exit-code", …, of that run; empty: none yet
    bool running = false;
};

BackupHostState backup_host_state(const Json& facts);

}  // namespace kavi::ops

#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/net/transport.hpp>
#include <kavi/ops/backup/ages.hpp>
#include <kavi/ops/hosts.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

/// How everything is.
namespace kavi::ops {

enum class Verdict { ok, degraded, down, unknown };

std::string_view name_of(Verdict verdict);  ///< "ok", "degraded", "down", "unknown"

struct Check {
    std::string kind;  ///< "server", "service", "domain", "storage", "backup"
    std::string name;
    Verdict verdict = Verdict::unknown;
    std::string text;  ///< "running, healthy", "edge 522; origin answers 200 in 41 ms"
    std::string next;  ///< a command that helps; may be empty
};

/// What one domain's name answers: through its public name, and straight from its server.
struct DomainAnswer {
    std::optional<int> status;  ///< HTTP; nullopt: nothing came
    std::string why_not;
    std::chrono::milliseconds took{};
};

struct StatusObservation {
    std::map<std::string, Json> hosts;    ///< by server: facts parts machine, docker, mounts, records, probes
    std::map<std::string, Error> silent;  ///< servers that couldn't be asked
    std::map<std::string, DomainAnswer> edge;
    std::vector<BackupAge> backups;             ///< of each item, in each store that could be asked
    std::map<std::string, Error> silent_stores;  ///< that couldn't
    std::chrono::sys_seconds now;                ///< for their ages
};

/// Who is asked.
struct StatusTools {
    Hosts& hosts;
    net::Transport& http;
    Clock& clock;
};

/// Asks all servers and names at once; what doesn't answer is part of the result, not a failure. `unknown` servers
/// (not made yet, no pin known) are handed in with the reason.
StatusObservation observe_status(const model::LoadedEstate& loaded,
                                 std::map<std::string, Error> unknown,
                                 StatusTools tools,
                                 std::stop_token stop);

struct StatusReport {
    std::vector<Check> checks;  ///< in order of kind, then name

    Verdict worst() const;
    int count(std::string_view kind) const;
    int good(std::string_view kind) const;  ///< ok or degraded
    int well(std::string_view kind) const;  ///< ok
};

/// Judges what was seen. Pure.
StatusReport judge_status(const model::LoadedEstate& loaded, const StatusObservation& seen);

/// Only the checks of these servers, stacks, services, domains or storages. Throws errors::unknown_name.
StatusReport only(const StatusReport& report, std::span<const std::string> names);

OrderedJson to_json(const StatusReport& report);

}  // namespace kavi::ops

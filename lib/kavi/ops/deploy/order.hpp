#pragma once

#include <kavi/ops/dns/plan.hpp>
#include <kavi/plan/plan.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

/// The edges between the parts of a deploy's plan; each part orders itself.
namespace kavi::ops {

/// What was planned for one server, part by part.
struct ServerParts {
    plan::Plan trust;     ///< host keys, until the server may be worked on
    plan::Plan baseline;
    plan::Plan mounts;
    plan::Plan agent;  ///< kavi's own executable, for backups
    plan::Plan backup;  ///< its keys, request and timer
    plan::Plan backup_run;  ///< a backup that is taken before …
    std::set<std::string> backed_up_before;  ///< … these services are touched
    std::vector<plan::Plan> stacks;
    /// By service: ids of mount actions that it needs ("mount/bruno/box").
    std::map<std::string, std::vector<std::string>> mounts_needed;
};

struct DeployParts {
    plan::Plan hetzner;                          ///< "server/bruno" and what it needs
    std::map<std::string, ServerParts> servers;  ///< by name
    DnsPlan dns;
};

/// One plan of all parts. A server is made, trusted, prepared, and then gets its stacks; a service that needs a mount
/// waits for it, no other does; a new name is made before the service that answers it, a moved one after it is
/// healthy.
plan::Plan join(DeployParts parts);

}  // namespace kavi::ops

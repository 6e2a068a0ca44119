#pragma once

#include <kavi/model/estate_file.hpp>
#include <kavi/ops/deploy/observe.hpp>
#include <kavi/plan/plan.hpp>

#include <string>
#include <vector>

/// `kavi recover SERVER`: a server made anew, and everything that lived on it brought back in the order of its tiers.
namespace kavi::ops {

/// What was observed, as it would be without the server: what deploy plans from it makes the server anew. Its primary
/// addresses are free, its firewall and its host keys are gone.
DeployObservation without_server(DeployObservation seen, const std::string& server);

/// Whether a server that answers is one whose recovery (or first deploy) was cut: none of its stacks has a finished
/// release. Nothing on it is newer than the backups, so it is gone on with, and never backed up over them.
bool is_unfinished(const model::LoadedEstate& loaded, const std::string& server, const DeployObservation& seen);

struct RecoveryParts {
    const model::LoadedEstate& loaded;
    std::string server;
    bool unfinished = false;  ///< is_unfinished: `deploy` is planned from what is there, and `destroy` is empty
    plan::Plan destroy = {};             ///< of the server that is there; empty: it is gone already
    plan::Plan deploy;                   ///< plan_deploy of that server, from without_server
    std::vector<plan::Action> restores;  ///< plan_restore of it, fresh
};

/// All of it in one plan. The old server goes before the new one is made; files and Redis are restored before a service that uses them is started, databases once their service is healthy and
/// before one that reads them is started; names follow as deploy has them. Backups by timer begin when all is restored. What was restored by a run that was cut, as
/// the services that waited for it are up, isn't restored again. The server's name is asked for once. Pure.
plan::Plan plan_recovery(RecoveryParts parts);

/// Items whose data isn't on the server's own disks (below a mount): they outlive it, and restoring them would put old
/// data over newer.
std::vector<std::string> items_elsewhere(const model::LoadedEstate& loaded, const std::string& server);

}  // namespace kavi::ops

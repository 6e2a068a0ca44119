#pragma once

#include "restore_access.hpp"

#include <kavi/ops/backup/verify_listing.hpp>

#include <vector>

namespace kavi::app {

/// Levels 2 and 3, done by the agent of the server whose backups they are: each artefact fetched, opened and
/// listed, or restored into a throw-away container. `access` unwraps the file keys here. Throws what
/// ops::ask_agent throws; what becomes of an artefact is a finding.
std::vector<ops::VerifyFinding> verify_on_server(RestoreAccess& access,
                                                 const model::LoadedEstate& loaded,
                                                 const ops::Catalog& catalog,
                                                 const std::vector<ops::Chosen>& chosen,
                                                 int level,
                                                 Session& session);

}  // namespace kavi::app

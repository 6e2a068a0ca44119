#pragma once

#include "backup_access.hpp"
#include "estate_session.hpp"

#include <optional>
#include <string>

namespace kavi::app {

/// Keeps the estate's own files beside the backups of its servers, in every store: a new copy where they have
/// changed. Connects to the stores. Nothing in CI, and where the estate has no store. Gives the line to say;
/// never throws but when interrupted: whatever it follows is done.
std::optional<std::string> keep_estate_copy(Session& session, EstateSession& estate, BackupAccess& backups);

}  // namespace kavi::app

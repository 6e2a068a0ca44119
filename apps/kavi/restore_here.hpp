#pragma once

#include "restore_access.hpp"
#include "result.hpp"

#include <kavi/ops/restore/plan.hpp>

#include <filesystem>

namespace kavi::app {

/// Restores what is asked for into a folder of this machine, opened here with the operator's identity: dumps,
/// scripts and RDBs as files, an item of files as a folder. No server is contacted.
struct RestoreHere {
    Session& session;
    BackupAccess& backups;
    RestoreAccess& access;
    std::string estate;            ///< its name
    std::filesystem::path folder;  ///< must be empty, or not be there yet
};

/// Adds a line and an entry of data["files"] for each. Throws errors::file_unwritable, and what unpacking
/// throws.
void restore_here(const ops::RestoreRequest& request, const RestoreHere& here, Result& result);

}  // namespace kavi::app

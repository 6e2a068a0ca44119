#pragma once

#include "restore_access.hpp"
#include "result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kavi::app {

/// What is opened (level 2) or really restored (level 3), on the servers that the backups are of.
struct DeepVerify {
    std::vector<std::string> items;  ///< empty: all
    ops::When when = {};             ///< the newest of each at that time
    std::optional<std::string> server = {};
    std::optional<std::string> store = {};
    int level = 3;
};

/// Has each server's agent verify its artefacts, tells how long each took, and notes the outcome beside the
/// backups (verify_notes.hpp), from where status and plans tell of it. Nothing live is touched. Exit 12 where
/// something isn't what was backed up.
Result deep_verify(Session& session, EstateSession& estate, BackupAccess& backups, const DeepVerify& wanted);

}  // namespace kavi::app

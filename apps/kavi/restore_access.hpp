#pragma once

#include "backup_access.hpp"

#include <kavi/ops/restore/handler.hpp>

#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace kavi::app {

/// What restoring and deep verifying need beside what is stored: servers that are logged in to, identities.
class RestoreAccess {
  public:
    RestoreAccess(Session& session, EstateSession& estate, BackupAccess& backups)
        : session_(session), estate_(estate), backups_(backups) {}

    /// Address and host keys of the server, asked of Hetzner where it is one of its servers. Throws what that
    /// throws.
    void learn(const std::string& server);

    /// Tools for ops::RestoreHandler and ops::ask_agent; `listener` hears progress and must outlive them.
    ops::RestoreTools tools(run::Listener& listener);

    /// How a server opens that store.
    Json store_for(const std::string& store);

    /// Those that may open a backup. Throws errors::credentials_missing where there are none.
    std::span<const seal::Identity> identities();

  private:
    Session& session_;
    EstateSession& estate_;
    BackupAccess& backups_;
};

}  // namespace kavi::app

#pragma once

#include "../change.hpp"
#include "../estate_context.hpp"
#include "../network.hpp"
#include "../secrets_access.hpp"

#include <kavi/ops/secrets/seal.hpp>

#include <map>
#include <optional>
#include <string>

/// What `secrets seal` and `secrets set --sealed` have in common.
namespace kavi::app {

struct Sealing {
    const EstateContext& context;
    SecretsAccess& access;
    const ChangeOptions& change;
    ops::SealedEdit edit = {};
    std::string command;  ///< "kavi secrets seal"
    bool ask_infisical = true;
    bool question = true;
};

/// Plans a new sealed copy, shows, asks, writes.
Result seal_copies(Session& session, const Sealing& sealing);

/// What is known after a deploy, for its sealed copies.
struct Refreshing {
    const model::LoadedEstate& loaded;
    SecretsAccess& access;
    Network& network;  ///< for the places that aren't local
    std::map<std::string, std::string> backup_signers;  ///< by server: the key that signs its backups, as just seen there
};

/// After a deploy: a new copy in all places where its content has changed, from what this run has read already. What has
/// changed is seen by the local copy; the other places are connected to only then. While a copy stands in for Infisical,
/// only who signs backups is added to it. Where this run can't open the copy (CI), a line names the servers whose keys it lacks.
/// Gives the line to say; never throws but when interrupted: the deploy is done.
std::optional<std::string> refresh_copies(Session& session, const Refreshing& refreshing);

}  // namespace kavi::app

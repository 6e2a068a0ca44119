#pragma once

#include "../change.hpp"
#include "../estate_context.hpp"
#include "../secrets_access.hpp"

#include <kavi/ops/secrets/seal.hpp>

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

/// After a deploy: a new copy in all places where its content has changed, from what this run has read
/// already. Nothing in CI, while a copy stands in for Infisical, and where this operator can't open the copy.
/// Gives the line to say; never throws but when interrupted: the deploy is done.
std::optional<std::string> refresh_copies(Session& session,
                                          const model::LoadedEstate& loaded,
                                          SecretsAccess& access);

}  // namespace kavi::app

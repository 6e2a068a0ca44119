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
    std::string command;      ///< "kavi secrets seal"
    bool ask_infisical = true;
    bool question = true;
};

/// Plans a new sealed copy, shows, asks, writes.
Result seal_copies(Session& session, const Sealing& sealing);

}  // namespace kavi::app

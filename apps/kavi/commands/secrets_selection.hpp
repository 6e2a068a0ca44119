#pragma once

#include "../cli/arguments.hpp"
#include "../estate_context.hpp"
#include "../network.hpp"
#include "../secrets_access.hpp"

#include <string>
#include <vector>

/// Which secrets `secrets pull` and `secrets run` take.
namespace kavi::app {

struct SecretsSelection {
    std::vector<std::string> paths;
    bool recursive = false;
    std::vector<std::string> only;
    std::string prefix;
    bool lenient = false;
};

void declare(Arguments& arguments, SecretsSelection& selection);

/// Secrets as selected, under the names they are to have, and where they are from.
struct Selected {
    model::NamedSecrets secrets;
    std::string description;  ///< "Infisical (infrastructure/prod)"
};

/// Reads and selects. A later path wins over an earlier one; within one tree, a name that several folders
/// give different values to throws errors::secret_unfit, naming them.
Selected select_secrets(Session& session, const SecretsSelection& selection);

/// Throws errors::secret_unfit for what the environment of a process can't hold.
void require_variables(const model::NamedSecrets& secrets);

}  // namespace kavi::app

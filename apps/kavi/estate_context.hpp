#pragma once

#include "cli/complete.hpp"
#include "session.hpp"

#include <kavi/model/estate_file.hpp>
#include <kavi/model/estate_find.hpp>

#include <string>
#include <vector>

namespace kavi::app {

/// The estate that a command works on, and where it was found.
struct EstateContext {
    model::FoundEstate found;
    model::LoadedEstate loaded;  ///< problems name files as seen from the working folder
};

/// By --config, KAVI_CONFIG and the surroundings of the process.
model::FindEstate where_to_look(const std::optional<std::string>& config_option, const Environment& environment);

/// Finds the estate file by -c, KAVI_CONFIG, walking up, the user's and the system's configuration; nobody else
/// may be able to write it. Throws errors::config_missing and errors::config_untrusted.
model::FoundEstate find_estate_file(const Session& session);

/// The same, read with all that it points at, whatever is wrong with it: for `kavi config`. One that was found by
/// walking up must be trusted, unless `trust_asked` is false.
EstateContext read_estate_context(const Session& session, bool trust_asked = true);

/// The same for every other command: throws errors::config_invalid with all problems. Warnings are told with
/// --verbose.
EstateContext load_estate_context(Session& session);

/// Where the estate's secrets come from, for the store of trusted files: INFISICAL's URL, or "sealed".
std::string trust_endpoint(const model::Estate& estate);

/// $XDG_STATE_HOME/kavi/trust.json.
std::string trust_file(const Environment& environment);

/// Throws errors::unknown_name, with a did-you-mean and the names there are, unless `name` is one of `known`. `what`
/// is "server".
void require_name(std::string_view what, std::string_view name, const std::vector<std::string>& known);

/// Names for completion, from the estate file alone; `words` are those before the cursor (for --config).
/// Whatever is wrong with the file, the answer is what could be read.
std::vector<Candidate> estate_names(Names kind, const Environment& environment, std::span<const std::string> words);

}  // namespace kavi::app

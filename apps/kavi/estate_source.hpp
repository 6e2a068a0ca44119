#pragma once

#include "session.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kavi::app {

/// Where an estate's own files are fetched from, on a machine that has nothing but an SSH key and an identity.
struct EstateSource {
    std::string place;                    ///< "USER@HOST[:PORT][/FOLDER]", or a folder of this machine
    std::optional<std::string> host_key;  ///< "SHA256:…" of that host
    std::optional<std::string> key;       ///< the private key's file; else KAVI_SSH_KEY
    std::optional<std::string> estate;    ///< where several lie there
    std::vector<std::string> confirmed;   ///< of --confirm: "SHA256:…" is a signer who is believed
    std::string into;                     ///< the new folder
};

/// Whether `place` names a store by its address rather than a storage of the estate file.
bool is_estate_source(std::string_view place);

/// Fetches the newest copy of the estate's files, signed by this person's own key (or by a confirmed one), and unpacks
/// it into `into`. Gives the estate file. Throws errors::usage, backup_missing, backup_untrusted, credentials_missing,
/// and what stores and age throw.
std::filesystem::path fetch_estate(Session& session, const EstateSource& source);

}  // namespace kavi::app

#pragma once

#include "estate_session.hpp"

#include <kavi/ops/backup/catalog.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/store/target.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kavi::app {

/// What a store is opened for, with which the account differs.
enum class StoreUse {
    read,   ///< users.read, keys.read; where there is no such account, the one that prunes
    prune,  ///< users.prune, keys.prune: also what writes notes and copies from here
};

/// A secret by its name; asked only for what a store needs. Throws errors::secret_missing.
using SecretLookup = std::function<Secret(const model::SecretRef&)>;

/// How this machine opens a storage of the estate. Throws errors::config_invalid for one that can't hold
/// backups.
store::StoreTarget store_target(const model::Estate& estate,
                                const model::Storage& storage,
                                StoreUse use,
                                const SecretLookup& secret,
                                const std::optional<std::string>& ssh_key_path);

/// The server that an item is on; empty: of none (git, which this machine mirrors itself).
std::string server_of_item(const model::LoadedEstate& loaded, const model::BackupItem& item);

/// The way to what is stored of the estate's backups, from the operator's machine.
class BackupAccess {
  public:
    BackupAccess(Session& session, EstateSession& estate) : session_(session), estate_(estate) {}

    /// Those of [backup], in their order. Throws errors::config_invalid where there are none.
    const std::vector<std::string>& stores() const;

    /// Or this one of them. Throws errors::unknown_name.
    std::vector<std::string> stores(const std::optional<std::string>& only) const;

    /// Opened on the first call and kept. Throws errors::unknown_name.
    store::Store& store(const std::string& name, StoreUse use = StoreUse::read);
    /// One for the caller alone (another thread, another lane).
    std::unique_ptr<store::Store> open_store(const std::string& name, StoreUse use = StoreUse::read);

    /// Who may sign for a server: by the newest sealed copy, and where none says anything of it, by the
    /// server itself over its pinned connection. Empty: neither could be asked (told as a warning).
    const ops::ManifestSigners& signers(const std::string& server);

    ops::Catalog catalog(const std::string& store,
                         const std::string& server,
                         std::optional<std::size_t> newest = std::nullopt);

    /// Servers that have any of these items (empty: any item at all), in order of their names. Throws
    /// errors::unknown_name for an item that the estate file doesn't have.
    std::vector<std::string> servers(const std::vector<std::string>& items) const;

    /// Whose backups a command looks at: of this server, or of all that have one of the items; without items
    /// the estate's own ("estate") too. Throws errors::unknown_name.
    std::vector<std::string> owners(const std::optional<std::string>& server,
                                    const std::vector<std::string>& items) const;

    /// The items that the estate file declares on that server.
    std::vector<std::string> items(const std::string& server) const;

    /// The estate's time zone, read once.
    const ops::TimeZone& zone();

    std::chrono::sys_seconds now() const;

  private:
    ops::ManifestSigners sealed_signers(const std::string& server);
    ops::ManifestSigners live_signers(const std::string& server);
    /// Adds what the newest sealed copy of all places names; true: something was new.
    bool learn_signers_everywhere(const std::string& server);

    Session& session_;
    EstateSession& estate_;
    std::map<std::pair<std::string, StoreUse>, std::unique_ptr<store::Store>> open_;
    std::map<std::string, ops::ManifestSigners> signers_;
    std::optional<std::map<std::string, std::vector<std::string>>> sealed_;      ///< the local sealed copy's, by server
    std::optional<std::map<std::string, std::vector<std::string>>> everywhere_;  ///< the newest copy's
    std::optional<ops::TimeZone> zone_;
};

}  // namespace kavi::app

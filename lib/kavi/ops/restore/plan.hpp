#pragma once

#include <kavi/model/estate_file.hpp>
#include <kavi/ops/backup/catalog.hpp>
#include <kavi/plan/plan.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

/// What of a server's backups is restored, and where it goes. Pure.
namespace kavi::ops {

/// One artefact, and its target as docs/backups.md has it ("restore and verify").
struct RestorePart {
    Artefact artefact;
    Json target;
};

/// What an action of kind "restore" carries.
struct RestoreStep final : plan::Payload {
    std::string server;  ///< where it is restored
    std::string owner;   ///< whose backup it is: the server's own, but with `kavi restore --into SERVER`
    std::string store;
    std::string run;  ///< that made the backup
    RestorePart part;
};

/// One thing to restore. Only `item` must be set.
struct RestoreWish {
    std::string item;
    std::string database = {};            ///< postgres: this one alone
    std::string table = {};               ///< postgres: "users" or "public.users", with into_database
    std::string into_database = {};       ///< postgres: under this name, beside the live one
    std::vector<std::string> paths = {};  ///< files: these alone, below the item's folder
    std::string into_folder = {};         ///< files: into this folder of the server, not where they came from
};

struct RestoreRequest {
    const model::LoadedEstate& loaded;
    const Catalog& catalog;  ///< of the store, with the manifests of the server whose backup it is
    std::string server;      ///< where to restore
    std::vector<RestoreWish> wishes = {};             ///< empty: every item of the server
    std::optional<std::chrono::sys_seconds> at = {};  ///< the newest at or before it
    std::string run = {};                             ///< this run; empty: by time
    std::chrono::sys_seconds now;
    /// The containers and volumes were just made, or aren't there yet (`kavi recover`): nothing live is
    /// replaced, so nothing is asked, and no service is stopped or restarted by name.
    bool fresh = false;
};

/// The actions: ids "restore/SERVER/ITEM[/PART]", kind "restore", in the server's lane. A postgres item has
/// one for each of its databases, and "…/globals" (roles) before them. Edges to other actions are the
/// caller's. An item of kind git has none. Throws errors::backup_missing where an item, part or table of it
/// has no backup at that time, and errors::unknown_name, errors::usage for a wish that makes no sense.
std::vector<plan::Action> plan_restore(const RestoreRequest& request);

/// The item of that name. Throws errors::unknown_name, with a did-you-mean.
const model::BackupItem& item_named(const model::LoadedEstate& loaded, const std::string& name);

/// Where an item is restored, as its agent takes it ("target" of docs/backups.md); the database, and what a
/// wish adds, aside. Empty for kinds that have no such place. Throws errors::unknown_name for a service that
/// is in no stack, errors::restore_failed where it keeps its data in no volume of its own.
Json item_target(const model::LoadedEstate& loaded, const model::BackupItem& item);

/// Where a restore of an item stands among the services of its server.
struct ItemPlace {
    std::string item;
    model::BackupItem::Kind kind = model::BackupItem::Kind::files;
    std::string server;
    std::string stack;  ///< empty: no stack's service has anything to do with it
    /// redis, files: the services that use it, which must not run before it is restored.
    std::vector<std::string> before = {};
    /// postgres: the service it lives in, which must be healthy before, and …
    std::string within = {};
    std::vector<std::string> readers =
        {};  ///< … those that depend on it, which must not run before it is restored
};

/// Of each item of the estate on that server, in order of their names; those of kind git are left out.
std::vector<ItemPlace> item_places(const model::LoadedEstate& loaded, const std::string& server);

/// The item of that name. Throws errors::unknown_name, with a did-you-mean.
ItemPlace item_place(const model::LoadedEstate& loaded, const std::string& item);

}  // namespace kavi::ops

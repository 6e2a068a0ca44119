#pragma once

#include <kavi/base/error.hpp>
#include <kavi/ops/backup/manifest.hpp>
#include <kavi/ops/backup/verify_notes.hpp>
#include <kavi/store/store.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What lies in a store of one server's backups, and what of it can be believed.
namespace kavi::ops {

/// A run whose manifest is signed by a known server. Whether all that it names is there stands in `flaws`.
struct StoredRun {
    std::string run;                ///< "20261125T060000Z-4f2a"
    std::chrono::sys_seconds time;  ///< when it began
    Manifest manifest;
    std::string digest;  ///< of the manifest's bytes: what the next one names as `previous`
    std::map<std::string, std::string> flaws =
        {};  ///< by Artefact::file: "is missing", "has 12 bytes, its manifest says 34"

    /// Every artefact of the item (of that part of it, where one is named) is there, and nothing of it
    /// failed.
    bool has_whole(std::string_view item, std::string_view part = {}) const;
};

/// A run with a manifest that doesn't count.
struct RefusedRun {
    std::string run;
    Error why;  ///< errors::backup_untrusted, errors::integrity
};

/// Something about the chain of manifests that is as it mustn't be.
struct ChainFault {
    std::string run;
    std::string message;  ///< "its sequence 7 doesn't follow 9 of run …", "its manifest is missing, and …"
};

/// Runs that the sequence counts and the store doesn't have: pruned, or taken away.
struct ChainGap {
    std::string before, after;  ///< the runs around it
    std::int64_t missing = 0;
};

struct Catalog {
    std::string store;  ///< its name
    std::string estate, server;
    std::vector<StoredRun> runs;      ///< newest first
    std::vector<RefusedRun> refused;  ///< newest first
    std::vector<std::string>
        unread;  ///< runs with a manifest beyond the newest N that were asked for, newest first
    std::vector<std::string> unfinished;   ///< folders of runs without a manifest, newest first: no backups
    std::vector<store::StoredFile> files;  ///< everything listed
    std::vector<store::StoredFile> parts;  ///< never finished
    std::vector<std::string> unnamed;  ///< files that no manifest names (below refused, unread and unfinished
                                       ///< runs none is looked at)
    std::vector<ChainFault> faults;    ///< oldest first
    std::vector<ChainGap> gaps;        ///< oldest first
    std::vector<VerifiedNote> verified;  ///< oldest first

    const StoredRun* find(std::string_view run) const;
    /// All runs with a manifest, newest first.
    std::vector<std::string> all_runs() const;
};

/// What was read of one run's manifest; nullopt: that file isn't there.
struct ManifestBytes {
    std::optional<std::string> manifest, signature;
};

/// What a catalog is made of.
struct CatalogSeen {
    std::string store, estate, server;
    std::vector<store::StoredFile> files;  ///< below the server's folder, by their whole paths
    std::vector<store::StoredFile> parts;
    std::map<std::string, ManifestBytes> manifests;  ///< by run
};

/// Pure.
Catalog make_catalog(CatalogSeen seen, const ManifestSigners& signers);

struct CatalogRequest {
    std::string estate;
    std::string server;  ///< or "estate", for the estate's own files
    ManifestSigners signers;
    std::optional<std::size_t> newest = {};  ///< so many manifests are read; nullopt: all
};

/// Lists once, reads manifests newest first. Throws what the store throws; what lies in it wrong is in the
/// catalog.
Catalog read_catalog(store::Store& store, const CatalogRequest& request);

/// Where a run's files and its manifest lie.
std::string run_folder(std::string_view estate, std::string_view server, std::string_view run);
/// The whole path of an artefact.
std::string artefact_path(const Catalog& catalog, const Artefact& artefact);

/// What restores: an item (or a part of it) as one run stored it.
struct Chosen {
    const StoredRun* run = nullptr;  ///< lives in the catalog
    std::vector<Artefact> artefacts;
};

/// The newest run at or before `at` (nullopt: at all) that has the item whole. An item that failed in a run
/// isn't in it. Throws errors::backup_missing, saying what there is instead.
Chosen choose(const Catalog& catalog,
              std::string_view item,
              std::string_view part = {},
              std::optional<std::chrono::sys_seconds> at = std::nullopt);

/// The item as this run has it. Throws errors::backup_missing; for a refused run what is wrong with it.
Chosen choose_run(const Catalog& catalog,
                  std::string_view run,
                  std::string_view item,
                  std::string_view part = {});

}  // namespace kavi::ops

#pragma once

#include <kavi/model/estate.hpp>
#include <kavi/ops/backup/catalog.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/secrets/signer.hpp>
#include <kavi/store/store.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

/// The estate's own files as a backup: kavi.toml, compose files and the sealed copy, so that a recovery can begin with
/// nothing but the store, an SSH key and an identity. They lie beside the servers' backups, as "estate", signed by
/// the operator who stored them.
namespace kavi::ops {

inline constexpr std::string_view estate_copy_server = "estate";

/// The estate's folder as a tar archive (reproducible: sorted, no owners, no times), and what it is made of.
struct EstateArchive {
    std::string tar;
    std::string content;  ///< "sha256:…" of the archive: equal folders agree
    int files = 0;
};

/// Every file of the estate's folder that git tracks (or all, where there is no git), and the local sealed copies.
/// Throws errors::config_invalid beyond 64 MiB, errors::file_unreadable.
EstateArchive archive_estate(const model::Estate& estate, std::stop_token stop);

struct EstateCopyRequest {
    const model::Estate& estate;
    const EstateArchive& archive;
    std::string run;      ///< of the run that stores it
    std::string now;      ///< "2026-11-25T06:00:00Z"
    std::string version;  ///< kavi's
};

/// Whether the newest copy in the store is of just these files, for just these recipients. `catalog` is the store's of
/// estate_copy_server.
bool estate_copy_is_current(const Catalog& catalog, const EstateCopyRequest& request);

/// Stores a copy: artefact, signature, manifest last. Throws what the store and signing throw.
void store_estate_copy(store::Store& store,
                       const Catalog& catalog,
                       const EstateCopyRequest& request,
                       secrets::Signer& signer,
                       std::stop_token stop);

/// Who may have signed a copy: the operators' SSH keys.
ManifestSigners estate_copy_signers(const model::Estate& estate);

struct FetchedEstate {
    std::string run;
    std::string time;  ///< when it was stored: "2026-11-25T06:00:00Z"
    std::filesystem::path config_file;
};

/// Fetches the newest copy of an estate, checks who signed it, and unpacks it into `folder`, which must not exist yet.
/// `catalog` was read with the signers that are believed. Throws errors::backup_missing, backup_untrusted,
/// integrity, seal::AgeError, file_unwritable.
FetchedEstate fetch_estate_copy(store::Store& store,
                                const Catalog& catalog,
                                std::span<const seal::Identity> identities,
                                const std::filesystem::path& folder,
                                std::stop_token stop);

}  // namespace kavi::ops

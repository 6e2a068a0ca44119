#pragma once

#include <kavi/ops/agent/backup.hpp>
#include <kavi/ops/agent/backup_pipeline.hpp>

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What a run needs to know of the stores before it begins, and how it ends there.
namespace kavi::ops {

/// What earlier runs left, as far as this server signed it.
struct StoredPast {
    std::int64_t sequence = 0;        ///< of the newest manifest; 0: none
    std::string digest;               ///< of its bytes
    std::uint64_t total = 0;          ///< bytes in the newest run's folder: what the next one takes anew
    std::vector<Artefact> artefacts;  ///< the newest of each item and part first
    std::map<std::string, std::map<std::string, std::uint64_t>>
        files;  ///< by store: below the server's folder, with sizes

    /// Plain bytes of the last such artefact; 0: there is none.
    std::uint64_t last(std::string_view item, std::string_view part, std::string_view kind) const;
    /// An artefact whose file begins so and lies in every living store, whole as far as its size tells; null: none.
    const Artefact* everywhere(const std::string& beginning, std::span<const RunStore> stores) const;
    bool is_taken(const std::string& file) const;
};

/// A store that can't be opened is marked. Throws its error where none can.
std::vector<RunStore> open_run_stores(const std::vector<Json>& stores, const BackupAgent& agent);

/// Lists every store once, and reads its newest manifests. Throws where no store is left.
StoredPast read_past(std::span<RunStore> stores,
                     const BackupRequest& request,
                     const seal::SshPublicKey& signer);

/// A store whose free space isn't 1.2 times what the last run took is marked with errors::store_full. Throws
/// it where none is left.
void require_space(std::span<RunStore> stores, const StoredPast& past);

/// A small file in every store that lives.
void write_in_each(std::span<RunStore> stores, const std::string& path, std::string_view bytes);

}  // namespace kavi::ops

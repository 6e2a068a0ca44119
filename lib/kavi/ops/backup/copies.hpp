#pragma once

#include <kavi/ops/backup/catalog.hpp>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

/// Copies in a second store that the server doesn't write itself: ciphertext and manifests, as they are.
namespace kavi::ops {

struct FileCopy {
    std::string path;  ///< in both stores
    std::uint64_t bytes = 0;
    std::string
        sha256;  ///< of an artefact; empty: a manifest or its signature, read whole and compared by size

    friend bool operator==(const FileCopy&, const FileCopy&) = default;
};

struct RunCopy {
    std::string run;
    std::vector<FileCopy> files;  ///< the manifest last
};

/// What of `from` the other store lacks: whole, trusted runs newer than its newest, oldest first, so that one
/// that was cut goes on where it stopped, and what the other one has pruned doesn't come back. Pure. Throws
/// errors::store_failed where a file is there with another size.
std::vector<RunCopy> plan_copies(const Catalog& from, const std::vector<store::StoredFile>& there);

/// Copies one run. Nothing gets a name there whose bytes aren't what the manifest says: errors::integrity.
/// Throws what the stores throw; errors::interrupted.
void copy_run(store::Store& from,
              store::Store& to,
              const RunCopy& copy,
              const std::function<void(const FileCopy&, std::uint64_t done)>& on_progress,
              std::stop_token stop);

}  // namespace kavi::ops

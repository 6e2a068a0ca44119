#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/ops/backup/manifest.hpp>
#include <kavi/seal/bytes.hpp>
#include <kavi/store/store.hpp>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace kavi::ops {

/// An artefact and what opens it: no identity, its own file key.
struct SealedArtefact {
    Artefact artefact;
    std::size_t header_size = 0;  ///< the payload starts behind so many bytes
    Secret file_key;
};

/// Hears how many bytes of what is stored have come; from another thread than the caller's.
using UnpackProgress = std::function<void(std::uint64_t stored)>;

/// Fetches the artefact at `path`, opens and decompresses it, and gives its plain bytes to `consume`, in
/// order, in constant memory. What `consume` got counts for nothing before this returns: only then size and
/// SHA-256 of what is stored and of what is inside are those of the manifest. Throws errors::integrity naming
/// the artefact where they aren't, or where it is damaged; what the store throws; what `consume` throws;
/// errors::interrupted.
void unpack(store::Store& store,
            const std::string& path,
            const SealedArtefact& sealed,
            const seal::WriteBytes& consume,
            const UnpackProgress& progress,
            std::stop_token stop);

}  // namespace kavi::ops

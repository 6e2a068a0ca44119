#pragma once

#include <kavi/ops/backup/catalog.hpp>

#include <cstdint>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

/// Verifying without opening anything: level 0 (the listing against the manifests) and level 1 (what is
/// stored against the manifests' checksums).
namespace kavi::ops {

/// Something that isn't as the manifests say.
struct VerifyFinding {
    std::string run;
    std::string item;  ///< empty: the run as a whole
    std::string file;  ///< below the server's folder; empty: the manifest
    std::string message;
    std::vector<std::string> causes = {};
};

/// Level 0, for these runs (empty: all) and items (empty: all). Pure.
std::vector<VerifyFinding> verify_listing(const Catalog& catalog,
                                          const std::set<std::string>& runs = {},
                                          const std::set<std::string>& items = {});

/// Level 1: each file once, by the store itself where it can, else read back. The catalog's flaws are left to
/// level 0. `on_file` is told before each. Throws what the store throws, but a missing file is a finding;
/// errors::interrupted.
std::vector<VerifyFinding> verify_checksums(store::Store& store,
                                            const Catalog& catalog,
                                            const std::vector<Chosen>& chosen,
                                            const std::function<void(const Artefact&)>& on_file,
                                            std::stop_token stop);

/// SHA-256 in hex of a file: the store's own word, else of what reads back. Throws errors::store_missing.
std::string stored_sha256(store::Store& store, const std::string& path, std::stop_token stop);

}  // namespace kavi::ops

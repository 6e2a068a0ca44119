#pragma once

#include <kavi/base/json.hpp>
#include <kavi/seal/ssh_key.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What one run has stored of one server. docs/backups.md has the format and why; everything here is pure.
namespace kavi::ops {

inline constexpr std::string_view backup_namespace = "kavi.backup@kua.cl";

/// One stored file: sealed with age, compressed with zstd inside.
struct Artefact {
    std::string item;              ///< as the estate file names it: "databases"
    std::string kind;              ///< "postgres", "postgres-globals", "redis", "files", "images", "estate"
    std::string part;              ///< of the item: the database's name; empty where an item is one artefact
    std::string file;              ///< below <estate>/<server>/: "20261125T060000Z-4f2a/databases.infisical.pgdump.zst.age"
    std::uint64_t bytes = 0;       ///< as stored
    std::string sha256;            ///< of what is stored, hex
    std::uint64_t plain_bytes = 0; ///< of the dump or archive itself
    std::string plain_sha256;      ///< of the dump or archive itself, hex
    Json details = Json::object(); ///< by kind: {"server_version": "15.14", "rows": {"public.users": 3}}, {"source", "volume", "entries"}

    friend bool operator==(const Artefact&, const Artefact&) = default;
};

/// An item that came to nothing in this run.
struct ItemFailure {
    std::string item, part, message;

    friend bool operator==(const ItemFailure&, const ItemFailure&) = default;
};

struct Manifest {
    std::string estate, server;
    std::string run;                 ///< "20261125T060000Z-4f2a"
    std::int64_t sequence = 1;       ///< goes up by one with each manifest of the server
    std::string previous;            ///< "sha256:…" of the manifest before it (its bytes); empty for the first
    std::string started, finished;   ///< "2026-11-25T06:00:00Z"
    std::string kavi;                ///< version
    std::int64_t sealed_sequence = 0;            ///< the sealed copy that fits it
    std::string encryption_key;      ///< keyed fingerprint of Infisical's ENCRYPTION_KEY; may be empty
    std::vector<Artefact> artefacts;
    std::vector<ItemFailure> failures;
    std::vector<std::string> warnings;           ///< "forgejo: a file changed while it was read"

    friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// The bytes that are signed and stored: canonical JSON with a final line end.
std::string write_manifest(const Manifest& manifest);

/// Throws errors::integrity, naming `source`: not a manifest, another version, a member missing or of the wrong kind, a
/// file name that leaves its folder, a repeated file.
Manifest read_manifest(std::string_view bytes, std::string_view source);

/// One artefact as a manifest has it, and as the agent is told of it.
Json artefact_json(const Artefact& artefact);

/// "sha256:…" of a manifest's bytes: what the next one names as `previous`.
std::string manifest_digest(std::string_view bytes);

/// "kavi/bruno", the folder of a server's backups in a store.
std::string backup_folder(std::string_view estate, std::string_view server);

/// Who may have signed a server's manifests.
using ManifestSigners = std::vector<seal::SshPublicKey>;

/// The manifest, once its signature ("…/manifest.json.sig") is good and by one of the signers. Throws
/// errors::integrity where the signature isn't of these bytes, errors::backup_untrusted where somebody else made it.
Manifest open_manifest(std::string_view bytes,
                       std::string_view signature,
                       const ManifestSigners& signers,
                       std::string_view source);

}  // namespace kavi::ops

#pragma once

#include <kavi/base/json.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/model/estate_file.hpp>
#include <kavi/secrets/secrets.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What a server is told of its backups (docs/backups.md, "backup"): made of the estate file, and of nothing that could open one.
/// All pure.
namespace kavi::ops {

inline constexpr std::string_view agent_program = "/usr/local/lib/kavi/kavi";
inline constexpr std::string_view host_request_file = "/etc/kavi/backup.json";
inline constexpr std::string_view signing_key_name = "backup_signing";  ///< below host_keys, with "_ed25519" behind it
inline constexpr std::string_view host_keys = "/var/lib/kavi/keys";

/// Whether a path is that folder or lies below it; both absolute.
bool is_within(std::string_view inner, std::string_view outer);

/// The mount point of a storage that the folder of that server lies below; empty: none.
std::string mount_above(const model::Estate& estate, const std::string& server, std::string_view folder);

/// "box-writer": what a server's own key for a store is called below host_keys.
std::string writer_key_name(std::string_view store);

/// Those of [backup].stores that servers write themselves: Storage Boxes and other SSH servers. The others get copies
/// from where kavi runs.
std::vector<std::string> host_stores(const model::Estate& estate);
std::vector<std::string> copied_stores(const model::Estate& estate);

/// How a server opens that store by its own key (docs/backups.md, "stores"). Throws errors::config_invalid where the storage
/// isn't one that servers write, has no users.write or no host_key.
Json store_for(const model::Estate& estate, const std::string& store);

/// The items of a server as its agent takes them, in order of their names. A git item isn't the server's; one of a service
/// that is in no stack can't be taken, and is left out.
Json host_items(const model::LoadedEstate& loaded, const std::string& server);

/// A backup request without `run`.
struct HostRequest {
    Json json;                        ///< without `notify`
    std::optional<Secret> notify_url;
    /// Members that can't be known here, since no sealed copy could be opened: what the server has of them stays.
    std::set<std::string> unknown;

    /// The whole request, as it goes to the server or into its file.
    Secret text() const;

    /// Of each member's canonical JSON, 16 hexadecimal digits of SHA-256: what the runner answers of the file there. The
    /// notification address is among them, so they are for comparing, never for showing or keeping.
    std::map<std::string, std::string> digests() const;
};

struct HostRequestInputs {
    const model::LoadedEstate& loaded;
    const secrets::SecretVault& vault;
    std::string kavi;                 ///< this version
    std::int64_t sealed_sequence = 0; ///< of the sealed copy at hand
};

/// Throws errors::config_invalid (a store), errors::secret_missing (the notification address).
HostRequest host_request(const HostRequestInputs& inputs, const std::string& server);

/// Of Infisical's ENCRYPTION_KEY, for the manifest: says later which key fits a database, without saying the key. Empty:
/// the estate has none, or it can't be read here.
std::string encryption_key_fingerprint(const model::Estate& estate, const secrets::SecretVault& vault);

}  // namespace kavi::ops

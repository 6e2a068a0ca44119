#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/net/ssh.hpp>
#include <kavi/net/transport.hpp>
#include <kavi/store/store.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace kavi::store {

enum class StoreKind {
    sftp,   ///< any SSH server with SFTP, Storage Boxes among them
    s3,     ///< a bucket
    local,  ///< a folder of this machine
};

/// How to get at one store. As JSON (docs/backups.md, "stores"): name, kind, folder, and
///   sftp: host, port, user, host_key, key (a private key's path on the machine that opens it);
///   s3: endpoint, region, bucket, access_key, secret_key.
struct StoreTarget {
    std::string name;  ///< as the estate file names it
    StoreKind kind = StoreKind::sftp;
    /// Where it begins. sftp: below the login's folder (or absolute), "" is the login's folder itself; s3:
    /// the keys' beginning, "" for none; local: the folder.
    std::string folder;

    // sftp
    std::string host;
    int port = 22;
    std::string user;
    std::string host_key;                 ///< "SHA256:…" as ssh-keygen -l shows it
    std::optional<std::string> key_path;  ///< the private key's file
    std::optional<Secret> key;            ///< the private key by value; wins

    // s3
    std::string endpoint;  ///< "https://nbg1.your-objectstorage.com"
    std::string region;    ///< "" is taken from the endpoint
    std::string bucket;
    std::string access_key;
    Secret secret_key;
};

/// Reads one of docs/backups.md's "stores". Throws errors::config_invalid, naming what is missing or wrong.
StoreTarget read_store_target(const Json& json);

/// The same way back. A private key by value isn't written: a file holds only paths. `secret_key` is, so the
/// JSON of an S3 store is for a 0600 file or a pipe.
Json store_target_json(const StoreTarget& target);

/// What stores work with. The transport may be a plain one: stores repeat by themselves what may be repeated.
struct StoreTools {
    net::SshConnector& ssh;
    net::Transport& http;
    Clock& clock;
};

/// Nothing is contacted before the first call. `stop` ends whatever the store does, with errors::interrupted.
/// The tools must outlive it. Throws errors::host_key_unpinned for an SFTP store without a readable host key.
std::unique_ptr<Store> open_store(const StoreTarget& target, const StoreTools& tools, std::stop_token stop);

}  // namespace kavi::store

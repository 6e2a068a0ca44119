#pragma once

#include "lab/docker.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kavi::lab {

/// One login of the box.
struct BoxAccount {
    std::string name;    ///< "u000000-sub1"
    std::string folder;  ///< below the box; empty: all of it (the main account)
    bool readonly = false;
    std::string key;  ///< a public key line that may log in; empty: none yet
};

/// A look-alike of Hetzner's Storage Box in a container: a small disk that really fills, OpenSSH with a list
/// of commands on port 23, ProFTPD's SFTP on port 22.
class StorageBoxMachine {
  public:
    StorageBoxMachine(Docker docker, std::filesystem::path folder)
        : docker_(std::move(docker)), folder_(std::move(folder)) {}

    /// Makes the disk (bytes) and mounts it at mount_point(), makes host keys, starts the container; returns
    /// when port 23 answers.
    void start(const std::string& prefix,
               const std::string& network,
               const std::string& address,
               const std::string& image,
               std::uint64_t size,
               const std::vector<BoxAccount>& accounts);

    /// "SHA256:…" of the Ed25519 host key of port 23.
    std::string host_key() const;

    std::filesystem::path mount_point() const { return folder_ / "disk"; }

    /// Fills the disk to the last block, or gives that back.
    void fill(bool full) const;

  private:
    Docker docker_;
    std::filesystem::path folder_;
};

/// Makes an Ed25519 key pair FILE and FILE.pub, unless it is there. Gives the public line.
std::string make_ssh_key(const std::filesystem::path& file, const std::string& comment);
/// "SHA256:…" of a public key file.
std::string ssh_fingerprint(const std::filesystem::path& public_key);

}  // namespace kavi::lab

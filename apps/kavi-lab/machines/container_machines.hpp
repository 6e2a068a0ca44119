#pragma once

#include "apis/lab_apis.hpp"
#include "lab/docker.hpp"
#include "lab/line_process.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kavi::lab {

/// What all containers of a lab have in common.
struct ContainerSetting {
    std::string prefix;                 ///< of their names, and the value of their label "kavi-lab"
    std::string network;                ///< Docker's name for it
    std::string image;                  ///< of a server
    std::filesystem::path folder;       ///< where each machine's seed lies
    std::filesystem::path certificate;  ///< the authority that machines trust
    std::filesystem::path standin;      ///< the program
    std::vector<std::pair<std::string, std::string>> hosts;  ///< names that they know, and addresses
    /// Which address on the lab's network stands for a public one.
    std::function<std::string(const std::string& ipv4)> address_of;
    std::uint64_t disk_size = 0;  ///< of a server made through the API, bytes
    /// A disk is about to be mounted there, or was unmounted.
    std::function<void(const std::filesystem::path& mount_point, bool mounted)> on_mount;
    /// A machine went off or came back by itself.
    std::function<void(const std::string& name, bool on)> on_power;
};

/// Servers as containers: systemd, cloud-init with the user data it was given, sshd, their own Docker. Real
/// but for the kernel.
class ContainerMachines final : public ServerMachines {
  public:
    ContainerMachines(Docker docker, ContainerSetting setting);

    void create(const MachineOrder& order) override;
    void destroy(const std::string& name) override;
    void power_on(const std::string& name) override;
    void power_off(const std::string& name) override;
    void shutdown(const std::string& name) override;
    void reboot(const std::string& name) override;
    void reset(const std::string& name) override;
    void rebuild(const MachineOrder& order) override;
    void readdress(const std::string& name, const std::string& ipv4) override;
    std::optional<bool> running(const std::string& name) override;

    /// What stand-ins the machine is to run, before create() (see standin/roles.hpp for the lines), with the
    /// certificate and key that they show.
    void prepare_standins(const std::string& name,
                          const std::string& lines,
                          const std::filesystem::path& certificate,
                          const std::filesystem::path& key);

    /// The public address of a machine, and the machine at one; empty: none.
    std::string ipv4_of(const std::string& name) const;
    std::string name_at(const std::string& ipv4) const;

    /// Fills the disk of a machine made through the API, or gives it back.
    void fill(const std::string& name, bool full) const;

    /// Runs a command in the machine as root, behind its back.
    std::string run_inside(const std::string& name, std::vector<std::string> command) const;

    std::string container(const std::string& name) const { return setting_.prefix + "-" + name; }

  private:
    std::filesystem::path folder_of(const std::string& name) const { return setting_.folder / name; }

    void write_seed(const MachineOrder& order) const;
    std::vector<std::string> volumes_for(const MachineOrder& order) const;
    void ended(const std::string& name, int status);
    void want(const std::string& name, bool on);

    Docker docker_;
    ContainerSetting setting_;
    mutable std::mutex mutex_;
    std::map<std::string, bool> wanted_on_;
    std::map<std::string, std::string> ipv4_;  ///< by machine
    std::unique_ptr<LineProcess> events_;      ///< last: it calls back
};

}  // namespace kavi::lab

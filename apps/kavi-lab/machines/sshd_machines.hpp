#pragma once

#include "apis/lab_apis.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab {

/// Servers as plain sshd processes of this user on loopback: no root, no Docker, ready in a fifth of a
/// second. Enough for SSH, status and scale; what runs there runs on this machine, in a folder of its own
/// (and, as root, with everything else read-only).
class SshdMachines final : public ServerMachines {
  public:
    struct Setting {
        std::filesystem::path folder;
        std::vector<std::string> authorized_keys;  ///< who may always log in
        /// The loopback port that stands for port 22 of a public address.
        std::function<int(const std::string& ipv4)> port_of;
        /// A process was started, to be ended with the lab.
        std::function<void(int pid)> on_process;
    };

    explicit SshdMachines(Setting setting) : setting_(std::move(setting)) {}

    void create(const MachineOrder& order) override;
    void destroy(const std::string& name) override;
    void power_on(const std::string& name) override;
    void power_off(const std::string& name) override;

    void shutdown(const std::string& name) override { power_off(name); }

    void reboot(const std::string& name) override { reset(name); }

    void reset(const std::string& name) override;
    void rebuild(const MachineOrder& order) override;
    void readdress(const std::string& name, const std::string& ipv4) override;
    std::optional<bool> running(const std::string& name) override;

    std::string name_at(const std::string& ipv4) const;

  private:
    struct Machine {
        std::string ipv4;
        int pid = 0;
        long long started = 0;
    };

    std::filesystem::path folder_of(const std::string& name) const { return setting_.folder / name; }

    void write_config(const std::string& name, const std::string& ipv4) const;

    Setting setting_;
    mutable std::mutex mutex_;
    std::map<std::string, Machine> machines_;
};

/// The OpenSSH private key in cloud-init's user data, whether it stands there as YAML or as JSON; nullopt:
/// none.
std::optional<std::string> private_key_in(const std::string& user_data);
/// The OpenSSH public key lines in it.
std::vector<std::string> public_keys_in(const std::string& user_data);

}  // namespace kavi::lab

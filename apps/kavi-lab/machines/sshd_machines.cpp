#include "sshd_machines.hpp"

#include "lab/tools.hpp"
#include "machines/storage_box.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <regex>

#include <unistd.h>

namespace kavi::lab {

namespace fs = std::filesystem;

std::optional<std::string> private_key_in(const std::string& user_data) {
    constexpr std::string_view begin = "-----BEGIN OPENSSH PRIVATE KEY-----",
                               end = "-----END OPENSSH PRIVATE KEY-----";
    const auto from = user_data.find(begin);
    const auto to = user_data.find(end, from);
    if (from == std::string::npos || to == std::string::npos) return std::nullopt;
    auto text = user_data.substr(from, to - from + end.size());
    for (auto at = text.find("\\n"); at != std::string::npos; at = text.find("\\n"))
        text.replace(at, 2, "\n");
    std::string key;
    for (const auto& line : split(text, '\n')) key += std::string(trim(line)) + "\n";
    return key;
}

std::vector<std::string> public_keys_in(const std::string& user_data) {
    static const std::regex line(R"((ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256) [A-Za-z0-9+/]+=*)");
    std::vector<std::string> keys;
    for (std::sregex_iterator match(user_data.begin(), user_data.end(), line), end; match != end; ++match)
        keys.push_back(match->str());
    return keys;
}

namespace {

/// What every login runs: the command it asked for, in the machine's own folder.
std::string session_script(const fs::path& home) {
    return fmt::format(R"(#!/bin/sh
HOME={0}
export HOME
cd "$HOME" || exit 1
case ${{SSH_ORIGINAL_COMMAND:-}} in
    '') exec /bin/sh ;;
    internal-sftp | */sftp-server) exec /usr/lib/openssh/sftp-server ;;
    *) exec /bin/sh -c "$SSH_ORIGINAL_COMMAND" ;;
esac
)",
                       shell_quote(home.string()));
}

}  // namespace

void SshdMachines::write_config(const std::string& name, const std::string& ipv4) const {
    const auto folder = folder_of(name);
    write_file_atomic(folder / "sshd_config",
                      fmt::format("Port {}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile "
                                  "{}\nPidFile none\nStrictModes no\n"
                                  "UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                                  "PermitRootLogin prohibit-password\nMaxStartups 200\nSubsystem sftp "
                                  "internal-sftp\nForceCommand {}\n",
                                  setting_.port_of(ipv4),
                                  (folder / "host_key").string(),
                                  (folder / "authorized_keys").string(),
                                  (folder / "session").string()),
                      0644);
}

void SshdMachines::create(const MachineOrder& order) {
    const auto folder = folder_of(order.name);
    fs::remove_all(folder);
    fs::create_directories(folder / "home");
    if (const auto key = private_key_in(order.user_data))
        write_file_atomic(folder / "host_key", *key, 0600);
    else
        make_ssh_key(folder / "host_key", order.name);
    std::string authorized;
    for (const auto& keys :
         {setting_.authorized_keys, order.authorized_keys, public_keys_in(order.user_data)})
        for (const auto& line : keys) authorized += line + "\n";
    write_file_atomic(folder / "authorized_keys", authorized, 0644);
    write_file_atomic(folder / "session", session_script(folder / "home"), 0755);
    write_config(order.name, order.ipv4);
    const std::scoped_lock lock(mutex_);
    machines_[order.name] = {.ipv4 = order.ipv4};
}

void SshdMachines::destroy(const std::string& name) {
    power_off(name);
    {
        const std::scoped_lock lock(mutex_);
        machines_.erase(name);
    }
    fs::remove_all(folder_of(name));
}

void SshdMachines::power_on(const std::string& name) {
    if (running(name).value_or(true)) return;
    const auto folder = folder_of(name);
    std::vector<std::string> words{"/usr/sbin/sshd", "-D", "-e", "-f", (folder / "sshd_config").string()};
    if (::getuid() == 0) {
        // As root, nothing but the machine's folder can be written: this is somebody's real machine.
        const auto script = fmt::format(
            "mount --bind {0} {0} && mount -t tmpfs tmpfs /run && mkdir -p /run/sshd && "
            "mount -o remount,bind,ro / && exec \"$@\"",
            shell_quote(folder.string()));
        words.insert(words.begin(),
                     {"unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"});
    }
    const int pid = start_detached(words, (folder / "sshd.log").string());
    const std::scoped_lock lock(mutex_);
    machines_[name].pid = pid;
    machines_[name].started = start_time_of(pid);
    setting_.on_process(pid);
}

void SshdMachines::power_off(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto found = machines_.find(name);
    if (found == machines_.end()) return;
    end_process(found->second.pid, found->second.started);
    found->second.pid = 0;
}

void SshdMachines::reset(const std::string& name) {
    power_off(name);
    power_on(name);
}

void SshdMachines::rebuild(const MachineOrder& order) {
    destroy(order.name);
    create(order);
    power_on(order.name);
}

void SshdMachines::readdress(const std::string& name, const std::string& ipv4) {
    write_config(name, ipv4);
    const std::scoped_lock lock(mutex_);
    machines_[name].ipv4 = ipv4;
}

std::optional<bool> SshdMachines::running(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto found = machines_.find(name);
    if (found == machines_.end()) return std::nullopt;
    return found->second.pid != 0 && start_time_of(found->second.pid) == found->second.started;
}

std::string SshdMachines::name_at(const std::string& ipv4) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, machine] : machines_)
        if (machine.ipv4 == ipv4) return name;
    return "";
}

}  // namespace kavi::lab

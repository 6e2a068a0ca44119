#include "container_machines.hpp"

#include "lab/tools.hpp"
#include "machines/disk.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <cstdlib>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;

// systemd's exit codes as the first program of a container: 128 + SIGHUP asks for a restart.
constexpr int asks_for_restart = 129;
constexpr auto signal_power_off = "SIGRTMIN+4";
constexpr auto signal_reboot = "SIGRTMIN+5";

/// Everything but what `--privileged` would add and this needs not: it asks for more than some machines can
/// give.
std::vector<std::string> rights() {
    return {"--cap-add",
            "ALL",
            "--cap-drop",
            "SYS_RESOURCE",
            "--security-opt",
            "seccomp=unconfined",
            "--security-opt",
            "apparmor=unconfined",
            "--security-opt",
            "systempaths=unconfined",
            "--device-cgroup-rule",
            "a *:* rwm",
            "--device",
            "/dev/fuse",
            "--cgroupns",
            "private"};
}

template <typename Strings>
void append(std::vector<std::string>& words, const Strings& more) {
    words.insert(words.end(), std::begin(more), std::end(more));
}

}  // namespace

ContainerMachines::ContainerMachines(Docker docker, ContainerSetting setting)
    : docker_(std::move(docker)),
      setting_(std::move(setting)),
      events_(std::make_unique<LineProcess>(
          std::vector<std::string>{"docker",
                                   "--host",
                                   docker_.host(),
                                   "events",
                                   "--filter",
                                   "type=container",
                                   "--filter",
                                   "event=die",
                                   "--filter",
                                   "label=kavi-lab=" + setting_.prefix,
                                   "--format",
                                   "{{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"},
          [this](const std::string& line) {
              const auto words = split(line, ' ');
              const auto start = setting_.prefix.size() + 1;
              if (words.size() == 2 && words[0].size() > start)
                  ended(words[0].substr(start), std::atoi(words[1].c_str()));
          })) {}

void ContainerMachines::prepare_standins(const std::string& name,
                                         const std::string& lines,
                                         const fs::path& certificate,
                                         const fs::path& key) {
    const auto folder = folder_of(name) / "lab";
    write_file_atomic(folder / "standins.conf", lines, 0644);
    fs::copy_file(certificate, folder / "certificate.pem", fs::copy_options::overwrite_existing);
    fs::copy_file(key, folder / "key.pem", fs::copy_options::overwrite_existing);
}

std::string ContainerMachines::ipv4_of(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = ipv4_.find(name);
    return found == ipv4_.end() ? "" : found->second;
}

std::string ContainerMachines::name_at(const std::string& ipv4) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, address] : ipv4_)
        if (address == ipv4) return name;
    return "";
}

void ContainerMachines::write_seed(const MachineOrder& order) const {
    const auto folder = folder_of(order.name);
    const Json meta{{"instance-id", fmt::format("{}-{}", order.id, random_letters(8))},
                    {"local-hostname", order.name},
                    {"public-keys", order.authorized_keys}};
    write_file_atomic(folder / "seed/meta-data", meta.dump() + "\n", 0644);
    write_file_atomic(
        folder / "seed/user-data", order.user_data.empty() ? "#cloud-config\n{}\n" : order.user_data, 0600);
    fs::create_directories(folder / "lab");
    fs::copy_file(setting_.certificate, folder / "lab/ca.pem", fs::copy_options::overwrite_existing);
    fs::copy_file(setting_.standin, folder / "lab/standin", fs::copy_options::overwrite_existing);
}

/// What a server writes much to lies on a disk of its own, so that it can run full; servers that were there
/// before make do with Docker's volumes.
std::vector<std::string> ContainerMachines::volumes_for(const MachineOrder& order) const {
    if (order.id == 0) return {"--volume", "/var/lib/docker", "--volume", "/var/lib/containerd"};
    const auto folder = folder_of(order.name);
    setting_.on_mount(folder / "disk", true);
    const auto disk = make_disk(folder, setting_.disk_size);
    std::vector<std::string> words;
    for (const auto* place : {"/var/lib/docker", "/var/lib/containerd", "/var/lib/kavi", "/opt", "/srv"}) {
        const auto source = disk / fs::path(place).filename();
        fs::create_directories(source);
        append(words, std::vector{std::string("--volume"), source.string() + ":" + place});
    }
    return words;
}

void ContainerMachines::create(const MachineOrder& order) {
    write_seed(order);
    const auto folder = folder_of(order.name);
    std::vector<std::string> words{"create",
                                   "--name",
                                   container(order.name),
                                   "--hostname",
                                   order.name,
                                   "--label",
                                   "kavi-lab=" + setting_.prefix,
                                   "--network",
                                   setting_.network,
                                   "--ip",
                                   setting_.address_of(order.ipv4),
                                   "--dns",
                                   "127.0.0.1",
                                   "--stop-signal",
                                   "SIGRTMIN+3",
                                   "--env",
                                   "container=docker",
                                   "--tmpfs",
                                   "/run",
                                   "--tmpfs",
                                   "/run/lock",
                                   "--tmpfs",
                                   "/tmp",
                                   "--volume",
                                   (folder / "seed").string() + ":/var/lib/cloud/seed/nocloud:ro",
                                   "--volume",
                                   (folder / "lab").string() + ":/lab:ro"};
    append(words, rights());
    append(words, volumes_for(order));
    for (const auto& [name, address] : setting_.hosts)
        append(words, std::vector{std::string("--add-host"), name + ":" + address});
    append(words, std::vector{setting_.image, std::string("/usr/local/sbin/lab-init")});
    docker_.run(std::move(words));
    const std::scoped_lock lock(mutex_);
    ipv4_[order.name] = order.ipv4;
}

void ContainerMachines::want(const std::string& name, bool on) {
    const std::scoped_lock lock(mutex_);
    wanted_on_[name] = on;
}

void ContainerMachines::destroy(const std::string& name) {
    want(name, false);
    {
        const std::scoped_lock lock(mutex_);
        ipv4_.erase(name);
    }
    if (docker_.succeeds({"inspect", container(name)}))
        docker_.run({"rm", "--force", "--volumes", container(name)});
    drop_disk(folder_of(name));
    setting_.on_mount(folder_of(name) / "disk", false);
    fs::remove_all(folder_of(name) / "seed");
}

void ContainerMachines::power_on(const std::string& name) {
    want(name, true);
    docker_.run({"start", container(name)});
}

void ContainerMachines::power_off(const std::string& name) {
    want(name, false);
    if (running(name).value_or(false)) docker_.run({"kill", container(name)});
}

void ContainerMachines::shutdown(const std::string& name) {
    docker_.run({"kill", "--signal", signal_power_off, container(name)});
}

void ContainerMachines::reboot(const std::string& name) {
    docker_.run({"kill", "--signal", signal_reboot, container(name)});
}

void ContainerMachines::reset(const std::string& name) {
    power_off(name);
    power_on(name);
}

void ContainerMachines::rebuild(const MachineOrder& order) {
    destroy(order.name);
    create(order);
    power_on(order.name);
}

void ContainerMachines::readdress(const std::string& name, const std::string& ipv4) {
    docker_.run({"network", "disconnect", "--force", setting_.network, container(name)});
    docker_.run({"network", "connect", "--ip", setting_.address_of(ipv4), setting_.network, container(name)});
    const std::scoped_lock lock(mutex_);
    ipv4_[name] = ipv4;
}

std::optional<bool> ContainerMachines::running(const std::string& name) {
    if (!docker_.succeeds({"inspect", container(name)})) return std::nullopt;
    return trim(docker_.run({"inspect", "--format", "{{.State.Running}}", container(name)})) == "true";
}

void ContainerMachines::fill(const std::string& name, bool full) const {
    const auto disk = folder_of(name) / "disk";
    if (!fs::exists(disk)) throw lab_error(fmt::format("'{}' has no disk of its own", name));
    fill_disk(disk, full);
}

std::string ContainerMachines::run_inside(const std::string& name, std::vector<std::string> command) const {
    command.insert(command.begin(), {"exec", container(name)});
    return docker_.run(std::move(command));
}

void ContainerMachines::ended(const std::string& name, int status) {
    {
        const std::scoped_lock lock(mutex_);
        const auto wanted = wanted_on_.find(name);
        if (wanted == wanted_on_.end() || !wanted->second) return;
        if (status != asks_for_restart) wanted->second = false;
    }
    if (status == asks_for_restart)
        docker_.succeeds({"start", container(name)});
    else
        setting_.on_power(name, false);
}

}  // namespace kavi::lab

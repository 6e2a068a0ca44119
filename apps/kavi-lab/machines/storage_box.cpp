#include "storage_box.hpp"

#include "lab/tools.hpp"
#include "machines/disk.hpp"
#include "network/plain_socket.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <unistd.h>

namespace kavi::lab {

namespace fs = std::filesystem;

std::string make_ssh_key(const fs::path& file, const std::string& comment) {
    fs::create_directories(file.parent_path());
    const fs::path public_file = file.string() + ".pub";
    if (!fs::exists(file))
        run_tool({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file.string()});
    return std::string(trim(read_file(public_file)));
}

std::string ssh_fingerprint(const fs::path& public_key) {
    const auto words = split(run_tool({"ssh-keygen", "-l", "-f", public_key.string()}), ' ');
    return words.size() > 1 ? words[1] : "";
}

namespace {

constexpr unsigned box_user = 1000;

}  // namespace

void StorageBoxMachine::start(const std::string& prefix,
                              const std::string& network,
                              const std::string& address,
                              const std::string& image,
                              std::uint64_t size,
                              const std::vector<BoxAccount>& accounts) {
    const auto settings = folder_ / "etc";
    fs::create_directories(settings / "keys");
    make_ssh_key(settings / "ssh_host_ed25519_key", "box");
    if (!fs::exists(settings / "ssh_host_rsa_key"))
        run_tool({"ssh-keygen",
                  "-q",
                  "-t",
                  "rsa",
                  "-b",
                  "2048",
                  "-m",
                  "PEM",
                  "-N",
                  "",
                  "-f",
                  (settings / "ssh_host_rsa_key").string()});
    std::string lines;
    for (const auto& account : accounts) {
        lines += fmt::format("{} {} {}\n",
                             account.name,
                             account.folder.empty() ? "." : account.folder,
                             account.readonly ? "ro" : "rw");
        if (!account.key.empty())
            write_file_atomic(settings / "keys" / account.name, account.key + "\n", 0644);
    }
    write_file_atomic(settings / "accounts", lines, 0644);
    fs::permissions(settings / "keys", fs::perms(0755));

    const auto disk = make_disk(folder_, size);
    fs::permissions(disk, fs::perms(0755));
    if (::chown(disk.c_str(), box_user, box_user) != 0)
        throw lab_error("the box's disk can't be given to its user");
    docker_.run({"run",
                 "--detach",
                 "--name",
                 prefix + "-box",
                 "--hostname",
                 "box",
                 "--label",
                 "kavi-lab=" + prefix,
                 "--network",
                 network,
                 "--ip",
                 address,
                 "--cap-add",
                 "SYS_ADMIN",
                 "--security-opt",
                 "seccomp=unconfined",
                 "--security-opt",
                 "apparmor=unconfined",
                 "--volume",
                 mount_point().string() + ":/box",
                 "--volume",
                 settings.string() + ":/etc/box:ro",
                 image,
                 "/usr/local/sbin/box-start"});
    if (!wait_for_ssh(address, 23, std::chrono::seconds(30)))
        throw lab_error("the Storage Box doesn't answer on port 23")
            .because(docker_.run({"logs", prefix + "-box"}));
}

std::string StorageBoxMachine::host_key() const {
    return ssh_fingerprint(folder_ / "etc/ssh_host_ed25519_key.pub");
}

void StorageBoxMachine::fill(bool full) const {
    fill_disk(mount_point(), full);
}

}  // namespace kavi::lab

#include "docker.hpp"

#include "lock.hpp"
#include "tools.hpp"

#include <kavi/base/files.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <thread>

#include <unistd.h>

namespace kavi::lab {

std::filesystem::path runtime_folder() {
    std::filesystem::path folder =
        ::getuid() == 0 ? "/run/kavi-lab" : fmt::format("/tmp/kavi-lab-{}", ::getuid());
    std::filesystem::create_directories(folder / "labs");
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    return folder;
}

namespace {

std::string own_host() {
    return fmt::format("unix://{}", (runtime_folder() / "docker.sock").string());
}

std::filesystem::path pid_file() {
    return runtime_folder() / "dockerd.pid";
}

bool answers(const std::string& host) {
    return tool_succeeds({"docker", "--host", host, "version", "--format", "{{.Server.Version}}"},
                         std::chrono::seconds(10));
}

void start_own() {
    if (::getuid() != 0) {
        auto error = lab_error("no Docker engine answers, and only root can start one");
        throw error.fix("run the lab as root, or use --machines ssh");
    }
    const auto folder = runtime_folder();
    const auto log = folder / "dockerd.log";
    std::filesystem::remove(pid_file());
    // No default bridge: the lab uses named networks only, so it meets nobody else's.
    start_detached({"dockerd",
                    "--data-root",
                    "/var/lib/kavi-lab/docker",
                    "--exec-root",
                    (folder / "docker-exec").string(),
                    "--pidfile",
                    pid_file().string(),
                    "--host",
                    own_host(),
                    "--bridge=none",
                    "--exec-opt",
                    "native.cgroupdriver=cgroupfs",
                    "--log-level",
                    "warn"},
                   log.string());
    for (int i = 0; i < 200; ++i) {
        if (answers(own_host())) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    auto error = lab_error("the lab's Docker engine doesn't answer after 20 s");
    throw error.because(fmt::format("its log is {}", log.string()))
        .fix("packaging/need test lab installs what it needs");
}

}  // namespace

Docker Docker::find_or_start() {
    const FileLock lock(runtime_folder() / "docker.lock");
    if (answers(own_host())) return Docker(own_host());
    const char* given = std::getenv("DOCKER_HOST");
    const std::string usual = given && *given ? given : "unix:///var/run/docker.sock";
    if (answers(usual)) return Docker(usual);
    start_own();
    return Docker(own_host());
}

void Docker::stop_own() {
    const FileLock lock(runtime_folder() / "docker.lock");
    const auto text = read_file_if_there(pid_file());
    if (!text) return;
    const int pid = std::atoi(text->c_str());
    end_process(pid, start_time_of(pid));
    std::filesystem::remove(pid_file());
}

std::string Docker::run(std::vector<std::string> arguments, std::chrono::milliseconds timeout) const {
    arguments.insert(arguments.begin(), {"docker", "--host", host_});
    return run_tool(std::move(arguments), {}, timeout);
}

bool Docker::succeeds(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"docker", "--host", host_});
    return tool_succeeds(std::move(arguments));
}

bool Docker::has_image(const std::string& image) const {
    return succeeds({"image", "inspect", image});
}

}  // namespace kavi::lab

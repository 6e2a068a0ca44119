#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab {

/// A Docker engine, reached through its socket.
class Docker {
  public:
    explicit Docker(std::string host) : host_(std::move(host)) {}

    /// The engine that the lab uses: its own where that runs, else the system's, else its own, started now.
    /// Throws where there is none and it can't be started (no root, no dockerd).
    static Docker find_or_start();

    /// Stops the lab's own engine, if it runs. What happens to containers is the caller's care.
    static void stop_own();

    /// "unix:///…", as in DOCKER_HOST.
    const std::string& host() const { return host_; }

    /// Runs `docker ARGUMENTS…`; gives its output, throws where it fails.
    std::string run(std::vector<std::string> arguments,
                    std::chrono::milliseconds timeout = std::chrono::minutes(2)) const;
    bool succeeds(std::vector<std::string> arguments) const;
    bool has_image(const std::string& image) const;

  private:
    std::string host_;
};

/// Where the lab keeps what belongs to no single lab: the engine's socket, the list of labs, locks.
std::filesystem::path runtime_folder();

}  // namespace kavi::lab

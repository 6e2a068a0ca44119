#pragma once

#include <kavi/base/child.hpp>
#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::ops {

/// A container, as `docker inspect` has it.
struct RestoreContainer {
    std::string id;
    std::string project, service;  ///< of Compose's labels; may be empty
    std::string image;
    bool running = false;
    std::string health;  ///< "" where there is no check
    std::vector<std::string> addresses;
    std::map<std::string, std::string> environment;
    std::map<std::string, std::string> mounts;  ///< source on the host → volume's name; "" for a bound folder

    /// "redis", or the id where no label says.
    std::string name() const;
};

/// The server's docker program, as restoring and verifying use it. All throw errors::restore_failed with the
/// last lines of what docker said, and errors::interrupted.
class RestoreDocker {
  public:
    RestoreDocker(Clock& clock, std::stop_token stop) : clock_(clock), stop_(std::move(stop)) {}

    /// Its output. `doing` is the message of the error.
    std::string must(std::string_view doing, std::vector<std::string> words, std::string_view input = {});
    Finished run(std::vector<std::string> words, std::string_view input = {});
    std::unique_ptr<Child> start(std::vector<std::string> words);

    std::vector<RestoreContainer> inspect(const std::vector<std::string>& ids);
    /// The service's containers; those that don't run too.
    std::vector<RestoreContainer> of_service(const std::string& project, const std::string& service);
    /// The service's one running container. Throws errors::restore_failed where there is none.
    RestoreContainer running(const std::string& project, const std::string& service);
    /// Running ones.
    std::vector<RestoreContainer> all_running();

    void stop_all(std::span<const RestoreContainer> containers);
    /// Starts (or restarts) them and waits until each is healthy, or runs where it has no check. Throws
    /// errors::service_unhealthy.
    void start_all(std::span<const RestoreContainer> containers,
                   bool restart = false,
                   std::chrono::seconds patience = std::chrono::minutes(3));
    void wait_ready(const RestoreContainer& container, std::chrono::seconds patience);

    /// Where its content lies on this host; nullopt: there is no such volume.
    std::optional<std::string> volume_folder(const std::string& volume);

    Clock& clock() { return clock_; }

    const std::stop_token& stop() const { return stop_; }

  private:
    std::vector<std::string> ids(std::vector<std::string> words);

    Clock& clock_;
    std::stop_token stop_;
};

/// The last lines of what a program said, without empty ones.
std::vector<std::string> last_lines(std::string_view text, std::size_t count = 5);

}  // namespace kavi::ops

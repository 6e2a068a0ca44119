#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace kavi::lab {

/// How the network treats connections to one thing.
struct RelayRule {
    std::chrono::milliseconds delay{0};             ///< one way
    bool cut = false;                               ///< nothing gets through, and nobody is told
    bool reset = false;                             ///< connections are reset, new ones too
    std::optional<std::uint64_t> bytes_per_second;  ///< each way, of each connection
    std::optional<std::uint64_t> cut_after;         ///< reset once so many bytes went to the target
    std::optional<std::size_t> most_connections;    ///< more than these are closed at once
};

/// What one connection came to.
struct RelayRecord {
    std::string name;  ///< of the thing behind
    int port = 0;      ///< there
    std::chrono::system_clock::time_point started;
    std::chrono::milliseconds took{};
    std::uint64_t bytes_up = 0, bytes_down = 0;  ///< to the thing, and back
    /// How often the client began to send after it had been silent while the other side spoke: round trips,
    /// seen from here.
    std::uint64_t flights = 0;
};

/// Carries TCP connections to the lab's machines, and is the network between: delay, rate, cuts, resets,
/// limits. One thread for all. Thread-safe.
class Relay {
  public:
    explicit Relay(std::function<void(const RelayRecord&)> on_end);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    /// Listens on `address` at `port` (0: any) for connections to `target`:`target_port`, which is part of
    /// the thing `name`. Gives the port. Throws where it is taken.
    int listen(const std::string& address,
               int port,
               const std::string& name,
               const std::string& target,
               int target_port);

    /// Where connections to the thing go from now on (open ones stay).
    void retarget(const std::string& name, const std::string& target);

    void set_rule(const std::string& name, RelayRule rule);
    RelayRule rule(const std::string& name) const;

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace kavi::lab

#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::ops {

/// What is known of a server during a run.
struct ServerFacts {
    std::optional<std::int64_t> hetzner_id;
    std::optional<std::string> ipv4;
    std::optional<std::string> ipv6;  ///< an address, not the network
    std::vector<std::string> pins;    ///< SHA-256 digests of its host keys, 32 raw bytes each

    friend bool operator==(const ServerFacts&, const ServerFacts&) = default;
};

/// What a plan can only name and the run finds out: addresses and pins of servers that are made on the way. Filled by
/// observation and by handlers; may be used from all lanes at once.
class RunFacts {
  public:
    /// Replaces what is known of a server.
    void learn(std::string_view server, ServerFacts facts);
    void learn_pins(std::string_view server, std::vector<std::string> pins);
    void forget(std::string_view server);

    std::optional<ServerFacts> find(std::string_view server) const;

    /// "server:bruno/ipv4" or "server:bruno/ipv6" → the address, where it is known.
    std::optional<std::string> resolve(std::string_view reference) const;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, ServerFacts, std::less<>> servers_;
};

}  // namespace kavi::ops

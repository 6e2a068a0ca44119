#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/host/host.hpp>
#include <kavi/model/estate.hpp>
#include <kavi/ops/run_facts.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace kavi::ops {

/// How the operator logs in, where the estate file doesn't say otherwise.
struct Login {
    std::optional<std::string> key_path;      ///< KAVI_SSH_KEY
    std::optional<std::string> agent_socket;  ///< SSH_AUTH_SOCK
    /// The value of an "ssh.key = secret:…"; throws errors::secret_missing. May be empty where there is none.
    std::function<Secret(const model::SecretRef&)> secret;
};

/// The estate's servers, each logged in to once and kept for the run: observing and applying share one connection
/// and one exec. A server's Host belongs to whoever works in that server's lane.
class Hosts {
  public:
    Hosts(const model::Estate& estate, const RunFacts& facts, host::HostDialer& dialer, Clock& clock, Login login)
        : estate_(estate), facts_(facts), dialer_(dialer), clock_(clock), login_(std::move(login)) {}

    /// The server, connected on first use. A server that isn't up yet is tried again for `patience`: only while
    /// nothing answers; a wrong host key or a refused login ends it at once. Throws what HostDialer::open throws,
    /// and errors::host_key_unpinned where no pin is known.
    host::Host& at(const std::string& server,
                   std::stop_token stop,
                   std::chrono::milliseconds patience = std::chrono::milliseconds(0));

    /// Ends the connection; the next at() makes a new one (after a change of the host key, to prove a change of sshd).
    void close(const std::string& server);

    /// What at() would connect to.
    net::SshTarget target(const std::string& server) const;

  private:
    std::unique_ptr<host::Host> open(const std::string& server, std::stop_token stop, std::chrono::milliseconds patience);

    const model::Estate& estate_;
    const RunFacts& facts_;
    host::HostDialer& dialer_;
    Clock& clock_;
    Login login_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<host::Host>> open_;
};

}  // namespace kavi::ops

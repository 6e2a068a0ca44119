#pragma once

#include <kavi/net/ssh.hpp>

namespace kavi::net {

/// SSH by libssh (0.10 and 0.11 alike). Reads no ssh_config, no known_hosts and no environment. Connect from
/// any thread; a session belongs to one thread at a time.
class LibsshConnector final : public SshConnector {
  public:
    explicit LibsshConnector(ConnectionRules rules, SshLog* log = nullptr)
        : rules_(std::move(rules)), log_(log) {}

    std::unique_ptr<SshSession> connect(const SshTarget& target, std::stop_token stop) override;

  private:
    ConnectionRules rules_;
    SshLog* log_;
};

}  // namespace kavi::net

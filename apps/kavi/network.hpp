#pragma once

#include "session.hpp"

#include <kavi/net/curl_transport.hpp>
#include <kavi/net/retry.hpp>
#include <kavi/net/ssh.hpp>

#include <memory>
#include <optional>
#include <string>

namespace kavi::app {

/// The ways out of this machine, by the rules that the environment gives (KAVI_CONNECT_TO, KAVI_LOOPBACK_ONLY,
/// SSL_CERT_FILE). Made by the commands that need them; no library starts before the first use.
class Network {
  public:
    /// Throws errors::usage for a KAVI_CONNECT_TO or KAVI_LOOPBACK_ONLY that makes no sense.
    explicit Network(Session& session);

    /// Without retries, for a client that knows better itself what may be repeated.
    net::Transport& plain_http() { return curl_; }

    /// With retries; a request that may have taken effect is never repeated blindly.
    net::Transport& http() { return retrying_; }

    net::SshConnector& ssh() { return *ssh_; }

    /// How this operator logs in: KAVI_SSH_KEY (a path) where it is set, else the agent.
    std::optional<std::string> ssh_key_path() const { return ssh_key_path_; }

    std::optional<std::string> agent_socket() const { return agent_socket_; }

  private:
    net::CurlTransport curl_;
    net::RetryingTransport retrying_;
    std::unique_ptr<net::SshConnector> ssh_;
    std::optional<std::string> ssh_key_path_, agent_socket_;
};

}  // namespace kavi::app

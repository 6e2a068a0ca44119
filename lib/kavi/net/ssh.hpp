#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::net {

/// How to log in and whom to expect. No ssh_config, no known_hosts: what stands here is all there is.
struct SshTarget {
    std::string name;  ///< the server's name in the estate, for messages
    std::string host;
    int port = 22;
    std::string user = "root";
    /// Raw SHA-256 digests (32 bytes) of host public keys; one of them must be presented. Empty: connecting throws
    /// errors::host_key_unpinned. Checked before authentication.
    std::vector<std::string> pins;
    /// A private key's path; unset: the agent ($SSH_AUTH_SOCK as handed in below).
    std::optional<std::string> key_path;
    /// A private key by value (PEM or OpenSSH form); wins over key_path.
    std::optional<Secret> key;
    std::optional<std::string> agent_socket;
    std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
};

/// What a remote command wrote and how it ended.
struct ExecResult {
    int status = -1;  ///< -1: killed by a signal, or the connection ended first
    std::string output;
    std::string errors;
};

/// One authenticated connection; used from one thread at a time.
class SshSession {
  public:
    virtual ~SshSession() = default;

    /// Runs `command` (handed to the remote user's shell as it is: a constant, never built from data), feeds it
    /// `input`, and gives each piece of standard output to `on_output` as it comes (or collects it where that is
    /// empty). Standard error is drained and collected, its last 64 KiB kept. Throws errors::ssh_unreachable when
    /// the line breaks, errors::interrupted when `stop` is requested, and a time-out when nothing came for `idle`.
    virtual ExecResult exec(std::string_view command,
                            std::string_view input,
                            std::function<void(std::string_view)> on_output,
                            std::stop_token stop,
                            std::chrono::milliseconds idle = std::chrono::minutes(10)) = 0;
};

/// Opens connections. Throws errors::ssh_unreachable, host_key_unpinned, host_key_changed, ssh_auth,
/// address_forbidden.
class SshConnector {
  public:
    virtual ~SshConnector() = default;
    virtual std::unique_ptr<SshSession> connect(const SshTarget& target, std::stop_token stop) = 0;
};

}  // namespace kavi::net

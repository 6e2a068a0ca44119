#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
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
    /// Raw SHA-256 digests (32 bytes) of host public keys; one of them must be presented. Empty: connecting
    /// throws errors::host_key_unpinned. Checked before authentication. Ed25519 keys are asked for first,
    /// then ECDSA, then RSA: pin the best that the server has.
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
    int status = -1;  ///< -1: killed by a signal, or the server didn't say
    std::string output;
    std::string errors;
    std::string signal;  ///< its name ("KILL"), where a signal killed it
};

/// A remote command under way, on a channel of its session; used from one thread at a time (the session's),
/// and gone before its session goes.
class SshChannel {
  public:
    /// Closes the channel. What runs there sees its input end, no more.
    virtual ~SshChannel() = default;

    /// Hands bytes to the command's standard input; returns once all are on their way. Output that comes
    /// meanwhile is kept for read(). Throws errors::ssh_unreachable when the line breaks or the command has
    /// ended, errors::interrupted when `stop` is requested.
    virtual void write(std::string_view bytes, std::stop_token stop) = 0;

    /// The command's standard input ends.
    virtual void end_input() = 0;

    /// The next bytes of standard output, as they come; nullopt once it has ended. Standard error is drained
    /// meanwhile. Throws errors::ssh_unreachable when the line breaks or nothing came for `idle`,
    /// errors::interrupted when `stop` is requested.
    virtual std::optional<std::string> read(std::stop_token stop,
                                            std::chrono::milliseconds idle = std::chrono::minutes(10)) = 0;

    /// The last 64 KiB of standard error so far.
    virtual std::string errors() const = 0;

    /// After read() gave nullopt: the exit status; -1: killed by a signal.
    virtual int status() = 0;
};

/// One authenticated connection; used from one thread at a time.
class SshSession {
  public:
    virtual ~SshSession() = default;

    /// Starts `command` (handed to the remote user's shell as it is: a constant, never built from data).
    virtual std::unique_ptr<SshChannel> start(std::string_view command, std::stop_token stop) = 0;

    /// Starts a subsystem ("sftp"). Throws errors::remote_failed where there is none; a session that knows
    /// nothing of subsystems says so for every name.
    virtual std::unique_ptr<SshChannel> start_subsystem(std::string_view name, std::stop_token stop);

    /// Runs `command`, feeds it `input`, and gives each piece of standard output to `on_output` as it comes
    /// (or collects it where that is empty). Standard error is drained and collected, its last 64 KiB kept. A
    /// command that ends without reading all of `input` is no error. Throws errors::ssh_unreachable when the
    /// line breaks or nothing moved for `idle`, errors::interrupted when `stop` is requested: what runs there
    /// then goes on or not, as it likes.
    virtual ExecResult exec(std::string_view command,
                            std::string_view input,
                            std::function<void(std::string_view)> on_output,
                            std::stop_token stop,
                            std::chrono::milliseconds idle = std::chrono::minutes(10)) = 0;
};

/// Hears what is done over SSH; called from the threads that do it.
class SshLog {
  public:
    virtual ~SshLog() = default;
    /// Logged in. `took` covers everything from the TCP connection on.
    virtual void connected(const SshTarget& target, std::chrono::milliseconds took) = 0;
    /// A command was started.
    virtual void started(const SshTarget& target) = 0;
};

/// Counts, for benchmarks and tests.
class SshCounts final : public SshLog {
  public:
    void connected(const SshTarget&, std::chrono::milliseconds) override { ++connections; }

    void started(const SshTarget&) override { ++execs; }

    std::atomic<std::uint64_t> connections = 0;
    std::atomic<std::uint64_t> execs = 0;
};

/// "SHA256:<base64 without padding>", as ssh-keygen shows it, of a raw digest of 32 bytes.
std::string fingerprint_text(std::string_view digest);
/// The raw 32 bytes of such a text, or nullopt.
std::optional<std::string> parse_fingerprint(std::string_view text);

/// Opens connections. Throws errors::ssh_unreachable, host_key_unpinned, host_key_changed, ssh_auth,
/// address_forbidden.
class SshConnector {
  public:
    virtual ~SshConnector() = default;
    virtual std::unique_ptr<SshSession> connect(const SshTarget& target, std::stop_token stop) = 0;
};

}  // namespace kavi::net

#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/net/ssh.hpp>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A server, logged in to. One connection and one exec: the exec is kavi's runner (runner/*.py), which is sent
/// over the connection, reads framed requests and answers in event lines. Nothing is ever parsed by a remote
/// shell, written to a temporary file or put into argv. Protocol: docs/host-runner.md.
namespace kavi::host {

/// Bytes that go with an operation: a file to place, a secret.
struct Frame {
    std::string name;
    std::variant<std::string, Secret> bytes;

    std::string_view view() const;
};

/// What the runner is asked to do: the name of one of its operations, parameters as JSON, and frames.
struct Operation {
    std::string name;
    Json parameters = Json::object();
    std::vector<Frame> frames = {};
};

/// Something that the runner says while it works: {"event": "progress", "subject": "forgejo", "text": "…"}.
using EventSink = std::function<void(const Json&)>;

/// One server. Used from one thread at a time; operations run one after the other.
class Host {
  public:
    virtual ~Host() = default;

    virtual const std::string& name() const = 0;

    /// Carries out one operation and gives back its result. An operation that changes something holds the host's
    /// lock from then on until the Host goes (errors::lock_held where another run has it; `lock_wait` of open()
    /// says for how long to wait). Throws errors::ssh_unreachable, errors::interrupted, errors::remote_failed, or
    /// what the operation itself says (runner/*.py name the code).
    virtual Json call(const Operation& operation, const EventSink& on_event, std::stop_token stop) = 0;

    Json call(const Operation& operation, std::stop_token stop) {
        return call(operation, [](const Json&) {}, std::move(stop));
    }
};

/// Who works on a host, for the lock's owner file and the host's log. No secret.
struct Purpose {
    std::string run;       ///< "20261125T101500Z-4f2a"
    std::string who;       ///< "ana@laptop"
    std::string command;   ///< "kavi deploy"
    std::chrono::milliseconds lock_wait{0};
};

/// Opens hosts; a test hands in one that gives fakes.
class HostDialer {
  public:
    virtual ~HostDialer() = default;

    /// Connects, checks the host key against the target's pins, logs in and starts the runner. Throws what
    /// net::SshConnector::connect throws, and errors::remote_failed where the host has no python3.
    virtual std::unique_ptr<Host> open(const net::SshTarget& target, std::stop_token stop) = 0;
};

/// The real one.
class SshHostDialer final : public HostDialer {
  public:
    SshHostDialer(net::SshConnector& connector, Purpose purpose)
        : connector_(connector), purpose_(std::move(purpose)) {}

    std::unique_ptr<Host> open(const net::SshTarget& target, std::stop_token stop) override;

  private:
    net::SshConnector& connector_;
    Purpose purpose_;
};

/// What the runner says of a failure ({"code", "message", "causes", "fix"}) as an Error.
Error error_of(const Json& failure);

/// The constant command line that starts the runner: it reads a length and so many bytes of compressed script from
/// standard input and leaves the rest to the script.
std::string_view loader_command();

/// The script, compressed: all of runner/*.py in one.
const std::string& runner_script();

}  // namespace kavi::host

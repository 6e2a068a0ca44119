#pragma once

#include <kavi/base/files.hpp>
#include <kavi/net/ssh.hpp>
#include <kavi/net/ssh_keys.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace kavi::test {

/// A throw-away OpenSSH server on loopback: the present user, keys of its own, everything in a folder that
/// goes with it. Each connection gets an `sshd -i` of its own, so that no port has to be guessed.
class Sshd {
  public:
    struct Options {
        int max_sessions = 10;
        std::string more_config;  ///< further lines of sshd_config
    };

    /// Why there can be none here ("sshd isn't installed"), or nullopt.
    static std::optional<std::string> missing();

    Sshd() : Sshd(Options{}) {}

    explicit Sshd(const Options& options);
    ~Sshd();
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;

    /// With the right key and the right pin.
    net::SshTarget target() const;

    const net::SshKeyPair& host_key() const { return host_key_; }

    const net::SshKeyPair& user_key() const { return user_key_; }

    int port() const;

    const std::filesystem::path& folder() const { return folder_.path(); }

    /// How many connections there were so far.
    int connections() const;

    /// Kills what serves the present connections: the client sees its line end in the midst.
    void cut();

    /// What sshd logged.
    std::string log() const;

  private:
    class Listener;
    TemporaryFolder folder_;
    net::SshKeyPair host_key_ = net::make_ed25519_key("host"), user_key_ = net::make_ed25519_key("user");
    std::unique_ptr<Listener> listener_;
};

}  // namespace kavi::test

/// Ends the test case, saying why, where there is no sshd.
#define NEEDS_SSHD()                                    \
    if (const auto why = kavi::test::Sshd::missing()) { \
        WARN("SKIPPED: " << *why);                      \
        return;                                         \
    }

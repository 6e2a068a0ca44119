#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/net/sftp.hpp>
#include <kavi/store/store.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace kavi::store {

/// One login and the SFTP on it. Whoever writes by it keeps it alive.
struct SftpLogin {
    std::unique_ptr<net::SshSession> session;
    std::unique_ptr<net::Sftp> sftp;  ///< goes before the session
};

/// The one connection to a store, made when it is needed and again when it broke.
class SftpConnection {
  public:
    SftpConnection(net::SshConnector& connector, net::SshTarget target, Clock& clock, std::stop_token stop);

    const std::string& name() const { return target_.name; }

    const std::stop_token& stop() const { return stop_; }

    /// Connects where there is no connection; tries once.
    std::shared_ptr<SftpLogin> login();

    void close() { login_.reset(); }

    /// Before try number `failures` + 1 of something that the line's break ended: waits, each time longer,
    /// two minutes in all. Throws errors::network_failed after the last, errors::interrupted, and what else
    /// ended it.
    void wait_after(int failures, const Error& ended);

    /// Runs `work(login)`; where the line breaks in the midst, runs it again on a new one. What the server
    /// refuses is errors::store_failed (store_full).
    template <typename Work>
    decltype(auto) with_login(Work work) {
        for (int failures = 1;; ++failures) {
            try {
                return work(*login());
            } catch (const net::SftpError& refused) {
                throw refusal(refused);
            } catch (const Error& error) {
                if (is_answer(error)) throw;
                close();
                wait_after(failures, error);
            } catch (...) {
                close();
                throw;
            }
        }
    }

    /// A refusal as an error of the store: a full one is told by asking for its space.
    Error refusal(const net::SftpError& refused);

    /// Nullopt where the server can't say.
    std::optional<Space> space();

    /// The store's folder on the server; "" is the login's.
    std::string folder;

  private:
    /// The store's own answer ("no such file"): the line is as good as before.
    static bool is_answer(const Error& error);
    Error given_up(const Error& broken) const;

    net::SshConnector& connector_;
    net::SshTarget target_;
    Clock& clock_;
    std::stop_token stop_;
    std::shared_ptr<SftpLogin> login_;
    bool was_up_ = false;
};

}  // namespace kavi::store

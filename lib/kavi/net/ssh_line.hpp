#pragma once

#include <kavi/net/ssh.hpp>
#include <kavi/net/ssh_handles.hpp>

#include <chrono>
#include <stop_token>

namespace kavi::net {

/// A non-blocking libssh session with the two things that every step on it needs: waiting in slices that see
/// a stop request, and errors that name the server.
class SshLine {
  public:
    SshLine(SessionHandle session, SshTarget target)
        : session_(std::move(session)), target_(std::move(target)) {}

    ssh_session session() const noexcept { return session_.get(); }

    const SshTarget& target() const noexcept { return target_; }

    /// Repeats `step` (a libssh call) while it returns `again`, waiting for the socket in between. Throws
    /// errors::interrupted, and errors::ssh_unreachable when `limit` is over ("the key exchange timed out").
    template <typename Step>
    int finish(
        Step step, int again, std::chrono::milliseconds limit, std::string_view what, std::stop_token stop) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        int result = step();
        for (; result == again; result = step()) wait_for_socket(deadline, what, stop);
        return result;
    }

    /// errors::ssh_unreachable with libssh's own words, or `why`.
    Error broken(std::string_view what) const;
    Error unreachable(std::string why) const;

  private:
    void wait_for_socket(std::chrono::steady_clock::time_point deadline,
                         std::string_view what,
                         std::stop_token stop);

    SessionHandle session_;
    SshTarget target_;
};

/// How long a wait may take before a stop request is looked for.
inline constexpr std::chrono::milliseconds ssh_wait_slice(100);

/// Runs commands over a line that is logged in.
std::unique_ptr<SshSession> make_ssh_session(SshLine line, SshLog* log);

}  // namespace kavi::net

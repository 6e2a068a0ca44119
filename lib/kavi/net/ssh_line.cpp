#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/ssh_line.hpp>

#include <fmt/format.h>

#include <poll.h>

namespace kavi::net {

Error SshLine::broken(std::string_view what) const {
    const auto text = printable(trim(ssh_get_error(session())));
    return unreachable(text.empty() ? std::string(what) : fmt::format("{}: {}", what, text));
}

Error SshLine::unreachable(std::string why) const {
    return Error(errors::ssh_unreachable, fmt::format("{} can't be reached by SSH", target_.name))
        .because(std::move(why));
}

void SshLine::wait_for_socket(std::chrono::steady_clock::time_point deadline,
                              std::string_view what,
                              std::stop_token stop) {
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    if (std::chrono::steady_clock::now() >= deadline) throw unreachable(fmt::format("{} timed out", what));
    pollfd polled{ssh_get_fd(session()), POLLIN, 0};
    if (ssh_get_poll_flags(session()) & SSH_WRITE_PENDING) polled.events |= POLLOUT;
    ::poll(&polled, 1, static_cast<int>(ssh_wait_slice.count()));
}

}  // namespace kavi::net

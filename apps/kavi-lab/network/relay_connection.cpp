#include "relay_connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace kavi::lab {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t most_under_way = std::size_t{32} << 20;
constexpr std::size_t piece_size = 256 * 1024;

int milliseconds_until(Steady::time_point time) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - Steady::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 1000));
}

void send_at_once(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

void reset_socket(FileDescriptor& socket) {
    const linger at_once{1, 0};
    if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket.close();
}

RelayConnection::RelayConnection(
    FileDescriptor client, FileDescriptor server, std::string name, int port, const RelayRule& rule)
    : client_(std::move(client)),
      server_(std::move(server)),
      name_(std::move(name)),
      port_(port),
      // What the handshake would have taken.
      not_before_(accepted_ + 2 * rule.delay) {
    send_at_once(client_.get());
    send_at_once(server_.get());
}

void RelayConnection::add_interest(std::vector<pollfd>& polled, int& wait) const {
    if (was_cut_) return;
    if (connecting_) {
        polled.push_back({server_.get(), POLLOUT, 0});
        return;
    }
    const auto interest = [&](const Direction& in, const Direction& out, int socket) {
        short events = 0;
        if (!in.ended && in.queued < most_under_way) events |= POLLIN;
        if (out.blocked) events |= POLLOUT;
        if (events != 0) polled.push_back({socket, events, 0});
        if (!out.blocked && !out.under_way.empty())
            wait = std::min(wait, milliseconds_until(std::max(out.under_way.front().due, out.next_send)));
    };
    interest(up_, down_, client_.get());
    interest(down_, up_, server_.get());
}

bool RelayConnection::connected() {
    if (!connecting_) return true;
    pollfd polled{server_.get(), POLLOUT, 0};
    if (::poll(&polled, 1, 0) == 0) return false;
    int problem = 0;
    socklen_t size = sizeof problem;
    ::getsockopt(server_.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
    connecting_ = false;
    if (problem != 0) server_.close();
    return problem == 0;
}

void RelayConnection::receive(Direction& direction, int from, const RelayRule& rule) {
    static thread_local std::array<char, piece_size> buffer;
    while (!direction.ended && direction.queued < most_under_way) {
        const auto got = ::recv(from, buffer.data(), buffer.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            direction.ended = true;
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        if (&direction == &up_ && !client_spoke_last_) ++flights_;
        client_spoke_last_ = &direction == &up_;
        direction.under_way.push_back(
            {std::max(Steady::now(), not_before_) + rule.delay, std::string(buffer.data(), size)});
        direction.queued += size;
        direction.total += size;
    }
}

bool RelayConnection::send(Direction& direction, int to, const RelayRule& rule) {
    direction.blocked = false;
    while (!direction.under_way.empty()) {
        auto& piece = direction.under_way.front();
        const auto now = Steady::now();
        if (piece.due > now || direction.next_send > now) return true;
        auto size = piece.bytes.size() - piece.sent;
        if (rule.bytes_per_second)
            size = std::min<std::size_t>(size, std::max<std::uint64_t>(*rule.bytes_per_second / 20, 1));
        const auto sent = ::send(to, piece.bytes.data() + piece.sent, size, MSG_NOSIGNAL);
        if (sent < 0) {
            direction.blocked = errno == EAGAIN || errno == EINTR;
            return direction.blocked;
        }
        piece.sent += static_cast<std::size_t>(sent);
        direction.queued -= static_cast<std::size_t>(sent);
        if (rule.bytes_per_second)
            direction.next_send =
                now + std::chrono::microseconds(1000000 * sent / static_cast<long>(*rule.bytes_per_second));
        if (piece.sent == piece.bytes.size()) direction.under_way.pop_front();
    }
    if (direction.ended && !direction.passed_on) {
        ::shutdown(to, SHUT_WR);
        direction.passed_on = true;
    }
    return true;
}

void RelayConnection::reset_both() {
    reset_socket(client_);
    reset_socket(server_);
}

bool RelayConnection::pump(const RelayRule& rule) {
    was_cut_ = rule.cut;
    if (rule.cut) return true;
    if (rule.reset || (rule.cut_after && up_.total >= *rule.cut_after)) {
        reset_both();
        return false;
    }
    if (!connected()) {
        if (connecting_) return true;
        reset_both();
        return false;
    }
    receive(up_, client_.get(), rule);
    receive(down_, server_.get(), rule);
    if (!send(up_, server_.get(), rule) || !send(down_, client_.get(), rule)) {
        reset_both();
        return false;
    }
    return !(up_.passed_on && down_.passed_on);
}

RelayRecord RelayConnection::record() const {
    return {.name = name_,
            .port = port_,
            .started = started_,
            .took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - accepted_),
            .bytes_up = up_.total,
            .bytes_down = down_.total,
            .flights = flights_};
}

}  // namespace kavi::lab

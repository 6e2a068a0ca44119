#include "cutting_relay.hpp"

#include <kavi/base/files.hpp>

#include <algorithm>
#include <atomic>
#include <list>
#include <stdexcept>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kavi::test {

namespace {

constexpr std::size_t never = ~std::size_t{0};

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

/// The other end sees a reset, as from a machine that forgot the connection.
void reset(FileDescriptor& socket) {
    const linger at_once{1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket.close();
}

/// False: the connection is over, by either side or by the plan.
bool forward(int from, int to, std::size_t& allowed) {
    char buffer[65536];
    const auto count = ::read(from, buffer, std::min(sizeof buffer, allowed));
    if (count <= 0) return false;
    for (ssize_t sent = 0; sent < count;) {
        const auto more = ::send(to, buffer + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
        if (more <= 0) return false;
        sent += more;
    }
    if (allowed != never) allowed -= static_cast<std::size_t>(count);
    return allowed > 0;
}

std::size_t at_or_never(const std::vector<std::size_t>& list, std::size_t index) {
    return index < list.size() ? list[index] : never;
}

}  // namespace

struct CuttingRelay::State {
    int target = 0, port = 0;
    Plan plan;
    FileDescriptor listener;
    std::atomic<int> connections = 0, cuts = 0;
    std::list<std::jthread> serving;
    std::jthread thread;  ///< goes first

    void accept_all(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd polled{listener.get(), POLLIN, 0};
            if (::poll(&polled, 1, 10) <= 0) continue;
            FileDescriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!client) continue;
            const auto number = static_cast<std::size_t>(connections++);
            serving.emplace_back([this, number, fd = client.release()](std::stop_token over) {
                serve(FileDescriptor(fd), at_or_never(plan.up, number), at_or_never(plan.down, number), over);
            });
        }
    }

    void serve(FileDescriptor client, std::size_t up, std::size_t down, const std::stop_token& stop) {
        FileDescriptor server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto address = loopback(target);
        const int born = cuts;
        if (up == 0 ||
            ::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return reset(client);
        const int at_once = 1;
        for (const auto* socket : {&client, &server})
            ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        while (!stop.stop_requested() && cuts == born) {
            pollfd polled[2] = {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}};
            ::poll(polled, 2, 10);
            if (polled[0].revents && !forward(client.get(), server.get(), up)) break;
            if (polled[1].revents && !forward(server.get(), client.get(), down)) break;
        }
        reset(client);
        reset(server);
    }
};

CuttingRelay::CuttingRelay(int port, Plan plan) : state_(std::make_unique<State>()) {
    state_->target = port;
    state_->plan = std::move(plan);
    state_->listener = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(state_->listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(state_->listener.get(), 64) != 0 ||
        ::getsockname(state_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no loopback port for a relay");
    state_->port = ntohs(address.sin_port);
    state_->thread = std::jthread([state = state_.get()](std::stop_token stop) { state->accept_all(stop); });
}

CuttingRelay::~CuttingRelay() {
    state_->thread.request_stop();
    state_->thread.join();
}

int CuttingRelay::port() const {
    return state_->port;
}

int CuttingRelay::connections() const {
    return state_->connections;
}

void CuttingRelay::cut() {
    ++state_->cuts;
}

}  // namespace kavi::test

#include "sockets.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace kavi::standin {
namespace {

void limit_waiting(int descriptor, int seconds) {
    const timeval time{seconds, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

}  // namespace

Socket::~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Socket listen_on(int port) {
    Socket socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1, off = 0;
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (socket && ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(socket.get(), 128) == 0)
        return socket;
    // Without IPv6 in the kernel.
    socket = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in older{};
    older.sin_family = AF_INET;
    older.sin_port = htons(static_cast<std::uint16_t>(port));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&older), sizeof older) == 0 &&
        ::listen(socket.get(), 128) == 0)
        return socket;
    std::fprintf(stderr, "port %d can't be listened on: %s\n", port, std::strerror(errno));
    std::exit(1);
}

Socket connect_to(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return Socket();
    Socket connected;
    for (auto* each = found; each && !connected; each = each->ai_next) {
        Socket socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        limit_waiting(socket.get(), 5);
        if (socket && ::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0)
            connected = std::move(socket);
    }
    ::freeaddrinfo(found);
    if (connected) limit_waiting(connected.get(), 30);
    return connected;
}

Socket connect_to_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return Socket();
    std::memcpy(address.sun_path, path.c_str(), path.size());
    Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    limit_waiting(socket.get(), 5);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Socket();
    return socket;
}

std::string read_some(int descriptor) {
    std::string buffer(65536, '\0');
    const auto got = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    buffer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return buffer;
}

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

}  // namespace kavi::standin

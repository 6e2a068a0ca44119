#include "plain_socket.hpp"

#include "lab/tools.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace kavi::lab {
namespace {

sockaddr_un local(const std::string& path) {
    sockaddr_un result{};
    result.sun_family = AF_UNIX;
    if (path.size() >= sizeof result.sun_path)
        throw lab_error(fmt::format("the path {} is too long for a socket", path));
    std::memcpy(result.sun_path, path.c_str(), path.size());
    return result;
}

template <typename Address>
bool bind_and_listen(int socket, const Address& address) {
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::listen(socket, 256) == 0;
}

}  // namespace

sockaddr_in ipv4_address(const std::string& address, int port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1)
        throw lab_error(fmt::format("'{}' is no IPv4 address", address));
    return result;
}

FileDescriptor listen_at(const std::string& address, int port) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind_and_listen(socket.get(), ipv4_address(address, port))) return socket;
    throw lab_error(fmt::format("{}:{} can't be listened on", address, port)).because(std::strerror(errno));
}

int port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

FileDescriptor connect_to(const std::string& address, int port) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    limit_waiting(socket.get(), 5);
    const auto there = ipv4_address(address, port);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) return {};
    limit_waiting(socket.get(), 60);
    return socket;
}

bool wait_for_ssh(const std::string& address, int port, std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < deadline) {
        if (const auto socket = connect_to(address, port)) {
            limit_waiting(socket.get(), 2);
            if (read_all(socket.get(), true).starts_with("SSH-2.0-")) return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
}

FileDescriptor listen_at_path(const std::string& path) {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::unlink(path.c_str());
    if (bind_and_listen(socket.get(), local(path))) return socket;
    throw lab_error(fmt::format("{} can't be listened on", path)).because(std::strerror(errno));
}

FileDescriptor connect_to_path(const std::string& path) {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto there = local(path);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) return {};
    return socket;
}

void limit_waiting(int socket, int seconds) {
    const timeval time{seconds, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

bool write_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string read_all(int socket, bool one_line) {
    std::string text;
    char buffer[4096];
    for (;;) {
        const auto got = ::recv(socket, buffer, sizeof buffer, 0);
        if (got <= 0) return text;
        text.append(buffer, static_cast<std::size_t>(got));
        if (one_line && text.ends_with('\n')) return text;
    }
}

}  // namespace kavi::lab

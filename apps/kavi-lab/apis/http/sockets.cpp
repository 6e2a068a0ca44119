#include "sockets.hpp"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace kavi::lab {
namespace {

using NameOf = int (*)(int, sockaddr*, socklen_t*);

/// The port of one end; -1: no such thing.
int port_of(int descriptor, NameOf name_of) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (name_of(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return -1;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
    return -1;
}

std::vector<int> open_descriptors() {
    std::vector<int> descriptors;
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", problem)) {
        const auto name = entry.path().filename().string();
        int descriptor = -1;
        std::from_chars(name.data(), name.data() + name.size(), descriptor);
        if (descriptor > 2) descriptors.push_back(descriptor);
    }
    return descriptors;
}

template <typename Work>
void for_each_socket(int port, Work work) {
    for (const int descriptor : open_descriptors())
        if (port_of(descriptor, &::getsockname) == port)
            work(descriptor, port_of(descriptor, &::getpeername));
}

}  // namespace

void lengthen_backlog(int port) {
    for_each_socket(port, [](int descriptor, int peer) {
        if (peer < 0) ::listen(descriptor, 1024);
    });
}

void shut_connections(int port) {
    for_each_socket(port, [](int descriptor, int peer) {
        if (peer > 0) ::shutdown(descriptor, SHUT_RDWR);
    });
}

void reset_connection(int port, int peer_port) {
    for_each_socket(port, [&](int descriptor, int peer) {
        if (peer != peer_port) return;
        // Linux resets a TCP connection that is "connected" to nothing.
        sockaddr nothing{};
        nothing.sa_family = AF_UNSPEC;
        ::connect(descriptor, &nothing, sizeof nothing);
    });
}

}  // namespace kavi::lab

#pragma once

#include <kavi/base/files.hpp>

#include <chrono>
#include <string>
#include <string_view>

#include <netinet/in.h>

namespace kavi::lab {

/// Throws where the text is no IPv4 address.
sockaddr_in ipv4_address(const std::string& address, int port);

/// Listens on an IPv4 address; port 0: any. Throws where that fails.
FileDescriptor listen_at(const std::string& address, int port);
/// The port at which a socket listens.
int port_of(int socket);
/// Connects within five seconds; empty where that fails.
FileDescriptor connect_to(const std::string& address, int port);

/// Waits until an SSH server greets there. False: it didn't in time.
bool wait_for_ssh(const std::string& address, int port, std::chrono::milliseconds time);

/// A Unix socket: listens (replacing what lies there) or connects; empty where connecting fails.
FileDescriptor listen_at_path(const std::string& path);
FileDescriptor connect_to_path(const std::string& path);

void limit_waiting(int socket, int seconds);
bool write_all(int socket, std::string_view bytes);
/// Everything up to the end, or up to a newline where `one_line`.
std::string read_all(int socket, bool one_line);

}  // namespace kavi::lab

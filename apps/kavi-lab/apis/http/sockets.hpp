#pragma once

#include <string>

/// The HTTP library hides its sockets; these find them by their ports among this process's descriptors.
namespace kavi::lab {

/// Lengthens the queue of connections not yet taken of the socket that listens on `port`.
void lengthen_backlog(int port);
/// Shuts every connection down that came in at `port`.
void shut_connections(int port);
/// Resets (RST, nothing more is sent) the connection that came in at `port` from `peer_port`.
void reset_connection(int port, int peer_port);

}  // namespace kavi::lab

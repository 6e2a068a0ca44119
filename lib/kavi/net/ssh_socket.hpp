#pragma once

#include <kavi/base/files.hpp>
#include <kavi/net/ssh.hpp>

#include <chrono>
#include <stop_token>

namespace kavi::net {

/// A connected, non-blocking TCP socket to target.host and port, by the rules: without Nagle's delay, with
/// keep-alive, given up by the kernel 30 s after the other side stopped acknowledging. All addresses of a
/// name are tried in turn until target.connect_timeout is over. Throws errors::ssh_unreachable,
/// address_forbidden, interrupted (within 200 ms of the stop request).
FileDescriptor dial(const SshTarget& target, const ConnectionRules& rules, std::stop_token stop);

}  // namespace kavi::net

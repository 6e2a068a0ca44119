#pragma once

#include <kavi/net/transport.hpp>

#include <optional>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace kavi::net {

/// "host:port", "host", "[2001:db8::1]:443" or "2001:db8::1" taken apart; the host stands without brackets.
struct HostPort {
    std::string host;
    std::optional<int> port;
};

/// Nullopt where the text is none of these, or the port isn't 1-65535.
std::optional<HostPort> parse_host_port(std::string_view text);

/// "host:port", with brackets where the host is an IPv6 address.
std::string host_port_text(std::string_view host, int port);

/// Where a connection goes once the rules were asked.
struct Destination {
    std::string host;  ///< a name or an address without brackets
    int port = 0;
    bool mapped = false;  ///< by ConnectionRules::connect_to
};

/// The destination for `host` and `port`. Throws errors::address_forbidden where loopback_only is set and the
/// destination is neither mapped nor on this machine: before anything was resolved or sent.
Destination destination_for(const ConnectionRules& rules, std::string_view host, int port);

/// An IPv4 or IPv6 address in text.
bool is_address(std::string_view host);
/// A loopback address in text (127.0.0.0/8, ::1, and these mapped into IPv6), or "localhost".
bool is_loopback(std::string_view host);
bool is_loopback(const sockaddr& address);

/// Loopback, or one of the addresses that connect_to leads to: the last check, on what is really dialled.
bool is_local_or_mapped(const ConnectionRules& rules, const sockaddr& address);

/// The address in text, without its port.
std::string address_text(const sockaddr& address);

}  // namespace kavi::net

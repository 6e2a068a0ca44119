#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/address.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace kavi::net {

namespace {

std::optional<int> parse_port(std::string_view text) {
    int port = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (problem != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) return {};
    return port;
}

/// The 16 bytes of an IPv6 address; IPv4 is mapped into it, so that equal addresses have equal bytes.
using AddressBytes = std::array<unsigned char, 16>;

AddressBytes map_v4(const in_addr& v4) {
    AddressBytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(bytes.data() + 12, &v4, 4);
    return bytes;
}

std::optional<AddressBytes> address_bytes(std::string_view host) {
    const std::string text(host);
    in_addr v4{};
    if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return map_v4(v4);
    AddressBytes bytes{};
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
    return {};
}

std::optional<AddressBytes> address_bytes(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return map_v4(v4.sin_addr);
    }
    if (address.sa_family != AF_INET6) return {};
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    AddressBytes bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return bytes;
}

bool is_loopback(const AddressBytes& bytes) {
    constexpr AddressBytes v6_loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr AddressBytes v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    return bytes == v6_loopback || std::equal(bytes.begin(), bytes.begin() + 13, v4_prefix.begin());
}

bool same_host(std::string_view a, std::string_view b) {
    const auto left = address_bytes(a), right = address_bytes(b);
    return left && right ? left == right : lower(a) == lower(b);
}

/// The entry for exactly that port goes before one for every port.
std::optional<HostPort> mapped_to(const ConnectionRules& rules, std::string_view host, int port) {
    std::optional<HostPort> found;
    for (const auto& [from, to] : rules.connect_to) {
        const auto key = parse_host_port(from);
        if (!key || !same_host(key->host, host) || (key->port && *key->port != port)) continue;
        if (!found || key->port) found = parse_host_port(to);
    }
    return found;
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return {};
        HostPort result{std::string(text.substr(1, end - 1)), {}};
        const auto rest = text.substr(end + 1);
        if (!rest.empty() && !rest.starts_with(':')) return {};
        if (!rest.empty() && !(result.port = parse_port(rest.substr(1)))) return {};
        return is_address(result.host) ? std::optional(result) : std::nullopt;
    }
    const auto colon = text.find(':');
    const bool one_colon = colon != std::string_view::npos && text.rfind(':') == colon;
    HostPort result{std::string(one_colon ? text.substr(0, colon) : text), {}};
    if (one_colon && !(result.port = parse_port(text.substr(colon + 1)))) return {};
    if (result.host.empty() || (!one_colon && colon != std::string_view::npos && !is_address(text)))
        return {};
    return result;
}

std::string host_port_text(std::string_view host, int port) {
    const bool v6 = host.find(':') != std::string_view::npos;
    return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Destination destination_for(const ConnectionRules& rules, std::string_view host, int port) {
    if (const auto target = mapped_to(rules, host, port))
        return {target->host, target->port.value_or(port), true};
    if (rules.loopback_only && !is_loopback(host))
        throw Error(errors::address_forbidden,
                    fmt::format("{} may not be contacted", host_port_text(host, port)))
            .because("KAVI_LOOPBACK_ONLY is set, and KAVI_CONNECT_TO leads it nowhere")
            .fix("for the real estate use a shell without KAVI_LOOPBACK_ONLY; in the lab map the address");
    return {std::string(host), port, false};
}

bool is_address(std::string_view host) {
    return address_bytes(host).has_value();
}

bool is_loopback(std::string_view host) {
    const auto bytes = address_bytes(host);
    return bytes ? is_loopback(*bytes) : lower(host) == "localhost";
}

bool is_loopback(const sockaddr& address) {
    const auto bytes = address_bytes(address);
    return bytes && is_loopback(*bytes);
}

bool is_local_or_mapped(const ConnectionRules& rules, const sockaddr& address) {
    const auto bytes = address_bytes(address);
    if (!bytes) return false;
    return is_loopback(*bytes) || std::ranges::any_of(rules.connect_to, [&](const auto& entry) {
               const auto target = parse_host_port(entry.second);
               return target && address_bytes(target->host) == bytes;
           });
}

std::string address_text(const sockaddr& address) {
    const auto bytes = address_bytes(address);
    if (!bytes) return "an address that isn't IP";
    char text[INET6_ADDRSTRLEN];
    const bool v4 = address.sa_family == AF_INET;
    ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes->data() + (v4 ? 12 : 0), text, sizeof text);
    return text;
}

}  // namespace kavi::net

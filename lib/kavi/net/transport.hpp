#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::net {

struct Header {
    std::string name;  ///< compared without regard to case
    std::string value;
};

struct Request {
    std::string method = "GET";
    std::string url;  ///< absolute, query included and already encoded
    std::vector<Header> headers;
    std::string body;
    std::chrono::milliseconds timeout = std::chrono::seconds(30);
    /// May it be sent again when nobody knows whether it took effect? GET, HEAD, PUT and DELETE are by nature;
    /// a POST only where its caller knows.
    bool repeatable = false;
    std::size_t largest_body = std::size_t{64} << 20;
};

struct Response {
    int status = 0;
    std::vector<Header> headers;
    std::string body;
    std::chrono::milliseconds took{};

    /// The first header of that name, any case.
    std::optional<std::string_view> header(std::string_view name) const;
};

/// One HTTP exchange. Any status is a Response; a connection, TLS or time-out failure throws
/// errors::network_failed (with `unknown outcome` in its causes where the request may have taken effect).
class Transport {
  public:
    virtual ~Transport() = default;
    virtual Response send(const Request& request, std::stop_token stop) = 0;
};

/// Where connections may go, and where they go instead.
struct ConnectionRules {
    /// "host:port" → "address:port" (KAVI_CONNECT_TO): names and addresses of the estate mapped to the lab's.
    std::map<std::string, std::string> connect_to;
    /// KAVI_LOOPBACK_ONLY=1: anything but loopback and the targets of connect_to is refused
    /// (errors::address_forbidden) before a packet leaves.
    bool loopback_only = false;
    std::optional<std::string> certificate_file;  ///< SSL_CERT_FILE

    /// "a:1=127.0.0.1:2,b:3=…" as it stands in KAVI_CONNECT_TO. A host without a port stands for every port
    /// ("188.34.198.57=172.30.0.2"). Throws errors::usage.
    static std::map<std::string, std::string> parse_connect_to(std::string_view text);
};

}  // namespace kavi::net

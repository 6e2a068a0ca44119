#pragma once

#include <kavi/base/error.hpp>

#include <chrono>
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
    /// May it be sent again when nobody knows whether it took effect? GET, HEAD, PUT and DELETE are by
    /// nature; a POST only where its caller knows.
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

/// What an exchange died of.
enum class NetworkFailure {
    name_not_found,
    refused,  ///< nobody listens there, or no route
    timed_out,
    broken,     ///< the connection ended before the answer did, or the answer was cut off
    tls,        ///< the certificate or the handshake
    too_large,  ///< the answer is larger than Request::largest_body
    other,
};

/// The cause that a NetworkError has when nobody knows whether the request took effect: it was sent, it isn't
/// one that only reads, and no whole answer came. Look before repeating.
inline constexpr std::string_view unknown_outcome = "unknown outcome: the request may have taken effect";

/// What a Transport throws: an Error (errors::network_failed) that also says what kind of failure it was.
class NetworkError : public Error {
  public:
    NetworkError(NetworkFailure failure, bool sent, std::string message);

    NetworkFailure failure() const noexcept { return failure_; }

    /// False: no byte of the request left, so it had no effect.
    bool sent() const noexcept { return sent_; }

  private:
    NetworkFailure failure_;
    bool sent_;
};

/// Is `unknown_outcome` among the error's causes?
bool outcome_unknown(const Error& error);

/// One HTTP exchange. Any status is a Response. Throws NetworkError (with `unknown_outcome` in its causes
/// where the request may have taken effect), errors::address_forbidden, errors::interrupted.
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
    /// ("188.34.198.57=172.30.0.2"); IPv6 addresses with a port stand in brackets; the right side is an
    /// address, never a name. Throws errors::usage.
    static std::map<std::string, std::string> parse_connect_to(std::string_view text);
};

}  // namespace kavi::net

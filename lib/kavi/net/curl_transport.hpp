#pragma once

#include <kavi/net/transport.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace kavi::net {

struct CurlOptions {
    ConnectionRules rules;
    /// Hears each line of headers and of curl's own remarks, secrets taken out; never bodies. Called on the
    /// transport's own thread; may not throw.
    std::function<void(std::string_view)> trace;
    bool http1_only = false;  ///< HTTP/1.1 also where the server offers HTTP/2
};

/// HTTP by libcurl: one thread owns one multi handle, so that requests sent from many threads share
/// connections (HTTP/2 where the server has it). https:// anywhere the rules allow; http:// only to this
/// machine or where connect_to leads. Redirects aren't followed, proxies of the environment aren't used.
/// Nothing is started or initialised before the first request. Destroy it only when no send is under way.
class CurlTransport final : public Transport {
  public:
    explicit CurlTransport(CurlOptions options);
    ~CurlTransport() override;

    /// From any thread; returns within 200 ms of a stop request (errors::interrupted).
    Response send(const Request& request, std::stop_token stop) override;

  private:
    class Worker;
    CurlOptions options_;
    std::unique_ptr<Worker> worker_;
};

}  // namespace kavi::net

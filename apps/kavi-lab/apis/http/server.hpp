#pragma once

#include "../fault.hpp"
#include "api.hpp"
#include "request_log.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace kavi::lab {

/// Serves one Api over HTTP/1.1 on loopback: keep-alive without a limit, a thread a connection, the faults,
/// the latency and the log.
class HttpServer {
  public:
    struct Surroundings {
        FaultTable* faults = nullptr;
        RequestLog* log = nullptr;  ///< none: not logged
        std::chrono::milliseconds latency{0};
    };

    HttpServer(Api& api, Surroundings surroundings);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Port 0: any free one. Returns once connections are taken. Throws errors::network_failed.
    void start(const std::string& address, int port);
    /// Ends every connection, whatever it is doing.
    void stop();
    int port() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::lab

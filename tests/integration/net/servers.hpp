#pragma once

#include <functional>
#include <memory>
#include <string>

namespace httplib {
class Server;
}

namespace kavi::test {

/// cpp-httplib on a free port of 127.0.0.1, with TLS where a folder with certificate.pem and key.pem is
/// given.
class HttpServer {
  public:
    explicit HttpServer(const std::function<void(httplib::Server&)>& set_up,
                        const std::string& certificates = {});
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// "http://127.0.0.1:1234".
    std::string url() const;
    int port() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Accepts on a free port of 127.0.0.1 and hands each connection, with its number from 1 on, to `serve`, one
/// after the other; then the connection is closed.
class RawServer {
  public:
    explicit RawServer(std::function<void(int connection, int number)> serve);
    ~RawServer();
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    std::string url() const;
    int port() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Reads one HTTP request without a chunked body from the connection; empty at its end.
std::string read_request(int connection);
void send_text(int connection, const std::string& text);

/// A port of 127.0.0.1 where nobody listens.
int closed_port();

}  // namespace kavi::test

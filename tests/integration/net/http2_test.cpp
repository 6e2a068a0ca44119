#include "certificate.hpp"
#include "servers.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/curl_transport.hpp>

#include <atomic>
#include <thread>

#include <support/catch.hpp>
#include <unistd.h>

using namespace kavi;
using namespace kavi::net;
using namespace kavi::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* program = "/usr/sbin/nghttpd";

/// nghttp2's own server: the only one in the distribution that answers a client's ALPN with h2.
class Http2Server {
  public:
    Http2Server() : port_(closed_port()) {
        make_certificate(folder_.path(), "IP:127.0.0.1", 10);
        write_file_atomic(folder_.path() / "hello", "hello", 0600);
        const auto path = [&](const char* name) { return (folder_.path() / name).string(); };
        thread_ = std::jthread(
            [this, key = path("key.pem"), certificate = path("certificate.pem")](std::stop_token stop) {
                run_command({.arguments = {program,
                                           "-a",
                                           "127.0.0.1",
                                           "-d",
                                           folder_.path().string(),
                                           std::to_string(port_),
                                           key,
                                           certificate}},
                            stop);
            });
    }

    Request request() const {
        return {.url = "https://127.0.0.1:" + std::to_string(port_) + "/hello",
                .headers = {{"Authorization", "Bearer in-the-header"}}};
    }

    std::string certificate() const { return (folder_.path() / "certificate.pem").string(); }

  private:
    TemporaryFolder folder_;
    int port_;
    std::jthread thread_;
};

/// The server's port is there a moment after its process.
void wait_until_ready(Transport& transport, const Request& request) {
    for (int i = 0; i < 200; ++i) try {
            transport.send(request, {});
            return;
        } catch (const NetworkError&) {
            std::this_thread::sleep_for(10ms);
        }
}

std::size_t count(const std::string& text, std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("HTTP/2: requests share one connection, and its remarks hold no secret") {
    if (::access(program, X_OK) != 0) {
        WARN("SKIPPED: nghttpd isn't installed (nghttp2-server)");
        return;
    }
    const Http2Server server;
    std::string text;
    CurlOptions options{.rules = {.loopback_only = true, .certificate_file = server.certificate()}};
    options.trace = [&](std::string_view line) { text.append(line).append("\n"); };
    {
        CurlTransport transport(options);
        wait_until_ready(transport, server.request());
        std::vector<std::jthread> threads;
        std::atomic<int> fine = 0;
        for (int i = 0; i < 20; ++i)
            threads.emplace_back(
                [&] { fine += transport.send(server.request(), {}).body == "hello" ? 1 : 0; });
        threads.clear();
        CHECK(fine == 20);
    }
    CHECK(text.find("in-the-header") == std::string::npos);
    CHECK(count(text, "> authorization: ***\n") + count(text, "> Authorization: ***\n") == 21);
    CHECK(count(text, "< HTTP/2 200\n") == 21);
    CHECK(count(text, "SSL connection using") == 1);
    CHECK(count(text, "[authorization: ***\n") == 21);
}

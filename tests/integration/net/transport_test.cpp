#include "certificate.hpp"
#include "servers.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/curl_transport.hpp>

#include <httplib.h>

#include <atomic>
#include <mutex>
#include <thread>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::net;
using namespace kavi::test;
using namespace std::chrono_literals;

namespace {

CurlOptions local_options() {
    return {.rules = {.loopback_only = true}};
}

NetworkError network_error_of(Transport& transport, const Request& request) {
    try {
        transport.send(request, {});
    } catch (const NetworkError& error) {
        return error;
    }
    throw std::logic_error("no network error was thrown");
}

void echo(httplib::Server& server) {
    const auto answer = [](const httplib::Request& request, httplib::Response& response) {
        std::string text = request.method + " " + request.target + "\n";
        for (const auto& [name, value] : request.headers)
            if (!name.starts_with("REMOTE_") && !name.starts_with("LOCAL_"))
                text += lower(name) + ": " + value + "\n";
        response.set_header("X-Kind", "echo");
        response.set_content(text + "\n" + request.body, "text/plain");
    };
    server.Get(".*", answer).Post(".*", answer).Put(".*", answer).Patch(".*", answer).Delete(".*", answer);
}

void send_zeros(httplib::Response& response, std::size_t size) {
    response.set_content(std::string(size, '0'), "application/octet-stream");
}

}  // namespace

TEST_CASE("a request arrives as it was meant, and nothing is added to it") {
    const HttpServer server(echo);
    CurlTransport transport(local_options());
    const auto contains_line = [](const Response& response, const std::string& line) {
        return ("\n" + response.body).find("\n" + line + "\n") != std::string::npos;
    };
    SECTION("GET") {
        const auto response =
            transport.send({.url = server.url() + "/a%20b?q=1%2F2", .headers = {{"X-Y", "z"}}}, {});
        CHECK(response.status == 200);
        CHECK(response.header("x-kind") == "echo");
        CHECK(response.body.starts_with("GET /a%20b?q=1%2F2\n"));
        CHECK(contains_line(response, "x-y: z"));
        CHECK(contains_line(response, "accept-encoding: gzip"));
        CHECK_THAT(response.body, ContainsSubstring("user-agent: kavi/"));
        CHECK(response.body.find("content-") == std::string::npos);
    }
    SECTION("POST") {
        const auto response = transport.send({.method = "POST",
                                              .url = server.url() + "/p",
                                              .headers = {{"Content-Type", "application/json"}},
                                              .body = std::string("{\"a\":\0}", 7)},
                                             {});
        CHECK(contains_line(response, "content-type: application/json"));
        CHECK(contains_line(response, "content-length: 7"));
        CHECK(response.body.ends_with(std::string("\n\n{\"a\":\0}", 9)));
        CHECK(response.body.find("expect") == std::string::npos);
    }
    SECTION("big PUT") {
        const std::string big(3 << 20, 'x');
        const auto response = transport.send({.method = "PUT", .url = server.url() + "/p", .body = big}, {});
        CHECK(response.body.starts_with("PUT /p\n"));
        CHECK(response.body.ends_with("\n\n" + big));
        CHECK(response.body.find("content-type") == std::string::npos);
    }
    SECTION("bodies that are empty, or odd") {
        CHECK(
            contains_line(transport.send({.method = "POST", .url = server.url()}, {}), "content-length: 0"));
        CHECK(
            contains_line(transport.send({.method = "PATCH", .url = server.url()}, {}), "content-length: 0"));
        const auto bare = transport.send({.method = "DELETE", .url = server.url() + "/d"}, {});
        CHECK(bare.body.starts_with("DELETE /d\n"));
        CHECK(bare.body.find("content-length") == std::string::npos);
        const auto full = transport.send({.method = "DELETE", .url = server.url() + "/d", .body = "b"}, {});
        CHECK(full.body.ends_with("\n\nb"));
    }
    SECTION("HEAD") {
        const auto response = transport.send({.method = "HEAD", .url = server.url()}, {});
        CHECK(response.status == 200);
        CHECK(response.header("content-length").has_value());
        CHECK(response.body.empty());
    }
}

TEST_CASE("an answer is given as it came") {
    const HttpServer server([](httplib::Server& http) {
        http.Get("/moved", [](const auto&, auto& response) { response.set_redirect("/elsewhere", 302); });
        http.Get("/bad", [](const auto&, auto& response) {
            response.status = 500;
            response.set_content("oops", "text/plain");
        });
        http.Get("/big", [](const auto&, auto& response) { send_zeros(response, 100'000); });
    });
    CurlTransport transport(local_options());
    const auto moved = transport.send({.url = server.url() + "/moved"}, {});
    CHECK(moved.status == 302);
    CHECK(moved.header("location") == "/elsewhere");
    CHECK(transport.send({.url = server.url() + "/bad"}, {}).status == 500);
    CHECK(transport.send({.url = server.url() + "/bad"}, {}).body == "oops");
    CHECK(transport.send({.url = server.url() + "/big", .largest_body = 100'000}, {}).body.size() == 100'000);
    const auto error = network_error_of(transport, {.url = server.url() + "/big", .largest_body = 99'999});
    CHECK(error.failure() == NetworkFailure::too_large);
    CHECK_THAT(error.causes().front(), ContainsSubstring("is larger than 99999 bytes"));
}

TEST_CASE("a failure says what happened, and whether the request may have taken effect") {
    CurlTransport transport(local_options());
    const auto fails = [&](const std::string& method, const std::string& url) {
        return network_error_of(transport, {.method = method, .url = url + "/x?token=abc", .timeout = 300ms});
    };
    SECTION("refused") {
        const auto place = "127.0.0.1:" + std::to_string(closed_port());
        const auto error = fails("POST", "http://" + place);
        CHECK(error.code() == errors::network_failed);
        CHECK(error.message() == "POST http://" + place + "/x failed");
        CHECK(error.causes() == std::vector<std::string>{"connection refused by " + place});
        CHECK(error.failure() == NetworkFailure::refused);
        CHECK_FALSE(error.sent());
        CHECK_FALSE(outcome_unknown(error));
    }
    SECTION("no answer") {
        const RawServer server([](int connection, int) {
            while (!read_request(connection).empty()) continue;
        });
        const auto begin = std::chrono::steady_clock::now();
        const auto error = fails("POST", server.url());
        CHECK(std::chrono::steady_clock::now() - begin < 2s);
        CHECK(error.failure() == NetworkFailure::timed_out);
        CHECK(outcome_unknown(error));
        CHECK_FALSE(outcome_unknown(fails("GET", server.url())));
    }
    SECTION("hung up") {
        const RawServer server([](int connection, int) { read_request(connection); });
        const auto error = fails("DELETE", server.url());
        CHECK(error.failure() == NetworkFailure::broken);
        CHECK(error.sent());
        CHECK(outcome_unknown(error));
    }
    SECTION("cut off") {
        const RawServer server([](int connection, int) {
            read_request(connection);
            send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        });
        const auto error = fails("POST", server.url());
        CHECK(error.failure() == NetworkFailure::broken);
        CHECK_THAT(error.causes().front(), ContainsSubstring("was cut off"));
        CHECK(outcome_unknown(error));
    }
    SECTION("no HTTP at all") {
        const RawServer server([](int connection, int) {
            read_request(connection);
            send_text(connection, "SSH-2.0-OpenSSH\r\n");
        });
        CHECK(fails("GET", server.url()).code() == errors::network_failed);
    }
}

TEST_CASE("a POST isn't sent again when a kept connection turns out dead; a GET is") {
    std::atomic<int> requests = 0;
    const RawServer server([&](int connection, int number) {
        for (int i = 1; !read_request(connection).empty(); ++i) {
            ++requests;
            if (number == 1 && i == 2) return;  // took it, and hangs up without a word
            send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    CurlTransport transport(local_options());
    REQUIRE(transport.send({.url = server.url()}, {}).status == 200);
    const auto body = GENERATE(as<std::string>(), "", "body");
    SECTION("POST") {
        const auto error = network_error_of(transport, {.method = "POST", .url = server.url(), .body = body});
        CHECK(error.failure() == NetworkFailure::broken);
        CHECK(outcome_unknown(error));
        CHECK(requests == 2);
    }
    SECTION("POST that its caller calls repeatable") {
        CHECK(transport.send({.method = "POST", .url = server.url(), .body = body, .repeatable = true}, {})
                  .status == 200);
        CHECK(requests == 3);
    }
    SECTION("GET") {
        CHECK(transport.send({.url = server.url()}, {}).status == 200);
        CHECK(requests == 3);
    }
}

TEST_CASE("only what the rules allow is dialled") {
    std::vector<std::string> lines;
    auto options = local_options();
    options.trace = [&](std::string_view line) { lines.emplace_back(line); };
    SECTION("loopback only") {
        CurlTransport transport(options);
        // 203.0.113.0/24 and .invalid are for documentation: nobody is there, and nobody is asked.
        const auto url = GENERATE(as<std::string>(),
                                  "https://203.0.113.7/x?token=abc",
                                  "https://api.invalid/",
                                  "http://203.0.113.7/",
                                  "https://[2001:db8::7]/");
        const auto error = error_of([&] { transport.send({.url = url}, {}); });
        CHECK(error.code() == errors::address_forbidden);
        CHECK(error.message().find("token") == std::string::npos);
        CHECK(lines.empty());
    }
    SECTION("without TLS only this machine, whatever else is allowed") {
        options.rules.loopback_only = false;
        CurlTransport transport(options);
        const auto error = error_of([&] { transport.send({.url = "http://203.0.113.7/x?token=abc"}, {}); });
        CHECK(error.code() == errors::address_forbidden);
        CHECK(error.message() == "http://203.0.113.7/x may not be contacted");
        CHECK(lines.empty());
    }
    SECTION("mapped") {
        const HttpServer server(echo);
        options.rules.connect_to = {{"api.invalid:80", "127.0.0.1:" + std::to_string(server.port())}};
        CurlTransport transport(options);
        const auto response = transport.send({.url = "http://api.invalid/x"}, {});
        CHECK_THAT(response.body, ContainsSubstring("host: api.invalid\n"));
    }
    SECTION("no such URL") {
        CurlTransport transport(options);
        const auto url = GENERATE(as<std::string>(),
                                  "",
                                  "/path",
                                  "ftp://127.0.0.1/",
                                  "file:///etc/passwd",
                                  "https://user:password@127.0.0.1/",
                                  "http://");
        CHECK(error_of([&] { transport.send({.url = url}, {}); }).code() == errors::usage);
    }
}

TEST_CASE("proxies of the environment aren't used") {
    const HttpServer server(echo);
    ::setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(closed_port())).c_str(), 1);
    CurlTransport transport(local_options());
    CHECK(transport.send({.url = server.url()}, {}).status == 200);
    ::unsetenv("http_proxy");
}

TEST_CASE("fifty requests at once each get their own answer") {
    const HttpServer server([](httplib::Server& http) {
        http.Get("/n/(\\d+)", [](const httplib::Request& request, httplib::Response& response) {
            response.set_content(request.matches[1].str(), "text/plain");
        });
    });
    CurlTransport transport(local_options());
    std::vector<std::string> answers(50);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < answers.size(); ++i)
            threads.emplace_back([&, i] {
                answers[i] = transport.send({.url = server.url() + "/n/" + std::to_string(i)}, {}).body;
            });
    }
    for (std::size_t i = 0; i < answers.size(); ++i) CHECK(answers[i] == std::to_string(i));
}

TEST_CASE("a stop request is seen within 200 ms, by the request that it is for") {
    std::stop_source source;
    std::atomic<bool> arrived = false;
    const RawServer silent([&](int connection, int) {
        read_request(connection);
        arrived = true;
        read_request(connection);
    });
    const HttpServer other(echo);
    CurlTransport transport(local_options());
    std::chrono::steady_clock::time_point asked;
    std::jthread asker([&] {
        while (!arrived) std::this_thread::sleep_for(1ms);
        asked = std::chrono::steady_clock::now();
        source.request_stop();
    });
    const auto error = error_of([&] { transport.send({.url = silent.url()}, source.get_token()); });
    CHECK(error.code() == errors::interrupted);
    CHECK(std::chrono::steady_clock::now() - asked < 200ms);
    CHECK(transport.send({.url = other.url()}, {}).status == 200);
    CHECK(error_of([&] { transport.send({.url = other.url()}, source.get_token()); }).code() ==
          errors::interrupted);
}

TEST_CASE("certificates are verified, and a refusal says why") {
    const TemporaryFolder folder;

    struct Case {
        const char* names;
        int days;
        bool known;
        const char* why;
    };

    const auto c = GENERATE(values<Case>({
        {"IP:127.0.0.1", 10, true, ""},
        {"IP:127.0.0.1", 10, false, "comes from an unknown CA"},
        {"IP:127.0.0.1", -2, true, "has expired"},
        {"DNS:other.example", 10, true, "the certificate shown isn't for"},
    }));
    make_certificate(folder.path(), c.names, c.days);
    const HttpServer server(echo, folder.path().string());
    auto options = local_options();
    if (c.known) options.rules.certificate_file = (folder.path() / "certificate.pem").string();
    CurlTransport transport(options);
    if (*c.why == '\0') {
        CHECK(transport.send({.url = server.url()}, {}).status == 200);
        return;
    }
    const auto error = network_error_of(transport, {.method = "POST", .url = server.url()});
    CHECK(error.failure() == NetworkFailure::tls);
    CHECK_THAT(error.causes().front(), ContainsSubstring(c.why));
    CHECK_FALSE(error.sent());
    CHECK_FALSE(outcome_unknown(error));
}

TEST_CASE("what is traced holds headers but no secrets and no bodies") {
    const HttpServer server(echo);
    std::string text;
    auto options = local_options();
    options.trace = [&](std::string_view line) { text.append(line).append("\n"); };
    {
        CurlTransport transport(options);
        transport.send({.method = "POST",
                        .url = server.url() + "/x?access_token=in-the-query",
                        .headers = {{"Authorization", "Bearer in-the-header"}, {"X-Y", "kept"}},
                        .body = "in-the-body"},
                       {});
    }
    CHECK(text.find("in-the-") == std::string::npos);
    CHECK_THAT(text, ContainsSubstring("> POST /x?access_token=*** HTTP/1.1\n"));
    CHECK_THAT(text, ContainsSubstring("> Authorization: ***\n"));
    CHECK_THAT(text, ContainsSubstring("> X-Y: kept\n"));
    CHECK_THAT(text, ContainsSubstring("< HTTP/1.1 200 OK\n"));
}

#include <kavi/base/error_codes.hpp>
#include <kavi/net/counting_transport.hpp>
#include <kavi/net/retry.hpp>

#include <deque>
#include <variant>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::net;
using namespace std::chrono_literals;

namespace {

using Delay = std::optional<std::chrono::milliseconds>;

Response answer(int status, std::string retry_after = {}) {
    Response response{.status = status};
    if (!retry_after.empty()) response.headers.push_back({"Retry-After", retry_after});
    return response;
}

NetworkError failure(NetworkFailure kind, bool sent) {
    NetworkError error(kind, sent, "it failed");
    error.because("some reason");
    return error;
}

/// Plays what it was given, in order; a further call fails the test.
class Script final : public Transport {
  public:
    using Step = std::variant<Response, NetworkError>;

    explicit Script(std::deque<Step> steps) : steps_(std::move(steps)) {}

    ~Script() override { CHECK(steps_.empty()); }

    Response send(const Request&, std::stop_token) override {
        if (steps_.empty()) throw std::logic_error("one request too many");
        const auto step = steps_.front();
        steps_.pop_front();
        if (const auto* error = std::get_if<NetworkError>(&step)) throw *error;
        return std::get<Response>(step);
    }

  private:
    std::deque<Step> steps_;
};

}  // namespace

TEST_CASE("how long to wait after an answer") {
    struct Case {
        const char* name;
        const char* method;
        bool repeatable;
        int attempt;
        Response response;
        Delay expected;
    };

    const auto c = GENERATE(values<Case>({
        {"fine", "GET", false, 1, answer(200), {}},
        {"not found", "GET", false, 1, answer(404), {}},
        {"a bug of theirs isn't passing", "GET", false, 1, answer(500), {}},
        {"bad gateway", "GET", false, 1, answer(502), 500ms},
        {"unavailable, second", "HEAD", false, 2, answer(503), 1s},
        {"gateway timeout, third", "PUT", false, 3, answer(504), 2s},
        {"the attempts are over", "DELETE", false, 4, answer(503), {}},
        {"a POST may have had an effect", "POST", false, 1, answer(503), {}},
        {"a PATCH too", "PATCH", false, 1, answer(502), {}},
        {"its caller knows better", "POST", true, 1, answer(503), 500ms},
        {"limited: no effect", "POST", false, 1, answer(429), 500ms},
        {"Retry-After", "POST", false, 1, answer(429, "7"), 7s},
        {"Retry-After with 503", "GET", false, 2, answer(503, "3"), 3s},
        {"at once", "GET", false, 1, answer(429, "0"), 0ms},
        {"Retry-After, capped", "GET", false, 1, answer(429, "86400"), 60s},
        {"Retry-After beyond all numbers", "GET", false, 1, answer(429, "99999999999999999999"), 60s},
        {"Retry-After as a date", "GET", false, 2, answer(429, "Wed, 21 Oct 2026 07:28:00 GMT"), 1s},
        {"Retry-After as nonsense", "GET", false, 1, answer(429, "-5"), 500ms},
        {"Retry-After doesn't make it worth it", "GET", false, 4, answer(429, "1"), {}},
    }));
    CAPTURE(c.name);
    CHECK(retry_delay({}, c.attempt, {.method = c.method, .repeatable = c.repeatable}, c.response) ==
          c.expected);
}

TEST_CASE("the delay stops growing") {
    CHECK(retry_delay({.attempts = 100}, 99, {}, answer(503)) == Delay(8s));
}

TEST_CASE("how long to wait after a failure") {
    struct Case {
        const char* name;
        const char* method;
        int attempt;
        NetworkFailure kind;
        bool sent;
        Delay expected;
    };

    const auto c = GENERATE(values<Case>({
        {"refused", "GET", 1, NetworkFailure::refused, false, 500ms},
        {"refused, a POST that never left", "POST", 2, NetworkFailure::refused, false, 1s},
        {"broken", "GET", 1, NetworkFailure::broken, true, 500ms},
        {"broken, unknown outcome", "POST", 1, NetworkFailure::broken, true, {}},
        {"broken during the handshake", "POST", 1, NetworkFailure::broken, false, 500ms},
        {"timed out", "GET", 1, NetworkFailure::timed_out, true, 500ms},
        {"timed out twice", "GET", 2, NetworkFailure::timed_out, true, {}},
        {"no such name", "GET", 1, NetworkFailure::name_not_found, false, 500ms},
        {"certificate", "GET", 1, NetworkFailure::tls, false, {}},
        {"too large", "GET", 1, NetworkFailure::too_large, true, {}},
        {"over", "GET", 4, NetworkFailure::refused, false, {}},
    }));
    CAPTURE(c.name);
    CHECK(retry_delay({}, c.attempt, {.method = c.method}, failure(c.kind, c.sent)) == c.expected);
}

TEST_CASE("sending again waits, tells, and ends with the last answer or failure") {
    ManualClock clock(std::chrono::system_clock::time_point{});
    std::vector<std::string> told;
    const auto notice = [&](std::string_view what, std::chrono::milliseconds delay) {
        told.push_back(std::string(what) + " " + std::to_string(delay.count()));
    };
    const auto begin = clock.now();
    SECTION("it gets better") {
        Script script({failure(NetworkFailure::refused, false), answer(429, "2"), answer(200)});
        CountingTransport counted(script);
        RetryingTransport transport(counted, clock, {}, notice);
        CHECK(transport.send({}, {}).status == 200);
        CHECK(counted.requests == 3);
        CHECK(told == std::vector<std::string>{"some reason 500", "GET answered 429 2000"});
        CHECK(clock.now() - begin == 2500ms);
    }
    SECTION("it doesn't") {
        Script script({answer(503), answer(503), answer(503), answer(503)});
        CHECK(RetryingTransport(script, clock).send({}, {}).status == 503);
        CHECK(clock.now() - begin == 3500ms);
    }
    SECTION("nor the line") {
        const auto broken = failure(NetworkFailure::broken, true);
        Script script({broken, broken, broken, broken});
        CHECK_THROWS_AS(RetryingTransport(script, clock).send({}, {}), NetworkError);
    }
    SECTION("a POST of unknown outcome is sent once") {
        Script script({failure(NetworkFailure::broken, true)});
        CHECK_THROWS_AS(RetryingTransport(script, clock).send({.method = "POST"}, {}), NetworkError);
        CHECK(clock.now() == begin);
    }
    SECTION("a stop request while waiting") {
        Script script({answer(503)});
        std::stop_source source;
        RetryingTransport transport(
            script, clock, {}, [&](std::string_view, std::chrono::milliseconds) { source.request_stop(); });
        try {
            transport.send({}, source.get_token());
            FAIL("it went on");
        } catch (const Error& error) {
            CHECK(error.code() == errors::interrupted);
        }
    }
}

TEST_CASE("a header is found whatever its case") {
    const auto response = answer(200, "5");
    CHECK(response.header("retry-AFTER") == "5");
    CHECK(response.header("retry") == std::nullopt);
}

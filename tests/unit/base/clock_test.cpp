#include <kavi/base/clock.hpp>

#include <support/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("a duration is read with its units") {
    CHECK(kavi::parse_duration("90s") == 90s);
    CHECK(kavi::parse_duration("5m") == 5min);
    CHECK(kavi::parse_duration("1h30m") == 90min);
    CHECK(kavi::parse_duration("2d") == 48h);
    CHECK(kavi::parse_duration("250ms") == 250ms);
    CHECK(kavi::parse_duration("1s500ms") == 1500ms);
    CHECK(kavi::parse_duration("0s") == 0s);
}

TEST_CASE("what isn't a duration is none") {
    for (const auto* text :
         {"", "5", "m", "-5m", "5 m", "5x", "1m1h", "1m1m", "5m ", "99999999999999999999s", "40000000d"})
        CHECK_FALSE(kavi::parse_duration(text));
}

TEST_CASE("a manual clock moves when it sleeps") {
    kavi::ManualClock clock(std::chrono::system_clock::from_time_t(1'764'000'000));
    const auto start = clock.steady();
    clock.sleep_for(3s, {});
    CHECK(clock.steady() - start == 3s);
    CHECK(kavi::iso8601(clock.now()) == "2025-11-24T16:00:03Z");
}

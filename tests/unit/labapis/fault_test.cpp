#include <kavi/base/error.hpp>
#include <kavi/base/text.hpp>

#include <apis/fault.hpp>
#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

TEST_CASE("a fault's words round-trip") {
    const auto text = GENERATE(as<std::string>(),
                               "api=hetzner method=POST path=/servers status=503 times=2",
                               "delay=3000ms",
                               "truncate=100 skip=1 chance=0.5",
                               "status=429 retry-after=2",
                               "reset carried-out",
                               "action=create_server error=resource_unavailable");
    CHECK(to_text(parse_fault(split(text, ' '))) == text);
}

TEST_CASE("a fault that makes no sense is refused by name") {
    struct Case {
        const char* words;
        const char* named;
    };

    const auto c = GENERATE(Case{"status=200", "status=200"},
                            Case{"colour=red", "colour"},
                            Case{"api=aws reset", "api=aws"},
                            Case{"delay=3", "delay=3"},
                            Case{"times=2", "does nothing"},
                            Case{"explode", "explode"});
    CHECK_THROWS_WITH(parse_fault(split(c.words, ' ')), ContainsSubstring(c.named));
}

TEST_CASE("a fault strikes after skip, and as often as told") {
    FaultTable table(1);
    table.add(parse_fault(split("api=hetzner path=/servers* status=503 skip=1 times=2", ' ')));
    CHECK_FALSE(table.for_request("cloudflare", "GET", "/servers"));
    CHECK_FALSE(table.for_request("hetzner", "GET", "/servers"));
    CHECK(table.for_request("hetzner", "GET", "/servers/1"));
    CHECK(table.for_request("hetzner", "POST", "/servers"));
    CHECK_FALSE(table.for_request("hetzner", "POST", "/servers"));
}

TEST_CASE("the same seed draws the same faults") {
    const auto draw = [](std::uint64_t seed) {
        FaultTable table(seed);
        table.add(parse_fault(split("reset chance=0.5", ' ')));
        std::string drawn;
        for (int i = 0; i < 64; ++i) drawn += table.for_request("s3", "GET", "/") ? 'x' : '.';
        return drawn;
    };
    CHECK(draw(7) == draw(7));
    CHECK(draw(7) != draw(8));
}

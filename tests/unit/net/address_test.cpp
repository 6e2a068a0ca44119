#include <kavi/base/error_codes.hpp>
#include <kavi/net/address.hpp>

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::net;

namespace {

std::string shown(const std::optional<HostPort>& parsed) {
    if (!parsed) return "none";
    return parsed->host + " " + (parsed->port ? std::to_string(*parsed->port) : "-");
}

std::string where(const ConnectionRules& rules, const std::string& host, int port) try {
    const auto found = destination_for(rules, host, port);
    return host_port_text(found.host, found.port) + (found.mapped ? " mapped" : "");

} catch (const Error& error) {
    return std::string(error.code().id) + " " + error.message();
}

bool allowed(const ConnectionRules& rules, const char* text) {
    union {
        sockaddr general;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } address{};

    if (::inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
    } else {
        REQUIRE(::inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1);
        address.v6.sin6_family = AF_INET6;
    }
    return is_local_or_mapped(rules, address.general);
}

}  // namespace

TEST_CASE("host and port are taken apart") {
    struct Case {
        const char *text, *expected;
    };

    const auto c = GENERATE(values<Case>({
        {"example.org:443", "example.org 443"},
        {"example.org", "example.org -"},
        {"10.0.0.1:22", "10.0.0.1 22"},
        {"[2001:db8::1]:22", "2001:db8::1 22"},
        {"[2001:db8::1]", "2001:db8::1 -"},
        {"2001:db8::1", "2001:db8::1 -"},
        {"", "none"},
        {":22", "none"},
        {"a:", "none"},
        {"a:0", "none"},
        {"a:65536", "none"},
        {"a:22x", "none"},
        {"a:b:c", "none"},
        {"[::1", "none"},
        {"[name]:22", "none"},
        {"[::1]22", "none"},
    }));
    CAPTURE(c.text);
    CHECK(shown(parse_host_port(c.text)) == c.expected);
}

TEST_CASE("KAVI_CONNECT_TO is read, and what isn't an address on its right side is refused") {
    const auto map =
        ConnectionRules::parse_connect_to("a:1=127.0.0.1:2, b=172.30.0.2 ,,[2001:db8::1]:22=[::1]:2222");
    CHECK(map == std::map<std::string, std::string>{
                     {"a:1", "127.0.0.1:2"}, {"b", "172.30.0.2"}, {"[2001:db8::1]:22", "[::1]:2222"}});
    const std::string bad =
        GENERATE(as<std::string>(), "a", "a=", "=b", "a=name:1", "a:x=127.0.0.1", "a=127.0.0.1:0");
    try {
        ConnectionRules::parse_connect_to(bad);
        FAIL("taken: " << bad);
    } catch (const Error& error) {
        CHECK(error.code() == errors::usage);
        CHECK(error.causes() == std::vector<std::string>{"\"" + bad + "\" isn't host:port=address:port"});
    }
}

TEST_CASE("where a connection goes") {
    ConnectionRules rules{.connect_to = {{"api.example.org:443", "127.0.0.1:8443"},
                                         {"188.34.198.57", "172.30.0.2"},
                                         {"188.34.198.57:23", "172.30.0.9:2323"},
                                         {"2001:db8::1", "::1"}}};
    SECTION("everywhere") {
        CHECK(where(rules, "other.example.org", 443) == "other.example.org:443");
    }
    SECTION("loopback only") {
        rules.loopback_only = true;
        CHECK(where(rules, "other.example.org", 443) ==
              "KAVI-E0906 other.example.org:443 may not be contacted");
        CHECK(where(rules, "api.example.org", 80) == "KAVI-E0906 api.example.org:80 may not be contacted");
        CHECK(where(rules, "10.1.2.3", 22) == "KAVI-E0906 10.1.2.3:22 may not be contacted");
        CHECK(where(rules, "localhost.example.org", 22) ==
              "KAVI-E0906 localhost.example.org:22 may not be contacted");
        CHECK(where(rules, "localhost", 22) == "localhost:22");
        CHECK(where(rules, "127.9.9.9", 22) == "127.9.9.9:22");
        CHECK(where(rules, "::1", 22) == "[::1]:22");
    }
    CHECK(where(rules, "API.example.org", 443) == "127.0.0.1:8443 mapped");
    CHECK(where(rules, "188.34.198.57", 22) == "172.30.0.2:22 mapped");
    CHECK(where(rules, "188.34.198.57", 23) == "172.30.0.9:2323 mapped");
    CHECK(where(rules, "2001:DB8:0::1", 7) == "[::1]:7 mapped");
}

TEST_CASE("what is dialled is loopback or an address that the map leads to") {
    const ConnectionRules rules{.connect_to = {{"a:1", "172.30.0.2:2"}, {"b", "[2001:db8::2]"}}};

    struct Case {
        const char* address;
        bool expected;
    };

    const auto c = GENERATE(values<Case>({
        {"127.0.0.1", true},
        {"127.255.0.3", true},
        {"::1", true},
        {"::ffff:127.0.0.1", true},
        {"172.30.0.2", true},
        {"::ffff:172.30.0.2", true},
        {"2001:db8::2", true},
        {"172.30.0.3", false},
        {"0.0.0.0", false},
        {"::", false},
        {"128.0.0.1", false},
        {"169.254.169.254", false},
        {"2001:db8::3", false},
    }));
    CAPTURE(c.address);
    CHECK(allowed(rules, c.address) == c.expected);
}

#include "estate.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/net/curl_transport.hpp>
#include <kavi/secrets/infisical_source.hpp>

#include <support/catch.hpp>

using namespace secrets_test;

// The client through the real transport, against both ages of the server.

namespace {

struct Connected {
    Estate estate;
    net::CurlTransport transport{{.rules = {.loopback_only = true}}};
    api::Infisical client;
    secrets::InfisicalSource source{client, {.project = "infrastructure", .environment = "prod"}};

    explicit Connected(lab::InfisicalAge age)
        : estate(age),
          client(transport,
                 estate.apis().url("infisical"),
                 api::InfisicalUniversalAuth{"kavi-id", Secret("canary-client-secret")}) {}
};

lab::InfisicalAge each_age() {
    return GENERATE(lab::InfisicalAge::july_2026, lab::InfisicalAge::june_2025);
}

}  // namespace

TEST_CASE("folders come with imports and references resolved, from either age of the server", "[infisical]") {
    Connected world(each_age());
    const std::vector<std::string> wanted{"/app", "/infra", "/gone"};
    const auto found = world.source.folders(wanted, {});
    REQUIRE(found.size() == 2);
    CHECK(found.at("/app").at("URL").reveal() == "https://app.test/$x");
    CHECK(found.at("/app").at("HOST").reveal() == "app.test");
    CHECK(found.at("/app").at("IMPORTED").reveal() == "from shared");
    CHECK(found.at("/infra").at("PEM").reveal() == "-----BEGIN X-----\nabc\n-----END X-----\n");
}

TEST_CASE("what is written is read back, and what is deleted is gone, on either age of the server",
          "[infisical]") {
    Connected world(each_age());
    const auto id = world.source.project({}).id;
    world.client.set(id, "prod", "/new/folder", {{"A", Secret("1")}, {"B C", Secret("\"$x\"\nüñ\n")}}, {});
    world.client.set(id, "prod", "/new/folder", {{"A", Secret("2")}}, {});
    auto listing = world.client.list(id, "prod", {.folder = "/new/folder", .expand = false}, {});
    REQUIRE(listing);
    auto values = api::merged(std::move(*listing));
    CHECK(values.at("A").reveal() == "2");
    CHECK(values.at("B C").reveal() == "\"$x\"\nüñ\n");
    world.client.unset(id, "prod", "/new/folder", {"B C"}, {});
    values = api::merged(*world.client.list(id, "prod", {.folder = "/new/folder", .expand = false}, {}));
    CHECK(values.size() == 1);
}

TEST_CASE("an unchanged folder costs a 304 and no body", "[infisical]") {
    Connected world(lab::InfisicalAge::july_2026);
    const auto id = world.source.project({}).id;
    const auto first = world.client.list_if_changed(id, "prod", {.folder = "/infra"}, {});
    REQUIRE(first.listing);
    api::InfisicalQuery again{.folder = "/infra", .etag = first.listing->etag};
    CHECK(world.client.list_if_changed(id, "prod", again, {}).unchanged);
    world.client.set(id, "prod", "/infra", {{"HCLOUD_TOKEN", Secret("other")}}, {});
    CHECK_FALSE(world.client.list_if_changed(id, "prod", again, {}).unchanged);
}

TEST_CASE("a wrong client secret asks once, and says so", "[infisical]") {
    Connected world(lab::InfisicalAge::july_2026);
    api::Infisical wrong(world.transport,
                         world.estate.apis().url("infisical"),
                         api::InfisicalUniversalAuth{"kavi-id", Secret("no")});
    CHECK_THROWS_WITH(wrong.project("infrastructure", {}),
                      "Infisical at " + world.estate.apis().url("infisical") + " refused the login");
    CHECK(world.estate.requests() == std::vector<std::string>{"POST /api/v1/auth/universal-auth/login"});
}

TEST_CASE("faults on the wire come out as errors, not as empty folders", "[infisical][faults]") {
    struct Case {
        const char* name;
        lab::Fault fault;
        ErrorCode code;
    };

    lab::Fault list{.api = "infisical", .method = "GET", .path = "/api/v4/secrets"};
    auto failing = list, broken = list, cut = list, reset = list, limited = list;
    failing.status = 503;
    broken.malformed = true;
    cut.truncate = 20;
    reset.reset = true;
    limited.status = 429;
    limited.error = "RateLimitExceeded";
    const std::vector<Case> cases{{"503", failing, errors::secrets_unavailable},
                                  {"malformed", broken, errors::secrets_unavailable},
                                  {"truncated", cut, errors::secrets_unavailable},
                                  {"reset", reset, errors::secrets_unavailable},
                                  {"429", limited, errors::secrets_unavailable}};
    Connected world(lab::InfisicalAge::july_2026);
    for (const auto& c : cases) {
        CAPTURE(c.name);
        world.estate.apis().clear_faults();
        world.estate.apis().add_fault(c.fault);
        try {
            world.source.folders(std::vector<std::string>{"/infra"}, {});
            FAIL_CHECK("nothing was thrown");
        } catch (const Error& error) {
            CHECK(error.code() == c.code);
        }
    }
}

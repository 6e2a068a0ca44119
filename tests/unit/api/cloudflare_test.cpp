#include "scripted_transport.hpp"

#include <kavi/api/cloudflare.hpp>
#include <kavi/base/text.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::api;
using namespace std::chrono_literals;

namespace {

Json success(const Json& result) {
    return {{"success", true}, {"errors", Json::array()}, {"messages", Json::array()}, {"result", result}};
}

Json failure(int code, const std::string& message, const Json& more = Json::object()) {
    Json error{{"code", code}, {"message", message}};
    error.update(more);
    return {{"success", false},
            {"errors", Json::array({error})},
            {"messages", Json::array()},
            {"result", nullptr}};
}

struct Fixture {
    ScriptedTransport transport;
    ManualClock clock{std::chrono::system_clock::time_point(1h)};
    CloudflareClient client{transport, clock, options()};
    std::chrono::steady_clock::time_point began = clock.steady();

    static CloudflareClient::Options options() {
        CloudflareClient::Options options;
        options.base_url = "http://127.0.0.1:1/v1/";
        options.token = Secret(" a-token\n");
        return options;
    }

    std::chrono::seconds waited() const {
        return std::chrono::duration_cast<std::chrono::seconds>(clock.steady() - began);
    }

    /// "KAVI-E0402 Cloudflare refused to …: why": what a look-up came to.
    std::string failure_of_look_up() {
        try {
            client.zones_named("kua.cl", {});
        } catch (const Error& error) {
            return std::string(error.code().id) + " " + error.message() + ": " + join(error.causes(), "; ");
        }
        return "went well";
    }

    std::vector<CloudflareRecord> list() {
        std::vector<CloudflareRecord> records;
        client.list_records(
            "z",
            [&](std::size_t) { records.clear(); },
            [&](CloudflareRecord one) { records.push_back(std::move(one)); },
            {});
        return records;
    }
};

Json page(const Json& records, std::size_t total) {
    auto json = success(records);
    json["result_info"] = {{"total_count", total}};
    return json;
}

}  // namespace

TEST_CASE("Cloudflare: the token is trimmed and the zone's facts are read, old and new") {
    Fixture fixture;
    fixture.transport.then(
        200,
        success(Json::array({{{"id", "1"},
                              {"name", "Kua.cl"},
                              {"status", "pending"},
                              {"paused", true},
                              {"type", "partial"},
                              {"account", {{"id", "a"}}},
                              {"plan", {{"legacy_id", "pro"}}},
                              {"name_servers", {"ada", "bob"}}},
                             {{"id", "2"}, {"name", "kua.cl"}, {"name_servers", nullptr}}})));
    const auto zones = fixture.client.zones_named("kua.cl", {});
    REQUIRE(zones.size() == 2);
    CHECK((zones[0].name == "kua.cl" && zones[0].plan == "pro" && zones[0].paused &&
           zones[0].status == "pending" && zones[0].account_id == "a"));
    CHECK((zones[1].plan == "free" && zones[1].type == "full" && zones[1].status == "active"));
    CHECK(fixture.transport.lines() == std::vector<std::string>{"GET /zones?name=kua.cl&per_page=50"});
    CHECK(fixture.transport.asked[0].headers[0].value == "Bearer a-token");
    CHECK(cloudflare_batch_limit("free") == 200);
    CHECK(cloudflare_batch_limit("enterprise") == 3500);
    CHECK(cloudflare_batch_limit("something new") == 200);
}

TEST_CASE("Cloudflare: refusals say what and why, wrapped or not") {
    struct Case {
        int status;
        Json body;
        std::string expected;
    };

    const std::vector<Case> cases{
        {400,
         failure(1004,
                 "DNS Validation Error",
                 {{"error_chain", Json::array({{{"code", 9021}, {"message", "Invalid TTL"}}})}}),
         "KAVI-E0402 Cloudflare refused to look up the zone kua.cl: Invalid TTL (code 9021)"},
        {400,
         failure(9005, "no IPv4", {{"source", {{"pointer", "/content"}}}}),
         "KAVI-E0402 Cloudflare refused to look up the zone kua.cl: no IPv4 at /content (code 9005)"},
        {400,
         failure(6003,
                 "Invalid request headers",
                 {{"error_chain",
                   Json::array({{{"code", 6111}, {"message", "Invalid format for Authorization header"}}})}}),
         "KAVI-E0202 Cloudflare refused the token when asked to look up the zone kua.cl: Invalid format for "
         "Authorization header (code 6111)"},
        {401,
         failure(10000, "Authentication error"),
         "KAVI-E0202 Cloudflare refused the token when asked to look up the zone kua.cl: Authentication "
         "error (code 10000)"},
        {403,
         failure(9109, "Invalid access token"),
         "KAVI-E0202 Cloudflare refused the token when asked to look up the zone kua.cl: Invalid access "
         "token (code 9109)"},
        {403,
         failure(10000, "Authentication error"),
         "KAVI-E0203 the Cloudflare token may not look up the zone kua.cl: Authentication error (code "
         "10000)"},
        {404,
         "not an envelope",
         "KAVI-E0402 Cloudflare refused to look up the zone kua.cl: no reason given (code 0)"},
        {200,
         failure(1000, "odd"),
         "KAVI-E0905 Cloudflare didn't answer properly when asked to look up the zone kua.cl: HTTP 200"},
    };
    for (const auto& one : cases) {
        INFO(one.body);
        Fixture fixture;
        fixture.transport.then(one.status, one.body);
        CHECK(fixture.failure_of_look_up() == one.expected);
        CHECK(fixture.waited() == 0s);
    }
}

TEST_CASE("Cloudflare: reads are repeated, as often and as late as makes sense") {
    Fixture fixture;
    const auto zones = success(Json::array());
    SECTION("pages of a proxy, broken connections, cut bodies") {
        fixture.transport.then_text(502, "<html>")
            .then_breaks(true)
            .then_text(200, "{\"success\":tr")
            .then(200, zones);
        CHECK(fixture.failure_of_look_up() == "went well");
        CHECK(fixture.waited() == 7s);
    }
    SECTION("four times in all") {
        fixture.transport.then_text(503, "").then_text(503, "").then_text(503, "").then_text(503, "");
        CHECK(fixture.failure_of_look_up() ==
              "KAVI-E0905 Cloudflare didn't answer properly when asked to look up the zone kua.cl: HTTP 503");
        CHECK(fixture.transport.exhausted());
    }
    SECTION("429 with Retry-After, with the budget's headers, with neither") {
        fixture.transport.then(429, Json::object(), {{"Retry-After", "30"}})
            .then(429, Json::object(), {{"ratelimit", "\"default\";r=0;t=50"}})
            .then(429, Json::object())
            .then(200, zones);
        CHECK(fixture.failure_of_look_up() == "went well");
        CHECK(fixture.waited() == 30s + 50s + 4s);
    }
    SECTION("a wait beyond the window isn't waited for") {
        fixture.transport.then(429, Json::object(), {{"Retry-After", "86400"}});
        CHECK(fixture.failure_of_look_up().starts_with("KAVI-E0905 Cloudflare's rate limit stopped kavi"));
        CHECK(fixture.waited() == 0s);
    }
    SECTION("a spent budget holds the next call back, anything else doesn't") {
        fixture.transport.then(200, zones, {{"Ratelimit", "\"default\";r=5;t=100"}})
            .then(200, zones, {{"Ratelimit", "nonsense"}})
            .then(200, zones, {{"Ratelimit", "\"default\";r=0;t=12"}})
            .then(200, zones);
        for (int i = 0; i < 3; ++i) fixture.failure_of_look_up();
        CHECK(fixture.waited() == 0s);
        fixture.failure_of_look_up();
        CHECK(fixture.waited() == 12s);
    }
}

TEST_CASE("Cloudflare: pages are put together only where they fit") {
    Fixture fixture;
    const auto record = [](const std::string& id) {
        return Json{{"id", id}, {"type", "A"}, {"name", "a"}, {"content", "192.0.2.1"}};
    };
    SECTION("an empty zone is one page") {
        fixture.transport.then(200, page(Json::array(), 0));
        CHECK(fixture.list().empty());
        CHECK(fixture.transport.lines() ==
              std::vector<std::string>{"GET /zones/z/dns_records?page=1&per_page=5000"});
    }
    SECTION("a record that shows on two pages, then a page that is one short, then well") {
        Json first = Json::array();
        for (int i = 0; i < 5000; ++i) first.push_back(record(std::to_string(i)));
        fixture.transport.then(200, page(first, 5001)).then(200, page(Json::array({record("4999")}), 5001));
        fixture.transport.then(200, page(first, 5001)).then(200, page(Json::array(), 5000));
        fixture.transport.then(200, page(first, 5001)).then(200, page(Json::array({record("x")}), 5001));
        CHECK(fixture.list().size() == 5001);
        CHECK(fixture.transport.exhausted());
    }
    SECTION("entries that are no records") {
        for (int i = 0; i < 4; ++i) fixture.transport.then(200, page(Json::array({7, nullptr}), 2));
        CHECK_THROWS_WITH(fixture.list(), "the zone changes faster than it can be listed");
    }
    SECTION("numbers as text, absent and null members") {
        fixture.transport.then(200,
                               page(Json::array({{{"id", "1"},
                                                  {"type", "CAA"},
                                                  {"name", "a"},
                                                  {"ttl", "300"},
                                                  {"comment", nullptr},
                                                  {"tags", nullptr},
                                                  {"settings", {{"flatten_cname", false}}},
                                                  {"priority", 5.0},
                                                  {"meta", {{"read_only", true}}}}}),
                                    1));
        const auto records = fixture.list();
        REQUIRE(records.size() == 1);
        CHECK((records[0].ttl == 300 && records[0].comment.empty() && records[0].tags.empty() &&
               records[0].settings.is_null()));
        CHECK((records[0].read_only && records[0].priority == 5 && !records[0].proxied));
    }
}

TEST_CASE("Cloudflare: a batch is applied, refused, or nobody knows") {
    Fixture fixture;
    CloudflareBatch batch;
    batch.deletes = {"d"};
    batch.patches.push_back({.id = "p",
                             .type = "A",
                             .name = "a.kua.cl",
                             .ttl = 1,
                             .content = "192.0.2.1",
                             .proxied = true,
                             .comment = ""});
    const auto answer = [&] { return fixture.client.batch("z", batch, {}); };
    SECTION("applied") {
        fixture.transport.then(200,
                               success({{"deletes", Json::array()},
                                        {"patches", Json::array({{{"id", "p"}, {"proxied", true}}})},
                                        {"posts", nullptr}}));
        const auto applied = answer();
        REQUIRE(std::holds_alternative<BatchApplied>(applied));
        CHECK(std::get<BatchApplied>(applied).patches.at(0).id == "p");
        CHECK(Json::parse(fixture.transport.asked[0].body) == Json({{"deletes", {{{"id", "d"}}}},
                                                                    {"patches",
                                                                     {{{"id", "p"},
                                                                       {"type", "A"},
                                                                       {"name", "a.kua.cl"},
                                                                       {"ttl", 1},
                                                                       {"content", "192.0.2.1"},
                                                                       {"proxied", true},
                                                                       {"comment", ""}}}}}));
    }
    SECTION("refused, with its code") {
        fixture.transport.then(
            400,
            failure(81058, "An identical record already exists.", {{"source", {{"pointer", "/posts/0"}}}}));
        const auto refused = answer();
        REQUIRE(std::holds_alternative<BatchRefused>(refused));
        CHECK(std::get<BatchRefused>(refused).code == 81058);
        CHECK(std::get<BatchRefused>(refused).pointer == "/posts/0");
    }
    SECTION("never repeated where it may have been carried out") {
        const auto unknown = [&] {
            const auto result = answer();
            CHECK(fixture.transport.exhausted());
            return std::holds_alternative<BatchUnknown>(result);
        };
        fixture.transport.then_breaks(true);
        CHECK(unknown());
        fixture.transport.then_text(503, "");
        CHECK(unknown());
        fixture.transport.then_text(200, "{\"success\":tr");
        CHECK(unknown());
        fixture.transport.then(200, Json{{"success", true}});
        CHECK(unknown());
        CHECK(fixture.waited() == 0s);
    }
    SECTION("repeated after 429 and where no byte left") {
        fixture.transport.then(429, Json::object(), {{"Retry-After", "3"}})
            .then_breaks(false)
            .then(200, success({{"patches", Json::array()}}));
        CHECK(std::holds_alternative<BatchApplied>(answer()));
        CHECK(fixture.waited() == 4s);
    }
}

TEST_CASE("Cloudflare: tokens of users and accounts, quotas and settings") {
    Fixture fixture;
    fixture.transport.then(200, success({{"status", "active"}}))
        .then(401, failure(1000, "Invalid API Token"));
    CHECK(fixture.client.verify_user_token({}));
    CHECK_FALSE(fixture.client.verify_user_token({}));
    fixture.transport.then(200, success({{"status", "expired"}}));
    CHECK_THROWS_WITH(fixture.client.verify_account_token("a", {}), "the Cloudflare token is expired");
    fixture.transport.then(200, success({{"record_quota", nullptr}, {"record_usage", 7}}))
        .then(200, success({{"record_quota", 200}, {"record_usage", 7}}));
    CHECK_FALSE(fixture.client.usage("z", {}).quota);
    CHECK(fixture.client.usage("z", {}).quota == 200);
    fixture.transport.then(200, success({{"value", "full"}}))
        .then(200, success({{"value", "strict"}}))
        .then(200, success({{"value", "full"}}));
    CHECK(fixture.client.setting("z", "ssl", {}) == "full");
    fixture.client.change_setting("z", "ssl", "strict", {});
    CHECK_THROWS_WITH(fixture.client.change_setting("z", "ssl", "strict", {}),
                      "Cloudflare kept the setting ssl as it was");
}

#include "world.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/process.hpp>

#include <cstdlib>
#include <set>

#include <support/catch.hpp>

using namespace dns_test;
using namespace std::chrono_literals;

namespace {

constexpr auto look_up = "GET /zones", list = "GET /zones/ID/dns_records",
               usage = "GET /zones/ID/dns_records/usage", verify = "GET /user/tokens/verify",
               batch = "POST /zones/ID/dns_records/batch";

using Requests = std::vector<std::string>;

Requests sorted(Requests requests) {
    std::ranges::sort(requests);
    return requests;
}

std::string address(std::size_t i) {
    return "198.51." + std::to_string(i / 250 % 250) + "." + std::to_string(1 + i % 250);
}

std::vector<model::DeclaredRecord> many(std::size_t count) {
    std::vector<model::DeclaredRecord> records;
    for (std::size_t i = 0; i < count; ++i)
        records.push_back(record("A", "host-" + std::to_string(i), address(i)));
    return records;
}

std::vector<std::string> lines_of(const std::vector<model::DeclaredRecord>& records) {
    std::vector<std::string> lines;
    for (const auto& one : records)
        lines.push_back(one.type + " " + one.name + ".kua.cl " + *one.content + " " +
                        std::to_string(one.ttl.value_or(1)) + " ; kavi:kavi");
    std::ranges::sort(lines);
    return lines;
}

std::vector<std::string> lines_of_turn(const World& world, int turn) {
    auto records = world.estate.records;
    records.pop_back();
    auto lines = lines_of(records);
    lines.push_back("TXT turn-" + std::to_string(turn) + ".kua.cl \"x\" 1 ; kavi:kavi");
    std::ranges::sort(lines);
    return lines;
}

/// What the lab's request log says of one sync, which must go well.
Requests requests_of_sync(World& world, int changes) {
    return world.requests_of([&] {
        const auto report = world.sync();
        CHECK(report.exit() == Exit::ok);
        CHECK(report.count(run::Done::How::done) == changes);
    });
}

void repeat(Requests& requests, const char* what, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) requests.emplace_back(what);
}

}  // namespace

TEST_CASE("dns sync makes as few calls as the API allows, at 10, 1,000 and 10,000 records") {
    for (const std::size_t count : {10U, 1000U, 10000U}) {
        INFO(count);
        World world("enterprise");
        const auto pages = (count + 4999) / 5000, batches = (count + 3499) / 3500;
        const auto whole = static_cast<int>(count);
        world.estate.records = many(count);

        Requests expected{verify, look_up, list, usage};
        repeat(expected, batch, batches);
        CHECK(requests_of_sync(world, whole) == sorted(expected));  // all created
        CHECK(world.stranger->lines() == lines_of(world.estate.records));

        expected = {verify, look_up};
        repeat(expected, list, pages);
        CHECK(requests_of_sync(world, 0) == sorted(expected));  // nothing changed

        world.estate.records[count / 2].content = "203.0.113.7";
        expected.emplace_back(batch);
        CHECK(requests_of_sync(world, 1) == sorted(expected));  // one changed
        CHECK(world.stranger->lines() == lines_of(world.estate.records));

        for (auto& one : world.estate.records) one.ttl = 600;
        expected.pop_back();
        repeat(expected, batch, batches);
        CHECK(requests_of_sync(world, whole) == sorted(expected));  // all changed
        CHECK(world.stranger->lines() == lines_of(world.estate.records));
    }
}

TEST_CASE("dns sync reads each declared setting once and writes what differs") {
    World world;
    auto& zone = world.estate.zones["kua.cl"];
    zone.ssl = "strict";
    zone.always_use_https = false;
    const Requests reads{
        verify, look_up, list, "GET /zones/ID/settings/ssl", "GET /zones/ID/settings/always_use_https"};
    auto expected = reads;
    expected.emplace_back("PATCH /zones/ID/settings/ssl");
    CHECK(requests_of_sync(world, 1) == sorted(expected));
    CHECK(requests_of_sync(world, 0) == sorted(reads));
}

TEST_CASE("dns sync checks an account's token with one call more") {
    World world("free", [](lab::LabApisConfig& config) {
        config.cloudflare.account_token = "account-token-0123456789abcdefghijklmnop";
    });
    world.client = std::make_unique<api::CloudflareClient>(
        world.transport, world.clock, access(world.base_url, " account-token-0123456789abcdefghijklmnop\n"));
    auto requests = requests_of_sync(world, 0);
    CHECK(requests == sorted({verify, "GET /accounts/ID/tokens/verify", look_up, list}));
}

TEST_CASE("dns sync names what is wrong with a token, a zone, a quota") {
    const auto failure = [](World& world) {
        try {
            world.sync();
        } catch (const Error& error) {
            return std::string(error.code().id) + " " + error.message();
        }
        return std::string("went well");
    };
    World world("free");
    SECTION("wrong token") {
        world.client = std::make_unique<api::CloudflareClient>(
            world.transport, world.clock, access(world.base_url, "wrong"));
        CHECK(failure(world) ==
              "KAVI-E0202 Cloudflare refused the token when asked to look up the zone kua.cl");
    }
    SECTION("malformed token") {
        world.client = std::make_unique<api::CloudflareClient>(
            world.transport, world.clock, access(world.base_url, "\"quoted\""));
        CHECK(failure(world).starts_with("KAVI-E0202 Cloudflare refused the token"));
    }
    SECTION("no such zone") {
        world.estate.zones["kua.de"] = {.name = "kua.de"};
        CHECK(failure(world) == "KAVI-E0203 the Cloudflare token sees no zone kua.de");
    }
    SECTION("no right to read") {
        world.apis.add_fault(
            {.api = "cloudflare", .path = world.stranger->path("/dns_records"), .status = 403});
        CHECK(failure(world) == "KAVI-E0203 the Cloudflare token may not list the zone's records");
    }
    SECTION("quota") {
        world.estate.records = many(201);
        CHECK(failure(world) == "KAVI-E0401 201 more records don't fit into kua.cl");
        CHECK(world.stranger->lines().empty());
    }
    SECTION("a dead server") {
        world.client = std::make_unique<api::CloudflareClient>(
            world.transport, world.clock, access("http://127.0.0.1:9", "x"));
        CHECK(failure(world).starts_with("KAVI-E0905"));
    }
}

TEST_CASE("dns sync survives what an API can do") {
    struct Case {
        std::string name;
        lab::Fault fault;
        bool converges_at_once = true;
    };

    World world;
    const auto below = [&](const char* path) { return world.stranger->path(path); };
    const std::vector<std::string> reads{
        "/zones", below("/dns_records"), below("/settings/ssl"), below("/dns_records/usage")};
    std::vector<Case> cases;
    for (const auto& path : reads) {
        for (const int status : {429, 500, 502, 503, 504})
            cases.push_back(
                {std::to_string(status) + " on " + path,
                 {.api = "cloudflare", .method = "GET", .path = path, .times = 2, .status = status}});
        cases.push_back({"429, Retry-After, on " + path,
                         {.api = "cloudflare",
                          .method = "GET",
                          .path = path,
                          .times = 1,
                          .status = 429,
                          .retry_after = 120}});
        cases.push_back({"reset on " + path,
                         {.api = "cloudflare", .method = "GET", .path = path, .times = 2, .reset = true}});
        cases.push_back({"truncated " + path,
                         {.api = "cloudflare", .method = "GET", .path = path, .times = 2, .truncate = 20}});
        cases.push_back(
            {"malformed " + path,
             {.api = "cloudflare", .method = "GET", .path = path, .times = 2, .malformed = true}});
        cases.push_back({"too slow: " + path,
                         {.api = "cloudflare", .method = "GET", .path = path, .times = 1, .delay = 600ms}});
    }
    const auto changes = below("/dns_records/batch");
    for (const bool done : {false, true}) {
        const auto how = done ? " (carried out)" : "";
        for (const int status : {500, 502, 503, 504})
            cases.push_back(
                {std::to_string(status) + " on batch" + how,
                 {.api = "cloudflare", .path = changes, .times = 1, .status = status, .carried_out = done}});
        cases.push_back(
            {std::string("reset on batch") + how,
             {.api = "cloudflare", .path = changes, .times = 1, .reset = true, .carried_out = done}});
    }
    cases.push_back({"429 on batch",
                     {.api = "cloudflare", .path = changes, .times = 2, .status = 429, .retry_after = 60}});
    cases.push_back({"truncated batch", {.api = "cloudflare", .path = changes, .times = 1, .truncate = 30}});
    cases.push_back(
        {"malformed batch", {.api = "cloudflare", .path = changes, .times = 1, .malformed = true}});
    cases.push_back({"slow batch", {.api = "cloudflare", .path = changes, .times = 1, .delay = 600ms}});
    cases.push_back({"the batch fails for good",
                     {.api = "cloudflare", .path = changes, .times = 3, .status = 503},
                     false});

    auto options = access(world.base_url, world.token);
    options.timeout = 300ms;
    world.client = std::make_unique<api::CloudflareClient>(world.transport, world.clock, std::move(options));
    world.estate.records = many(5);
    world.sync();
    int turn = 0;
    for (auto& one : cases) {
        INFO(one.name);
        // Something to create, to change, to delete and to set, each time.
        ++turn;
        world.estate.records = many(5);
        world.estate.records[0].content = "203.0.113." + std::to_string(turn);
        world.estate.records.push_back(record("TXT", "turn-" + std::to_string(turn), "x"));
        world.estate.zones["kua.cl"].ssl = turn % 2 == 0 ? "strict" : "full";
        world.apis.add_fault(one.fault);
        const auto report = world.sync();
        CHECK((report.exit() == Exit::ok) == one.converges_at_once);
        world.apis.clear_faults();
        if (!one.converges_at_once) {
            const auto failed = std::ranges::find(report.actions, run::Done::How::failed, &run::Done::how);
            REQUIRE(failed != report.actions.end());
            CHECK(failed->error->message() == "Cloudflare didn't make the change");
            CHECK_THAT(join(failed->error->causes(), "; "),
                       ContainsSubstring("everything is as it was before"));
            CHECK(world.sync().exit() == Exit::ok);
        }
        CHECK(world.stranger->lines() == lines_of_turn(world, turn));
        CHECK(world.plan().plan.empty());
    }
}

TEST_CASE("several zones go side by side: one that fails leaves the others done, and exit 5") {
    World world("free",
                [](lab::LabApisConfig& config) { config.cloudflare.zones.push_back({.name = "kua.de"}); });
    world.estate.zones["kua.de"] = {.name = "kua.de"};
    world.estate.records = {record("A", "a", "192.0.2.1"), record("A", "b", "192.0.2.2")};
    world.estate.records[1].zone = "kua.de";
    const auto first_zone = world.stranger->path("/dns_records/batch");
    world.apis.add_fault({.api = "cloudflare", .path = first_zone, .times = 1, .status = 400});
    const auto report = world.sync();
    CHECK(report.exit() == Exit::partial);
    CHECK(report.count(run::Done::How::done) == 1);
    CHECK(world.stranger->lines().empty());

    Requests expected{verify, look_up, look_up, list, list, usage, batch};
    CHECK(requests_of_sync(world, 1) == sorted(expected));
    CHECK(world.stranger->lines() == std::vector<std::string>{"A a.kua.cl 192.0.2.1 1 ; kavi:kavi"});
    CHECK(world.plan().plan.empty());
}

TEST_CASE("dns sync waits as long as a 429 says, and when the budget is spent") {
    World world;
    world.apis.add_fault(
        {.api = "cloudflare", .path = "/zones", .times = 1, .status = 429, .retry_after = 120});
    world.sync();
    CHECK(world.clock.leapt() >= 120s);
    CHECK(world.clock.leapt() < 200s);
}

TEST_CASE("a zone that changes between its pages is listed again") {
    World world("enterprise");
    world.apis.seed(5001, 0);

    class Meddling final : public net::Transport {
      public:
        explicit Meddling(World& world) : world_(world) {}

        net::Response send(const net::Request& request, std::stop_token stop) override {
            auto response = world_.transport.send(request, stop);
            const bool first_page = request.url.find("dns_records?page=1&") != std::string::npos;
            if (first_page && times-- > 0) world_.stranger->remove(victim);
            return response;
        }

        int times = 1;
        std::string victim;

      private:
        World& world_;
    } meddling(world);

    meddling.victim = world.stranger->all()[0]["id"];

    api::CloudflareClient client(meddling, world.clock, access(world.base_url, world.token));
    const auto seen = ops::observe_dns(client, ops::zone_questions(world.estate, {}), {});
    CHECK(seen.at("kua.cl").records.size() == 5000);
    std::set<std::string> ids;
    for (const auto& one : seen.at("kua.cl").records) ids.insert(one.id);
    CHECK(ids.size() == 5000);
}

TEST_CASE(
    "a writer between looking and changing is noticed, nothing is half made, and the next run converges") {
    World world;
    world.estate.records = many(3);
    world.sync();
    world.estate.records[0].content = "203.0.113.1";
    world.estate.records.push_back(record("TXT", "new", "x"));
    const auto plan = world.plan();
    run::NoBoundary nothing;
    SECTION("the record that was to change is gone") {
        world.stranger->remove(world.stranger->find("A", "host-0.kua.cl")["id"]);
    }
    SECTION("the record that was to be made is there") {
        world.stranger->add({{"type", "TXT"}, {"name", "new"}, {"content", "\"x\""}, {"ttl", 1}});
    }
    SECTION("an alias stands there") {
        world.stranger->remove(world.stranger->find("A", "host-0.kua.cl")["id"]);
        world.stranger->add({{"type", "CNAME"},
                             {"name", "host-0"},
                             {"content", "example.net"},
                             {"ttl", 1},
                             {"comment", "kavi:kavi"}});
    }
    const auto before = world.stranger->lines();
    const auto report = world.apply(plan, nothing);
    CHECK(report.count(run::Done::How::failed) == 2);
    CHECK_THAT(join(report.actions[0].error->causes(), "; "),
               ContainsSubstring("somebody else changed the zone since kavi looked at it"));
    CHECK(world.stranger->lines() == before);
    CHECK(world.sync().exit() == Exit::ok);
    CHECK(world.plan().plan.empty());
}

TEST_CASE("a run is taken back with one batch") {
    World world;
    world.estate.records = {record("A", "a", "192.0.2.1"),
                            record("TXT", "t", "old \"text\" \xc3\xa9"),
                            record("CNAME", "c", "example.net")};
    world.estate.records[2].proxied = true;
    world.sync();
    world.stranger->change(world.stranger->find("CNAME", "c.kua.cl")["id"],
                           {{"type", "CNAME"}, {"name", "c"}, {"ttl", 1}, {"tags", {"team:web"}}});
    const auto before = world.stranger->lines();

    const auto file = world.folder.path() / "runs/1/dns.jsonl";
    ops::ImageFile images(file);
    world.images = &images;
    world.estate.records = {record("A", "a", "192.0.2.2"),
                            record("A", "c", "192.0.2.3"),
                            record("MX", "@", "10 mail.example.net")};
    CHECK(world.sync().exit() == Exit::ok);
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms(0777)) ==
          std::filesystem::perms(0600));

    const auto kept = ops::read_images(file);
    CHECK(kept.size() == 5);
    const auto undo = [&] {
        return ops::plan_undo(kept, ops::observe_dns(*world.client, ops::zones_of(kept), {}));
    };
    run::NoBoundary nothing;
    SECTION("at once") {
        const auto plan = undo();
        CHECK(plan.refusals.empty());
        const auto requests =
            world.requests_of([&] { CHECK(world.apply(plan, nothing).exit() == Exit::ok); });
        CHECK(requests == Requests{batch});
        CHECK(world.stranger->lines() == before);
        CHECK(world.stranger->find("CNAME", "c.kua.cl")["tags"] == Json{"team:web"});
        CHECK(undo().plan.empty());  // a second time there is nothing to do
    }
    SECTION("not after somebody changed it") {
        world.stranger->change(world.stranger->find("MX", "kua.cl")["id"],
                               {{"type", "MX"}, {"name", "@"}, {"ttl", 1}, {"priority", 20}});
        const auto plan = undo();
        REQUIRE(plan.refusals.size() == 1);
        CHECK(plan.refusals[0].message() == "MX kua.cl isn't what that run left");
    }
    SECTION("of a file that was cut off") {
        auto text = read_file(file);
        write_file_atomic(file, text.substr(0, text.size() - 40), 0600);
        CHECK(ops::read_images(file).size() == 5);
    }
}

TEST_CASE("[child] a sync that may be killed", "[.][dns-child]") {
    const auto* url = std::getenv("DNS_TEST_URL");
    const auto* token = std::getenv("DNS_TEST_TOKEN");
    const auto* where = std::getenv("DNS_TEST_CRASH");
    REQUIRE((url && token && where));
    SystemClock clock;
    net::CurlTransport transport{net::CurlOptions{.rules = {.loopback_only = true}}};
    api::CloudflareClient client(transport, clock, access(url, token));
    auto estate = small_estate();
    estate.records = many(450);
    for (auto& one : estate.records) one.ttl = 600;
    const auto plan =
        ops::plan_dns(estate, {}, {}, ops::observe_dns(client, ops::zone_questions(estate, {}), {}));
    ops::NoImages images;
    ops::DnsHandler handler(client, clock, images);
    run::Listener listener;
    const auto boundary = run::crash_boundary(where);
    run::execute(plan.plan, {{"dns", &handler}}, *boundary, listener, clock, {});
}

TEST_CASE("SIGKILL between the steps of a sync: what was done is whole, and the next run finishes") {
    World world("free", [](lab::LabApisConfig& config) { config.cloudflare.zones[0].quota = 1000; });
    const auto plain = many(450);
    auto slow = plain;
    for (auto& one : slow) one.ttl = 600;
    world.estate.records = plain;
    REQUIRE(world.sync().exit() == Exit::ok);
    // Three batches of 200, 200 and 50; each step is an intent, an effect and a done. n counts them all.
    for (const int n : {1, 201, 401, 601, 1000, 1350}) {
        INFO(n);
        Command child{.arguments = {"/proc/self/exe", "[dns-child]"}};
        child.environment = {{"DNS_TEST_URL", world.base_url},
                             {"DNS_TEST_TOKEN", world.token},
                             {"DNS_TEST_CRASH", "*:" + std::to_string(n)}};
        CHECK(run_command(child).status == 128 + 9);
        const auto lines = world.stranger->lines();
        const auto changed = std::ranges::count_if(
            lines, [](const std::string& line) { return line.find(" 600 ;") != std::string::npos; });
        CHECK((changed == 0 || changed == 200 || changed == 400 || changed == 450));  // batches are whole
        world.estate.records = slow;
        CHECK(world.sync().exit() == Exit::ok);
        CHECK(world.stranger->lines() == lines_of(slow));
        CHECK(world.plan().plan.empty());
        world.estate.records = plain;
        CHECK(world.sync().exit() == Exit::ok);
    }
}

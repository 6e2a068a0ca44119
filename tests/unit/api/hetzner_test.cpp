#include "scripted_transport.hpp"

#include <kavi/api/hetzner.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::api;
using namespace std::chrono_literals;

namespace {

Json page(std::string_view key, const std::vector<Json>& items, const Json& next = nullptr) {
    return {{key, items}, {"meta", {{"pagination", {{"next_page", next}}}}}};
}

Json action(std::int64_t id, std::string_view status = "running", const Json& error = nullptr) {
    return {{"id", id}, {"command", "create_server"}, {"status", status}, {"error", error}};
}

Json actions(const std::vector<Json>& all) {
    return {{"actions", all}};
}

Json refusal(std::string_view code, std::string_view message = "no", const Json& details = nullptr) {
    return {{"error", {{"code", code}, {"message", message}, {"details", details}}}};
}

Json server(std::int64_t id, std::string_view estate = "kavi") {
    Json labels = Json::object();
    if (!estate.empty()) labels["kavi-estate"] = estate;
    return {{"id", id}, {"name", "bruno"}, {"status", "running"}, {"labels", labels}};
}

struct World {
    ScriptedTransport transport;
    ManualClock clock{std::chrono::system_clock::from_time_t(1795600000)};
    HetznerCloud cloud{transport, clock, {transport.base + "/", Secret("token\n")}};
    std::chrono::steady_clock::time_point began = clock.steady();

    std::chrono::milliseconds waited() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady() - began);
    }

    HetznerStarted<HetznerServer> create() { return cloud.create_server(order(), {}); }

    static HetznerServerOrder order() {
        return {.name = "bruno",
                .type = "cpx32",
                .image = "ubuntu-24.04",
                .location = "nbg1",
                .ssh_keys = {"kavi-ana"},
                .user_data = Secret("#cloud-config\n"),
                .labels = {{"kavi-estate", "kavi"}},
                .firewalls = {7},
                .ipv4 = 9};
    }
};

/// The Error that `work` throws.
template <typename Work>
Error error_from(Work work) {
    try {
        work();
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("lists are read page by page, 50 at a time, sorted by id") {
    World world;
    world.transport.then(200, page("servers", {server(1)}, 2)).then(200, page("servers", {server(2)}));
    const auto servers = world.cloud.servers({});
    REQUIRE(servers.size() == 2);
    CHECK(servers[1].id == 2);
    CHECK(world.transport.lines() == std::vector<std::string>{"GET /servers?per_page=50&page=1&sort=id",
                                                              "GET /servers?per_page=50&page=2&sort=id"});
    CHECK(world.transport.asked[0].headers[0].name == "Authorization");
    CHECK(world.transport.asked[0].body.empty());
}

TEST_CASE("a list that never ends is an error") {
    World world;
    world.transport.then(200, page("servers", {server(1)}, 1));
    CHECK(error_from([&] { world.cloud.servers({}); }).message() ==
          "Hetzner's list of servers says that page 1 comes after page 1");
}

TEST_CASE("what isn't of the expected type is left at its default") {
    const auto odd = server_from({{"id", "12"},
                                  {"name", 4},
                                  {"labels", {{"a", 1}, {"b", "c"}}},
                                  {"public_net", {{"ipv4", nullptr}, {"firewalls", "none"}}},
                                  {"server_type", "cpx32"},
                                  {"image", nullptr}});
    CHECK(odd.id == 0);
    CHECK(odd.name.empty());
    CHECK(odd.labels == Labels{{"b", "c"}});
    CHECK_FALSE(odd.ipv4);
    CHECK(odd.image.empty());
    CHECK(server_from("nonsense").id == 0);
}

TEST_CASE("the order of a server has strings and numbers where the API wants them") {
    CHECK(order_json(World::order()) ==
          Json{{"name", "bruno"},
               {"server_type", "cpx32"},
               {"image", "ubuntu-24.04"},
               {"location", "nbg1"},
               {"ssh_keys", {"kavi-ana"}},
               {"labels", {{"kavi-estate", "kavi"}}},
               {"firewalls", Json::array({{{"firewall", 7}}})},
               {"public_net", {{"enable_ipv4", true}, {"enable_ipv6", true}, {"ipv4", 9}}},
               {"start_after_create", true},
               {"user_data", "#cloud-config\n"}});
}

TEST_CASE("a rule without ports has no port member") {
    const auto rules =
        rules_json({{.protocol = "icmp", .from = {"0.0.0.0/0"}}, {.protocol = "tcp", .port = "22"}});
    CHECK_FALSE(rules[0].contains("port"));
    CHECK(rules[1]["port"] == "22");
}

TEST_CASE("creating a server gives all actions, not only the first") {
    World world;
    world.transport.then(
        201, {{"server", server(5)}, {"action", action(1)}, {"next_actions", {action(2), action(3)}}});
    const auto started = world.create();
    CHECK(started.thing.id == 5);
    CHECK_FALSE(started.was_there);
    CHECK(started.actions == std::vector<std::int64_t>{1, 2, 3});
    CHECK(Json::parse(world.transport.asked[0].body)["name"] == "bruno");
}

TEST_CASE("a lost answer is settled by looking for the name, never by sending again first") {
    World world;
    const auto mode = GENERATE(0, 1, 2);
    if (mode == 0) world.transport.then_breaks(true);
    if (mode == 1) world.transport.then_text(502, "<html>bad gateway</html>");
    if (mode == 2) world.transport.then(409, refusal("uniqueness_error", "name is already used"));
    world.transport.then(200, page("servers", {server(5)})).then(200, page("actions", {action(8)}));
    const auto started = world.create();
    CHECK(started.was_there);
    CHECK(started.thing.id == 5);
    CHECK(started.actions == std::vector<std::int64_t>{8});
    CHECK(world.transport.lines() ==
          std::vector<std::string>{"POST /servers",
                                   "GET /servers?per_page=50&page=1&name=bruno",
                                   "GET /servers/5/actions?per_page=50&page=1&status=running&sort=id"});
}

TEST_CASE("a lost request is sent again once it is known that it had no effect") {
    World world;
    world.transport.then_breaks(true)
        .then(200, page("servers", {}))
        .then(201, {{"server", server(5)}, {"action", action(1)}, {"next_actions", Json::array()}});
    CHECK(world.create().thing.id == 5);
    CHECK(world.transport.exhausted());
}

TEST_CASE("a connection that never carried the request is the transport's error") {
    World world;
    world.transport.then_breaks(false);
    CHECK(error_from([&] { world.create(); }).code() == errors::network_failed);
    CHECK(world.transport.lines().size() == 1);
}

TEST_CASE("a name that belongs to somebody else is never taken over") {
    World world;
    const auto owner = GENERATE(as<std::string>{}, "", "other");
    world.transport.then(409, refusal("uniqueness_error")).then(200, page("servers", {server(5, owner)}));
    const auto error = error_from([&] { world.create(); });
    CHECK(error.code() == errors::foreign_owner);
    CHECK(error.message() == "server bruno exists already and isn't kavi's");
    CHECK(error.causes() == std::vector<std::string>{owner.empty() ? "it has no label kavi-estate"
                                                                   : "its label kavi-estate says other"});
}

TEST_CASE("refusals say why, which fields, and by which correlation id") {
    World world;
    const Json fields{{"fields", Json::array({{{"name", "location"}, {"messages", {"unknown", "gone"}}}})}};
    world.transport.then(
        422, refusal("invalid_input", "invalid input", fields), {{"x-correlation-id", "abc123"}});
    const auto error = error_from([&] { world.create(); });
    CHECK(error.code() == errors::hetzner_failed);
    CHECK(error.message() == "Hetzner refused to create server bruno");
    CHECK(error.causes() == std::vector<std::string>{"invalid_input: invalid input",
                                                     "location: unknown, gone",
                                                     "Hetzner's correlation id: abc123"});
}

TEST_CASE("each refusal leads to its exit code") {
    struct Case {
        int status;
        std::string code;
        ErrorCode error;
    };

    const auto [status, code, expected] =
        GENERATE(values<Case>({{401, "unauthorized", errors::credentials_refused},
                               {401, "", errors::credentials_refused},
                               {401, "token_readonly", errors::rights_missing},
                               {403, "forbidden", errors::rights_missing},
                               {412, "resource_unavailable", errors::hetzner_failed},
                               {403, "resource_limit_exceeded", errors::hetzner_failed},
                               {429, "", errors::hetzner_failed},
                               {422, "never_heard_of", errors::hetzner_failed}}));
    World world;
    if (code.empty())
        for (int i = 0; i < (status == 429 ? 6 : 1); ++i) world.transport.then_text(status, "");
    else
        world.transport.then(status, refusal(code));
    const auto error = error_from([&] { world.create(); });
    CAPTURE(status, code);
    CHECK(error.code() == expected);
    CHECK(world.transport.lines().size() == (status == 429 ? 6 : 1));
    if (expected.exit == Exit::credentials) CHECK_FALSE(error.advice().empty());
}

TEST_CASE("a request that was refused for its rate is sent again, a POST too") {
    World world;
    world.transport.then(429, refusal("rate_limit_exceeded"))
        .then_text(429, "")
        .then(201, {{"server", server(5)}, {"action", action(1)}});
    CHECK(world.create().thing.id == 5);
    CHECK(world.waited() == 3s);
}

TEST_CASE("reading is tried four times in all") {
    World world;
    world.transport.then_breaks(true).then(500, refusal("server_error")).then_text(502, "<html>");
    SECTION("the fourth answers") {
        world.transport.then(200, page("servers", {server(5)}));
        CHECK(world.cloud.servers({}).size() == 1);
    }
    SECTION("it doesn't") {
        world.transport.then_text(503, "");
        const auto error = error_from([&] { world.cloud.servers({}); });
        CHECK(error.message() == "Hetzner failed to list servers");
        CHECK(error.causes() == std::vector<std::string>{"status 503: the answer isn't Hetzner's"});
    }
    CHECK(world.waited() == 7s);
}

TEST_CASE("a certificate doesn't get better by asking again") {
    World world;
    world.transport.then([](const net::Request&) -> net::Response {
        throw net::NetworkError(net::NetworkFailure::tls, false, "the certificate isn't trusted");
    });
    CHECK(error_from([&] { world.cloud.servers({}); }).message() == "the certificate isn't trusted");
    CHECK(world.waited() == 0s);
}

TEST_CASE("user data is limited, and neither it nor the token is left behind or shown") {
    World world;
    auto order = World::order();
    order.user_data = Secret(std::string(32769, 'x'));
    CHECK(error_from([&] { world.cloud.create_server(order, {}); }).causes() ==
          std::vector<std::string>{"32769 bytes, Hetzner takes 32768"});
    CHECK(error_from([] {
              ScriptedTransport transport;
              SystemClock clock;
              HetznerCloud(transport, clock, {"http://127.0.0.1:1", Secret("to ken")});
          }).code() == errors::credentials_refused);
}

TEST_CASE("actions are polled together, soon at first and less often later") {
    World world;
    for (int i = 0; i < 14; ++i) world.transport.then(200, actions({action(1), action(2)}));
    world.transport.then(200, actions({action(1, "success"), action(2)}))
        .then(200, actions({action(2, "success")}));
    const std::vector<std::int64_t> ids{2, 1, 2};
    world.cloud.await(ids, {});
    CHECK(world.transport.lines().front() == "GET /actions?id=1&id=2");
    CHECK(world.transport.lines().back() == "GET /actions?id=2");
    // Ten times 0.5 s, then 0.75, 1.125, 1.688, 2.531, 3 and 3 s.
    CHECK(world.waited() > 16900ms);
    CHECK(world.waited() < 17200ms);
}

TEST_CASE("waiting for actions ends with the first failure, a missing one, or patience") {
    World world;
    const std::vector<std::int64_t> ids{1, 2};
    SECTION("failed") {
        world.transport.then(
            200,
            actions(
                {action(1), action(2, "error", {{"code", "resource_unavailable"}, {"message", "no room"}})}));
        const auto error = error_from([&] { world.cloud.await(ids, {}); });
        CHECK(error.message() == "Hetzner's action create_server failed");
        CHECK(error.causes() == std::vector<std::string>{"resource_unavailable: no room"});
    }
    SECTION("missing") {
        world.transport.then(200, actions({action(1)}));
        CHECK(error_from([&] { world.cloud.await(ids, {}); }).causes() ==
              std::vector<std::string>{"1 of 2 are in the answer"});
    }
    SECTION("too long") {
        world.transport.then(200, actions({action(1), action(2)})).then(200, actions({action(1), action(2)}));
        const auto error = error_from([&] { world.cloud.await(ids, {}, 800ms); });
        CHECK(error.code() == errors::network_failed);
        CHECK(error.message() == "Hetzner didn't finish in time");
    }
    SECTION("interrupted") {
        std::stop_source source;
        source.request_stop();
        CHECK(error_from([&] { world.cloud.await(ids, source.get_token()); }).code() == errors::interrupted);
        CHECK(world.transport.lines().empty());
    }
}

TEST_CASE("a locked resource is waited for, a few times") {
    World world;
    SECTION("it unlocks; that the other action failed doesn't matter") {
        world.transport.then(423, refusal("locked"))
            .then(200, page("actions", {action(4)}))
            .then(200, actions({action(4, "error", {{"code", "unknown_error"}})}))
            .then(201, {{"action", action(6)}})
            .then(200, actions({action(6, "success")}));
        world.cloud.protect(5, true, {});
        CHECK(world.transport.exhausted());
        CHECK(Json::parse(world.transport.asked[3].body) == Json{{"delete", true}, {"rebuild", true}});
    }
    SECTION("it doesn't") {
        for (int i = 0; i < 4; ++i)
            world.transport.then(423, refusal("locked")).then(200, page("actions", {}));
        world.transport.then(423, refusal("locked", "server is locked"));
        CHECK(error_from([&] { world.cloud.protect(5, true, {}); }).causes() ==
              std::vector<std::string>{"locked: server is locked"});
    }
}

TEST_CASE("labels are read, merged and written whole") {
    World world;
    auto with_labels = server(5);
    with_labels["labels"] = {{"kavi-estate", "kavi"}, {"team", "infra"}, {"kavi-pin-2", "b"}};
    world.transport.then(200, {{"server", with_labels}}).then(409, refusal("conflict"));
    with_labels["labels"]["new"] = "meanwhile";
    world.transport.then(200, {{"server", with_labels}}).then(200, {{"server", with_labels}});
    const auto labels =
        world.cloud.change_labels(5, {{"kavi-phase", "ready"}, {"kavi-pin-2", std::nullopt}}, {});
    const Labels expected{
        {"kavi-estate", "kavi"}, {"kavi-phase", "ready"}, {"new", "meanwhile"}, {"team", "infra"}};
    CHECK(labels == expected);
    CHECK(Json::parse(world.transport.asked[3].body) == Json{{"labels", expected}});
}

TEST_CASE("what is done or gone already is success") {
    World world;
    world.transport.then(404, refusal("not_found"));
    world.cloud.delete_server(5, {});
    CHECK(world.transport.asked[0].body.empty());
    world.transport.then(422, refusal("firewall_already_applied"));
    world.cloud.apply_firewall(7, 5, {});
    CHECK(Json::parse(world.transport.asked[1].body) ==
          Json{{"apply_to", Json::array({{{"type", "server"}, {"server", {{"id", 5}}}}})}});
    world.transport.then(404, refusal("not_found"));
    CHECK_FALSE(world.cloud.server(5, {}));
    CHECK(world.transport.exhausted());
}

TEST_CASE("a server type tells where it is sold, available, and at what price") {
    const auto type =
        server_type_from({{"name", "cpx32"},
                          {"architecture", "x86"},
                          {"cores", 4},
                          {"locations",
                           Json::array({{{"name", "nbg1"}, {"available", true}, {"deprecation", nullptr}},
                                        {{"name", "fsn1"},
                                         {"available", false},
                                         {"deprecation", {{"unavailable_after", "2027-01-01"}}}}})},
                          {"prices",
                           Json::array({{{"location", "nbg1"}, {"price_monthly", {{"net", "10.5"}}}},
                                        {{"location", "gone"}, {"price_monthly", {{"net", "1"}}}}})}});
    REQUIRE(type.locations.size() == 2);
    CHECK(type.locations.at("nbg1").available);
    CHECK(type.locations.at("nbg1").monthly == "10.5");
    CHECK_FALSE(type.locations.at("fsn1").available);
    CHECK(type.locations.at("fsn1").unavailable_after == "2027-01-01");
}

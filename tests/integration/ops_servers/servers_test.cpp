#include "world.hpp"

#include <algorithm>

#include <support/catch.hpp>

TEST_CASE("a server is made, and then nothing is left to do") {
    World world;
    const auto plan = world.plan();
    CHECK(plan.actions.size() == 4);
    const auto report = world.apply(plan);
    CHECK(failures(report).empty());
    const auto servers = world.cloud.servers({});
    REQUIRE(servers.size() == 1);
    CHECK(servers[0].status == "running");
    CHECK(servers[0].type == "cpx32");
    CHECK(servers[0].protect);
    CHECK(servers[0].ipv4 == "188.34.198.57");
    const auto facts = world.facts.find("bruno");
    REQUIRE(facts);
    CHECK(facts->ipv4 == "188.34.198.57");
    const auto trust = read_trust(servers[0], "kavi", world.pin_key);
    REQUIRE(trust);
    CHECK(trust->phase == TrustPhase::boot);
    CHECK(facts->pins == trust->pins);
    const auto again = world.plan();
    CHECK(again.empty());
    CHECK(again.notes.empty());
}

TEST_CASE("killed at any boundary, the next run makes what is missing and nothing twice") {
    const auto id =
        GENERATE(as<std::string>{}, "ssh-key/ana", "firewall/bruno", "server/bruno", "server/bruno/protect");
    const auto edge = GENERATE(as<std::string>{}, "intent-written", "effect-done", "done-written");
    World world;
    CAPTURE(id, edge);
    world.apply(world.plan(), id + ":" + edge);
    const auto rest = world.plan();
    CHECK(failures(world.apply(rest)).empty());
    CHECK(world.cloud.servers({}).size() == 1);
    CHECK(world.cloud.ssh_keys({}).size() == 1);
    CHECK(world.cloud.firewalls({}).size() == 1);
    CHECK(world.plan().empty());
}

TEST_CASE("an answer that is lost doesn't make a second server") {
    World world;
    const auto plan = world.plan();
    for (const auto* path : {"/ssh_keys", "/firewalls", "/servers"})
        world.apis.add_fault(lab::parse_fault(
            split(std::string("api=hetzner method=POST path=") + path + " reset carried-out times=1", ' ')));
    CHECK(failures(world.apply(plan)).empty());
    CHECK(world.cloud.servers({}).size() == 1);
    CHECK(world.facts.find("bruno")->pins ==
          read_trust(world.cloud.servers({})[0], "kavi", world.pin_key)->pins);
    CHECK(world.plan().empty());
}

TEST_CASE("requests that were lost on the way are sent again after a look") {
    World world;
    const auto plan = world.plan();
    world.apis.add_fault(
        lab::parse_fault(split("api=hetzner method=POST path=/servers status=502 times=1", ' ')));
    world.apis.add_fault(
        lab::parse_fault(split("api=hetzner method=GET path=/primary_ips status=500 times=1", ' ')));
    world.apis.add_fault(
        lab::parse_fault(split("api=hetzner method=POST path=/ssh_keys status=429 times=1", ' ')));
    CHECK(failures(world.apply(plan)).empty());
    CHECK(world.plan().empty());
}

TEST_CASE("an action that fails fails the server, with what could be had instead; the next run makes it") {
    World world;
    world.apis.add_fault({.action = "create_server", .times = 1, .error = "resource_unavailable"});
    const auto report = world.apply(world.plan());
    const auto failed = std::ranges::find(report.actions, "server/bruno", &run::Done::id);
    REQUIRE(failed->error);
    CHECK(failed->error->message() == "Hetzner's action create_server failed");
    CHECK_THAT(join(failed->error->causes(), "\n"), ContainsSubstring("available in nbg1: "));
    CHECK(report.exit() == Exit::partial);
    CHECK(failures(world.apply(world.plan())).empty());
    CHECK(world.plan().empty());
}

TEST_CASE("rules are brought back, a server switched off is started, protection is restored") {
    World world;
    world.apply(world.plan());
    auto firewall = world.cloud.firewalls({}).front();
    const std::vector<api::HetznerFirewallRule> other{{"tcp", "8080", {"10.0.0.0/8"}}};
    world.cloud.set_rules(firewall, other, {});
    world.apis.power_changed("bruno", false);
    world.cloud.protect(world.cloud.servers({}).front().id, false, {});
    const auto plan = world.plan();
    CHECK(plan.actions.size() == 3);
    CHECK(failures(world.apply(plan)).empty());
    CHECK(world.cloud.servers({}).front().status == "running");
    CHECK(world.plan().empty());
}

TEST_CASE("a primary IP that isn't declared is made, and kept when the server dies") {
    World world;
    world.estate.servers["bruno"].ipv4.reset();
    CHECK(failures(world.apply(world.plan())).empty());
    const auto address = world.facts.find("bruno")->ipv4;
    REQUIRE(address);
    CHECK(*address != "188.34.198.57");
    REQUIRE(world.apis.destroy_server("bruno"));
    const auto plan = world.plan();
    CHECK(plan.find("server/bruno"));
    CHECK_FALSE(plan.find("primary-ip/bruno"));
    CHECK(failures(world.apply(plan)).empty());
    CHECK(world.facts.find("bruno")->ipv4 == address);
}

TEST_CASE("a server that somebody else made meanwhile is refused") {
    World world;
    const auto plan = world.plan();
    world.cloud.create_server({.name = "bruno", .type = "cpx32", .image = "ubuntu-24.04", .location = "nbg1"},
                              {});
    const auto report = world.apply(plan);
    const auto failed = std::ranges::find(report.actions, "server/bruno", &run::Done::id);
    REQUIRE(failed->error);
    CHECK(failed->error->code() == errors::state_unexpected);
    CHECK(failed->error->causes() == std::vector<std::string>{"found: a server bruno that isn't kavi's"});
    CHECK_THROWS_AS(world.plan(), Error);
}

TEST_CASE("a read-only token is told apart from a wrong one") {
    auto config = lab_config();
    config.hetzner.readonly_token = std::string(64, 'r');
    World world(config);
    const auto code_with = [&](char c) {
        api::HetznerCloud cloud(
            world.transport, world.clock, {world.apis.url("hetzner"), Secret(std::string(64, c))});
        try {
            cloud.create_ssh_key("a", small_estate().operators["ana"].ssh.value(), {}, {});
        } catch (const Error& error) {
            return std::string(error.code().id);
        }
        return std::string("none");
    };
    CHECK(code_with('r') == errors::rights_missing.id);
    CHECK(code_with('x') == errors::credentials_refused.id);
    CHECK(code_with('h') == "none");
}

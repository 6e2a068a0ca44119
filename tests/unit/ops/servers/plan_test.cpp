#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/servers/plan.hpp>

#include <algorithm>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

const std::string ana = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChq1HtKKW+uXcdqLJYVXsRBOo4JtXh3IY+NnzTgP";
const std::vector<std::string> everywhere{"0.0.0.0/0", "::/0"};

struct World {
    model::Estate estate;
    HetznerObservation seen;
    ManagedServers managed;
    std::map<std::string, std::string> user_data{{"bruno", "#cloud-config\n{}\n"}};
    std::vector<std::string> names{"bruno"};

    World() {
        estate.name = "kavi";
        estate.operators["ana"] = {.name = "ana", .ssh = ana + " ana@laptop"};
        estate.operators["offline"] = {.name = "offline", .age = "age1x"};
        estate.servers["bruno"] = {.name = "bruno",
                                   .provider = model::Server::Provider::hetzner,
                                   .types = {"cpx42", "cpx32"},
                                   .image = "ubuntu-24.04",
                                   .location = "nbg1",
                                   .ipv4 = "188.34.198.57",
                                   .firewall = {{"tcp", "22", everywhere}, {"icmp", "", everywhere}},
                                   .protect = true};
        seen.types = {type("cpx32", {{"nbg1", true}, {"fsn1", true}}),
                      type("cpx42", {{"nbg1", false}, {"hel1", true}}),
                      type("cx33", {{"nbg1", true}}),
                      type("cax21", {{"nbg1", true}}, "arm")};
        seen.images[{"ubuntu-24.04", "x86"}] = {.id = 77, .name = "ubuntu-24.04", .architecture = "x86"};
        seen.primary_ips = {
            {.id = 9, .name = "production", .type = "ipv4", .ip = "188.34.198.57", .location = "nbg1"}};
    }

    static api::HetznerServerType type(std::string name,
                                       std::map<std::string, bool> places,
                                       std::string architecture = "x86") {
        api::HetznerServerType one{
            .name = std::move(name), .architecture = std::move(architecture), .cores = 4, .memory = 8};
        for (const auto& [place, available] : places) one.locations[place] = {available, "10.4900000000", ""};
        return one;
    }

    model::Server& bruno() { return estate.servers.at("bruno"); }

    api::HetznerServer& made() {
        seen.ssh_keys = {{.id = 1, .name = "whatever", .public_key = ana}};
        seen.firewalls = {{.id = 5,
                           .name = "bruno",
                           .rules = {{"icmp", "", {"::/0", "0.0.0.0/0"}}, {"tcp", "22", everywhere}},
                           .labels = {{"kavi-estate", "kavi"}}}};
        seen.servers = {{.id = 3,
                         .name = "bruno",
                         .status = "running",
                         .type = "cpx32",
                         .image = "ubuntu-24.04",
                         .location = "nbg1",
                         .protect = true,
                         .ipv4 = "188.34.198.57",
                         .firewalls = {5},
                         .labels = {{"kavi-estate", "kavi"}}}};
        return seen.servers.front();
    }

    plan::Plan plan() {
        if (!seen.servers.empty()) managed["bruno"].server = seen.servers.front();
        auto plan = plan_servers({estate, names, seen, managed, user_data});
        plan::sort_by_needs(plan);
        return plan;
    }

    Error refusal() {
        try {
            plan();
        } catch (const Error& error) {
            return error;
        }
        FAIL("no refusal");
        throw std::logic_error("unreachable");
    }
};

std::vector<std::string> ids(const plan::Plan& plan) {
    std::vector<std::string> all;
    for (const auto& action : plan.actions) all.push_back(action.id);
    return all;
}

}  // namespace

TEST_CASE("a missing server needs its key and firewall first, and is protected last") {
    World world;
    const auto plan = world.plan();
    CHECK(ids(plan) ==
          std::vector<std::string>{"ssh-key/ana", "firewall/bruno", "server/bruno", "server/bruno/protect"});
    const auto* server = plan.find("server/bruno");
    CHECK(server->verb == plan::Verb::create);
    CHECK(server->lane == "hetzner");
    CHECK(server->after == std::vector<std::string>{"firewall/bruno", "ssh-key/ana"});
    CHECK(server->expected_after["type"] == "cpx32");
    const auto& step = dynamic_cast<const ServerStep&>(*server->payload);
    CHECK(step.image == "77");
    CHECK(step.primary_ip == "production");
    CHECK(step.firewall == "bruno");
    CHECK(plan.find("server/bruno/protect")->after == std::vector<std::string>{"server/bruno"});
    CHECK(plan.notes == std::vector<std::string>{"bruno: cpx32 (4 cores, 8 GB, 10.49 a month net) in nbg1"});
}

TEST_CASE("a server that is as declared needs nothing") {
    World world;
    world.made();
    const auto plan = world.plan();
    CHECK(plan.empty());
    CHECK(plan.notes.empty());
    CHECK(plan.unchanged == std::vector<std::pair<std::string, int>>{{"server", 1}});
}

TEST_CASE("what deciding depends on is in the digest, what it doesn't isn't") {
    World one, two;
    two.seen.types.front().locations.at("nbg1").monthly = "99";
    CHECK(plan::digest(one.plan()) == plan::digest(two.plan()));
    two.user_data["bruno"] += "#";
    CHECK(plan::digest(one.plan()) != plan::digest(two.plan()));
}

TEST_CASE("rules are compared as sets, and replaced whole") {
    World world;
    world.made();
    world.seen.firewalls.front().rules.pop_back();
    const auto plan = world.plan();
    REQUIRE(ids(plan) == std::vector<std::string>{"firewall/bruno"});
    const auto& action = plan.actions.front();
    CHECK(action.verb == plan::Verb::update);
    CHECK(action.changes[0].from == Json{"icmp from 0.0.0.0/0, ::/0"});
    CHECK(action.changes[0].to == Json{"icmp from 0.0.0.0/0, ::/0", "22/tcp from 0.0.0.0/0, ::/0"});
    CHECK(dynamic_cast<const FirewallStep&>(*action.payload).id == 5);
}

TEST_CASE("a firewall that doesn't guard the server yet is applied, after it was made") {
    World world;
    world.made().firewalls.clear();
    CHECK(ids(world.plan()) == std::vector<std::string>{"firewall/bruno/apply"});
    world.seen.firewalls.clear();
    const auto plan = world.plan();
    CHECK(ids(plan) == std::vector<std::string>{"firewall/bruno", "firewall/bruno/apply"});
    CHECK(plan.actions[1].after == std::vector<std::string>{"firewall/bruno"});
}

TEST_CASE("drift is noted and not acted on") {
    World world;
    auto& server = world.made();
    server.type = "cx33";
    server.image = "debian-13";
    server.location = "fsn1";
    server.ipv4 = "1.2.3.4";
    server.labels["kavi-user-data"] = "older";
    world.seen.servers.push_back({.id = 8, .name = "old", .labels = {{"kavi-estate", "kavi"}}});
    world.seen.servers.push_back({.id = 9, .name = "other"});
    const auto plan = world.plan();
    CHECK(plan.empty());
    CHECK(plan.notes ==
          std::vector<std::string>{
              "bruno: its type is cx33, the estate file says cpx42 or cpx32; left as it is",
              "bruno: its image is debian-13, the estate file says ubuntu-24.04; left as it is",
              "bruno: its location is fsn1, the estate file says nbg1; left as it is",
              "bruno: its address is 1.2.3.4, the estate file says 188.34.198.57; left as it is",
              "bruno: was made with other user data; a rebuild would use the present",
              "server old is kavi's but not in the estate file any more: kavi server destroy old"});
}

TEST_CASE("a server that is off is started, one that isn't protected is") {
    World world;
    auto& server = world.made();
    server.status = "off";
    server.protect = false;
    CHECK(ids(world.plan()) == std::vector<std::string>{"server/bruno/start", "server/bruno/protect"});
}

TEST_CASE("a primary IP is made where none is declared, and found again") {
    World world;
    world.bruno().ipv4.reset();
    const auto plan = world.plan();
    REQUIRE(plan.find("primary-ip/bruno"));
    CHECK(dynamic_cast<const ServerStep&>(*plan.find("server/bruno")->payload).primary_ip == "bruno-ipv4");
    CHECK(std::ranges::count(plan.find("server/bruno")->after, "primary-ip/bruno") == 1);
    world.seen.primary_ips.push_back({.id = 10,
                                      .name = "bruno-ipv4",
                                      .type = "ipv4",
                                      .ip = "1.2.3.4",
                                      .location = "nbg1",
                                      .labels = {{"kavi-estate", "kavi"}}});
    CHECK_FALSE(world.plan().find("primary-ip/bruno"));
    world.seen.primary_ips.back().labels.clear();
    CHECK(world.refusal().code() == errors::foreign_owner);
}

TEST_CASE("a declared address is the project's, free, and in the right place") {
    World world;
    auto& ip = world.seen.primary_ips.front();
    SECTION("not there") {
        ip.ip = "1.2.3.4";
        const auto error = world.refusal();
        CHECK(error.code() == errors::primary_ip_missing);
        CHECK(error.message() == "the primary IP 188.34.198.57 of bruno doesn't exist at Hetzner");
        CHECK(error.causes() == std::vector<std::string>{"unassigned in the token's project: 1.2.3.4"});
    }
    SECTION("somebody else's now") {
        ip.server = 8;
        world.seen.servers.clear();
        CHECK(world.refusal().message() ==
              "the primary IP 188.34.198.57 of bruno is assigned to another server");
        CHECK(world.refusal().code() == errors::foreign_owner);
    }
    SECTION("elsewhere") {
        ip.location = "hel1";
        CHECK(world.refusal().message() ==
              "the primary IP 188.34.198.57 is in hel1, but bruno is to be in nbg1");
        CHECK(world.refusal().advice() == "location = \"hel1\"");
    }
    SECTION("an IPv6 address is found by its network") {
        world.bruno().ipv6 = "2001:db8:0:1::1";
        world.seen.primary_ips.push_back(
            {.id = 11, .name = "six", .type = "ipv6", .ip = "2001:db8:0:1::/64", .location = "nbg1"});
        CHECK(dynamic_cast<const ServerStep&>(*world.plan().find("server/bruno")->payload).ipv6 == 11);
        world.bruno().ipv6 = "2001:db8:0:2::1";
        CHECK(world.refusal().code() == errors::primary_ip_missing);
    }
}

TEST_CASE("a type that can't be had says what can") {
    World world;
    SECTION("sold out") {
        world.bruno().types = {"cpx42"};
        const auto error = world.refusal();
        CHECK(error.code() == errors::hetzner_failed);
        CHECK(error.message() == "bruno can't be made in nbg1 now");
        CHECK(error.causes() ==
              std::vector<std::string>{
                  "cpx42 isn't available there",
                  "available in nbg1: cpx32 (4 cores, 8 GB, 10.49 a month net), cx33 (4 cores, 8 "
                  "GB, 10.49 a month net)",
                  "cpx42 is available in hel1"});
    }
    SECTION("a slip of the pen") {
        world.bruno().types = {"cpx33"};
        const auto error = world.refusal();
        CHECK(error.code() == errors::config_invalid);
        CHECK(error.message() == "Hetzner has no server type cpx33");
        CHECK(error.advice() == "did you mean cpx32?");
    }
    SECTION("no such image") {
        world.seen.images.clear();
        CHECK(world.refusal().message() == "Hetzner has no image ubuntu-24.04 for x86");
    }
}

TEST_CASE("what has the name but not the label is refused") {
    World world;
    world.made();
    SECTION("a firewall") {
        world.seen.firewalls.front().labels = {{"kavi-estate", "other"}};
        const auto error = world.refusal();
        CHECK(error.code() == errors::foreign_owner);
        CHECK(error.message() == "firewall bruno exists already and isn't kavi's");
        CHECK(error.causes() == std::vector<std::string>{"its label kavi-estate says other"});
        CHECK(error.advice() == "kavi server adopt bruno");
    }
    SECTION("a server") {
        world.seen.servers.front().labels.clear();
        try {
            managed_servers(world.estate, world.names, world.seen, Secret("k"));
            FAIL("no refusal");
        } catch (const Error& error) {
            CHECK(error.code() == errors::foreign_owner);
            CHECK(error.message() == "server bruno exists already and isn't kavi's");
        }
    }
}

TEST_CASE("pins come from authentic labels, or from kavi.toml where there are none") {
    World world;
    auto& server = world.made();
    const auto read = [&] { return managed_servers(world.estate, world.names, world.seen, Secret("k")); };
    try {
        read();
        FAIL("no refusal");
    } catch (const Error& error) {
        CHECK(error.code() == errors::host_key_unpinned);
    }
    world.bruno().ssh.host_key = "SHA256:" + base64(sha256("x"), false);
    CHECK(read().at("bruno").trust.pins == std::vector<std::string>{sha256("x")});
    server.labels["kavi-mac"] = "planted";
    CHECK_THROWS_AS(read(), Error);
    CHECK(pin_from_fingerprint("SHA256:short") == std::nullopt);
    CHECK(pin_from_fingerprint("MD5:00") == std::nullopt);
}

TEST_CASE("the run's facts answer references") {
    RunFacts facts;
    facts.learn("bruno", {.hetzner_id = 1, .ipv4 = "1.2.3.4"});
    CHECK(facts.resolve("server:bruno/ipv4") == "1.2.3.4");
    CHECK(facts.resolve("server:bruno/ipv6") == std::nullopt);
    CHECK(facts.resolve("server:eva/ipv4") == std::nullopt);
    CHECK(facts.resolve("bruno/ipv4") == std::nullopt);
}

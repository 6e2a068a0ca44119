#include "world.hpp"

#include <kavi/ops/servers/lifecycle.hpp>

#include <algorithm>

#include <support/catch.hpp>

namespace {

HetznerObservation look(World& world) {
    return observe_hetzner(world.estate, hetzner_servers(world.estate, {}), world.cloud, {});
}

std::vector<std::string> ids(const plan::Plan& plan) {
    std::vector<std::string> all;
    for (const auto& action : plan.actions) all.push_back(action.id);
    return all;
}

}  // namespace

TEST_CASE("destroying asks for the name, lifts the protection, and leaves the primary IP") {
    World world;
    world.apply(world.plan());
    auto plan = plan_destroy(world.estate, "bruno", look(world));
    CHECK(ids(plan) ==
          std::vector<std::string>{"server/bruno/unprotect", "server/bruno/delete", "firewall/bruno/delete"});
    CHECK(plan.actions[1].destroys);
    CHECK(plan.actions[1].question == plan::Question::type_name);
    CHECK(plan.actions[1].confirm_name == "bruno");
    CHECK(plan.notes ==
          std::vector<std::string>{"the primary IP 188.34.198.57 (production) stays, and costs"});
    CHECK(failures(world.apply(plan)).empty());
    const auto left = look(world);
    CHECK(left.servers.empty());
    CHECK(left.firewalls.empty());
    REQUIRE(left.primary_ips.size() == 1);
    CHECK_FALSE(left.primary_ips[0].server);
    CHECK_FALSE(world.facts.find("bruno"));
    CHECK(plan_destroy(world.estate, "bruno", left).empty());
}

TEST_CASE("destroying that was killed in between goes on") {
    const auto id = GENERATE(as<std::string>{}, "server/bruno/unprotect", "server/bruno/delete");
    World world;
    world.apply(world.plan());
    world.apply(plan_destroy(world.estate, "bruno", look(world)), id + ":effect-done");
    CHECK(failures(world.apply(plan_destroy(world.estate, "bruno", look(world)))).empty());
    CHECK(look(world).servers.empty());
}

TEST_CASE("what isn't kavi's is neither destroyed nor given back") {
    World world;
    world.cloud.create_server({.name = "bruno", .type = "cpx32", .image = "ubuntu-24.04", .location = "nbg1"},
                              {});
    const auto seen = look(world);
    CHECK_THROWS_AS(plan_destroy(world.estate, "bruno", seen), Error);
    CHECK(plan_release(world.estate, "bruno", seen).empty());
}

TEST_CASE("adopting takes label and pin, and releasing gives all labels back") {
    World world;
    const api::Labels theirs{{"team", "infra"}};
    world.cloud.create_server(
        {.name = "bruno", .type = "cpx32", .image = "ubuntu-24.04", .location = "nbg1", .labels = theirs},
        {});
    world.cloud.create_firewall("bruno", {}, theirs, {});
    try {
        plan_adopt(world.estate, "bruno", look(world));
        FAIL("no refusal");
    } catch (const Error& error) {
        CHECK(error.code() == errors::host_key_unpinned);
    }
    auto& declared = world.estate.servers.at("bruno");
    declared.ssh.host_key = "SHA256:" + base64(sha256("key"), false);
    auto plan = plan_adopt(world.estate, "bruno", look(world));
    CHECK(ids(plan) ==
          std::vector<std::string>{"server/bruno/adopt", "firewall/bruno/adopt", "trust/bruno/record"});
    CHECK(plan.actions[2].after == std::vector<std::string>{"server/bruno/adopt"});
    CHECK(facts_for_adoption(declared, look(world).servers[0]).pins ==
          std::vector<std::string>{sha256("key")});
    plan.actions.pop_back();  // its handler needs a server that answers: trust_test.cpp
    CHECK(failures(world.apply(plan)).empty());
    const auto adopted = look(world);
    CHECK(adopted.servers[0].labels == api::Labels{{"kavi-estate", "kavi"}, {"team", "infra"}});
    CHECK(adopted.firewalls[0].labels == api::Labels{{"kavi-estate", "kavi"}, {"team", "infra"}});
    CHECK(ids(plan_adopt(world.estate, "bruno", adopted)) == std::vector<std::string>{"trust/bruno/record"});

    CHECK(failures(world.apply(plan_release(world.estate, "bruno", adopted))).empty());
    CHECK(look(world).servers[0].labels == theirs);
    CHECK(look(world).firewalls[0].labels == theirs);
}

TEST_CASE("there is nothing to adopt, or another estate has it") {
    World world;
    CHECK_THROWS_AS(plan_adopt(world.estate, "bruno", look(world)), Error);
    world.cloud.create_server({.name = "bruno",
                               .type = "cpx32",
                               .image = "ubuntu-24.04",
                               .location = "nbg1",
                               .labels = {{"kavi-estate", "other"}}},
                              {});
    try {
        plan_adopt(world.estate, "bruno", look(world));
        FAIL("no refusal");
    } catch (const Error& error) {
        CHECK(error.code() == errors::foreign_owner);
        CHECK(error.causes() == std::vector<std::string>{"its label kavi-estate says other"});
    }
}

#include <kavi/base/text.hpp>
#include <kavi/ops/baseline/facts.hpp>
#include <kavi/ops/baseline/plan.hpp>
#include <kavi/ops/servers/user_data.hpp>

#include <algorithm>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

const std::string key =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChq1HtKKW+uXcdqLJYVXsRBOo4JtXh3IY+NnzTgP ana@laptop";

model::Estate small_estate() {
    model::Estate estate;
    estate.name = "kavi";
    estate.operators["ana"] = {.name = "ana", .ssh = key};
    estate.operators["offline"] = {.name = "offline", .age = "age1x"};
    estate.servers["bruno"] = {.name = "bruno",
                               .provider = model::Server::Provider::hetzner,
                               .mounts = {"box"},
                               .baseline = model::BaselineMode::apply};
    estate.storages["box"] = {.name = "box",
                              .host = "u000000.your-storagebox.de",
                              .host_key = "SHA256:x",
                              .mount = model::Mount{"/mnt/storagebox", "sshfs", "u000000-sub4"}};
    estate.stacks["production"] = {.name = "production", .server = "bruno", .project = "prod"};
    estate.services["forgejo"] = {.name = "forgejo", .needs = {{"box", "git"}}};
    estate.services["traefik"] = {.name = "traefik"};
    return estate;
}

Json all_ok(const model::Estate& estate) {
    Json said = Json::object();
    const auto parts = baseline_facts_parts(estate, "bruno");
    for (const auto& [id, spec] : parts["baseline"]["items"].items())
        said[id] = {{"state", "ok"}, {"found", Json::array()}};
    return {{"baseline", said}};
}

void differ(Json& facts, const std::string& id, const std::vector<std::string>& found) {
    facts["baseline"][id] = {{"state", "differs"}, {"found", found}};
}

std::vector<std::string> ids(const plan::Plan& plan) {
    std::vector<std::string> all;
    for (const auto& action : plan.actions) all.push_back(action.id);
    return all;
}

}  // namespace

TEST_CASE("a new server gets every item, in an order that holds") {
    const auto estate = small_estate();
    const auto& bruno = estate.servers.at("bruno");
    auto plan = plan_baseline(estate, bruno, nullptr);
    CHECK(plan.actions.size() == model::baseline_items(estate, bruno).size());
    CHECK_NOTHROW(plan::sort_by_needs(plan));
    const auto* settings = plan.find("baseline/bruno/docker-settings");
    REQUIRE(settings);
    CHECK(settings->after == std::vector<std::string>{"baseline/bruno/docker"});
    CHECK(settings->reason == "new server");
    CHECK(settings->lane == "bruno");
    CHECK(std::ranges::all_of(plan.actions,
                              [](const auto& one) { return one.question == plan::Question::none; }));
    CHECK(ids(plan_mounts(estate, bruno, nullptr)) == std::vector<std::string>{"mount/bruno/box"});
}

TEST_CASE("what holds or doesn't apply needs nothing; what differs is mended") {
    const auto estate = small_estate();
    const auto& bruno = estate.servers.at("bruno");
    auto facts = all_ok(estate);
    facts["baseline"]["swap"] = {{"state", "not-applicable"}, {"found", {"a container has its host's swap"}}};
    CHECK(plan_baseline(estate, bruno, facts).empty());
    CHECK(plan_mounts(estate, bruno, facts).empty());
    differ(facts, "docker-settings", {"live-restore is null", "log-opts is null\x1b[31m"});
    differ(facts, "metadata", {"kavi-metadata.service isn't enabled"});
    differ(facts, "mount/box", {"/mnt/storagebox isn't mounted"});
    const auto plan = plan_baseline(estate, bruno, facts);
    CHECK(ids(plan) == std::vector<std::string>{"baseline/bruno/docker-settings", "baseline/bruno/metadata"});
    CHECK(plan.actions[0].reason == "live-restore is null; log-opts is null");
    CHECK(plan.actions[0].effect == "restarts the engine; containers go on");
    CHECK(plan.actions[1].after == std::vector<std::string>{"baseline/bruno/docker-settings"});
    CHECK(ids(plan_mounts(estate, bruno, facts)) == std::vector<std::string>{"mount/bruno/box"});
}

TEST_CASE("an item that the host said nothing of is looked at again, not taken for well") {
    const auto estate = small_estate();
    CHECK(plan_baseline(estate, estate.servers.at("bruno"), Json{{"baseline", {{"failed", "oh"}}}})
              .actions.size() > 5);
}

TEST_CASE("a change of who may log in asks for the word, but not where it only waits for its confirmation") {
    const auto estate = small_estate();
    const auto& bruno = estate.servers.at("bruno");
    auto facts = all_ok(estate);
    differ(facts, "operators", {"also has SHA256:abc mallory"});
    const auto plan = plan_baseline(estate, bruno, facts);
    REQUIRE(plan.actions.size() == 1);
    CHECK(plan.actions[0].question == plan::Question::type_name);
    CHECK(plan.actions[0].confirm_name == "operators");
    differ(facts, "operators", {"the change isn't confirmed yet"});
    CHECK(plan_baseline(estate, bruno, facts).actions.at(0).question == plan::Question::none);
}

TEST_CASE("report says it, none doesn't ask") {
    auto estate = small_estate();
    auto& bruno = estate.servers.at("bruno");
    auto facts = all_ok(estate);
    differ(facts, "journal", {"/etc/systemd/journald.conf.d/kavi.conf isn't there"});
    bruno.baseline = model::BaselineMode::report;
    const auto reported = plan_baseline(estate, bruno, facts);
    CHECK(reported.empty());
    CHECK(reported.notes ==
          std::vector<std::string>{
              "bruno: the journal's size: /etc/systemd/journald.conf.d/kavi.conf isn't there"});
    differ(facts, "mount/box", {"mnt-storagebox.mount isn't there"});
    CHECK(plan_mounts(estate, bruno, facts).empty());
    differ(facts, "mount/box", {"/mnt/storagebox isn't mounted"});
    CHECK(plan_mounts(estate, bruno, facts).actions.size() == 1);
    bruno.baseline = model::BaselineMode::none;
    CHECK(plan_baseline(estate, bruno, facts).notes.empty());
    const auto parts = baseline_facts_parts(estate, "bruno");
    CHECK(parts["baseline"]["items"].size() == 1);
    bruno.mounts.clear();
    CHECK(baseline_facts_parts(estate, "bruno").empty());
}

TEST_CASE("a mount names the services that need it, and only those") {
    const auto estate = small_estate();
    const auto items = model::mount_items(estate, estate.servers.at("bruno"));
    REQUIRE(items.size() == 1);
    CHECK(items[0].spec["services"] == Json::parse(R"([["prod", "forgejo"]])"));
    CHECK(items[0].spec["port"] == 23);
    CHECK(items[0].spec["user"] == "u000000-sub4");
}

TEST_CASE("user data is cloud-config without a key, and the same each time") {
    const auto estate = small_estate();
    const auto& bruno = estate.servers.at("bruno");
    const auto text = model::baseline_user_data(estate, bruno);
    CHECK(text == model::baseline_user_data(estate, bruno));
    REQUIRE(text.starts_with("#cloud-config\n{"));
    const auto config = Json::parse(text.substr(14));
    CHECK(config["ssh_pwauth"] == false);
    CHECK(config["users"] == Json::parse(R"([{"name": "root", "ssh_authorized_keys": [")" + key + R"("]}])"));
    const auto& files = config["write_files"];
    const auto sshd = std::ranges::find_if(
        files, [](const Json& file) { return file["path"] == "/etc/ssh/sshd_config.d/05-kavi.conf"; });
    REQUIRE(sshd != files.end());
    CHECK_THAT((*sshd)["content"].get<std::string>(), ContainsSubstring("\nPasswordAuthentication no\n"));
    CHECK(std::ranges::find(config["runcmd"], Json({"install", "-d", "-m", "0700", "/var/lib/kavi"})) !=
          config["runcmd"].end());
    CHECK(text.size() < 16000);
}

TEST_CASE("the one-time host key is laid into user data, and nowhere else") {
    const auto estate = small_estate();
    const auto text = model::baseline_user_data(estate, estate.servers.at("bruno"));
    const auto pair = net::make_ed25519_key();
    const auto whole = with_host_key(text, pair);
    const auto config = Json::parse(whole.reveal().substr(14));
    CHECK(config["ssh_keys"]["ed25519_private"] == pair.private_key.reveal());
    CHECK(config["ssh_keys"]["ed25519_public"] == trim(pair.public_line));
    CHECK(config["ssh_deletekeys"] == true);
    CHECK(config["ssh_genkeytypes"] == Json::parse(R"(["ed25519"])"));
    CHECK(config["ssh_pwauth"] == false);
    CHECK_THROWS(with_host_key("#!/bin/sh\n", pair));
}

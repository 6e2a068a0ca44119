#include <kavi/ops/recover/plan.hpp>
#include <kavi/ops/recover/timeline.hpp>

#include <algorithm>
#include <filesystem>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono_literals;

namespace {

const model::LoadedEstate& seed() {
    static const auto loaded = model::load_estate(std::filesystem::path(KAVI_SOURCE_DIR) / "config/kavi.toml");
    return loaded;
}

plan::Action action(std::string id, std::string lane, std::vector<std::string> after = {}) {
    return {.id = std::move(id), .group = "bruno", .after = std::move(after), .lane = std::move(lane)};
}

/// What deploy plans for a server that isn't there, as far as recovery looks at it.
plan::Plan deploy_plan() {
    plan::Plan plan;
    plan.actions = {action("firewall/bruno", "hetzner"),
                    action("server/bruno", "hetzner", {"firewall/bruno"}),
                    action("trust/bruno/switch", "bruno", {"server/bruno"}),
                    action("baseline/bruno/docker", "bruno", {"trust/bruno/switch"}),
                    action("agent/bruno", "bruno", {"baseline/bruno/docker"}),
                    action("backup/bruno/keys", "bruno", {"agent/bruno"}),
                    action("pull/production/postgres:16", "bruno", {"baseline/bruno/docker"}),
                    action("stack/production/files", "bruno", {"baseline/bruno/docker"})};
    for (const auto* service : {"traefik", "postgres", "redis", "infisical", "forgejo", "kuanary", "imgproxy", "obsidian", "docs"})
        plan.actions.push_back(action(std::string("service/production/") + service, "bruno", {"stack/production/files"}));
    plan.actions.push_back(action("dns/kua.cl/A/secrets", "dns/kua.cl", {"service/production/infisical"}));
    return plan;
}

std::vector<plan::Action> restore_actions() {
    std::vector<plan::Action> all;
    for (const auto* id : {"certificates", "databases/globals", "databases/infisical", "databases/forgejo", "forgejo", "forgejo-config", "redis"})
        all.push_back(action(std::string("restore/bruno/") + id, "bruno"));
    return all;
}

std::ptrdiff_t place_of(const plan::Plan& plan, const std::string& id) {
    const auto found = std::ranges::find(plan.actions, id, &plan::Action::id);
    INFO(id);
    REQUIRE(found != plan.actions.end());
    return found - plan.actions.begin();
}

bool needs(const plan::Plan& plan, const std::string& id, const std::string& first) {
    const auto& after = plan.find(id)->after;
    return std::ranges::find(after, first) != after.end();
}

}  // namespace

TEST_CASE("a recovery restores what each tier needs before the tier comes up") {
    const auto plan = plan_recovery({.loaded = seed(), .server = "bruno", .deploy = deploy_plan(), .restores = restore_actions()});
    CHECK(plan.actions.size() == deploy_plan().actions.size() + restore_actions().size());
    const std::vector<std::pair<std::string, std::string>> order{
        {"server/bruno", "agent/bruno"},
        {"backup/bruno/keys", "pull/production/postgres:16"},
        {"backup/bruno/keys", "restore/bruno/certificates"},
        {"stack/production/files", "restore/bruno/redis"},
        {"restore/bruno/certificates", "service/production/traefik"},
        {"service/production/postgres", "restore/bruno/databases/globals"},
        {"restore/bruno/databases/infisical", "service/production/infisical"},
        {"restore/bruno/redis", "service/production/redis"},
        {"restore/bruno/databases/forgejo", "service/production/forgejo"},
        {"restore/bruno/forgejo", "service/production/forgejo"},
        {"restore/bruno/forgejo-config", "service/production/forgejo"},
        {"restore/bruno/databases/forgejo", "service/production/kuanary"},
    };
    for (const auto& [first, then] : order) {
        CHECK(place_of(plan, first) < place_of(plan, then));
        if (first.starts_with("restore/")) CHECK(needs(plan, then, first));
    }
    SECTION("and keeps no earlier tier waiting for a later one's data") {
        CHECK(place_of(plan, "service/production/infisical") < place_of(plan, "restore/bruno/forgejo"));
        CHECK_FALSE(needs(plan, "service/production/infisical", "restore/bruno/forgejo"));
        CHECK_FALSE(needs(plan, "service/production/docs", "restore/bruno/databases/infisical"));
    }
}

TEST_CASE("a server that is there still goes before it is made") {
    plan::Plan destroy;
    destroy.actions = {action("server/bruno/delete", "hetzner")};
    destroy.actions.front().question = plan::Question::type_name;
    destroy.notes = {"the primary IP 188.34.198.57 (bruno) stays, and costs"};
    const auto plan = plan_recovery({.loaded = seed(),
                                     .server = "bruno",
                                     .destroy = destroy,
                                     .deploy = deploy_plan(),
                                     .restores = restore_actions()});
    CHECK(plan.actions[0].id == "server/bruno/delete");
    CHECK(needs(plan, "server/bruno", "server/bruno/delete"));
    CHECK(needs(plan, "firewall/bruno", "server/bruno/delete"));
    CHECK(plan.notes == destroy.notes);
    CHECK(std::ranges::count(plan.actions, plan::Question::type_name, &plan::Action::question) == 1);
}

TEST_CASE("a recovery that was cut goes on: what nobody waits for any more was restored") {
    auto deploy = deploy_plan();
    std::erase_if(deploy.actions, [](const plan::Action& one) {
        return one.lane == "hetzner" || one.id.starts_with("service/production/traefik") || one.id.starts_with("service/production/redis") ||
               one.id.starts_with("service/production/postgres");
    });
    for (auto& one : deploy.actions) std::erase(one.after, "server/bruno");
    const auto plan =
        plan_recovery({.loaded = seed(), .server = "bruno", .unfinished = true, .deploy = deploy, .restores = restore_actions()});
    CHECK(plan.find("restore/bruno/certificates") == nullptr);
    CHECK(plan.find("restore/bruno/redis") == nullptr);
    CHECK(needs(plan, "service/production/infisical", "restore/bruno/databases/infisical"));
    CHECK(needs(plan, "service/production/forgejo", "restore/bruno/forgejo"));
}

TEST_CASE("the timer of backups starts when all is restored") {
    auto deploy = deploy_plan();
    deploy.actions.push_back(action("backup/bruno/schedule", "bruno", {"backup/bruno/keys"}));
    const auto plan = plan_recovery({.loaded = seed(), .server = "bruno", .deploy = deploy, .restores = restore_actions()});
    CHECK(needs(plan, "backup/bruno/schedule", "restore/bruno/databases/infisical"));
    CHECK(needs(plan, "backup/bruno/schedule", "restore/bruno/redis"));
}

TEST_CASE("a server without a finished release is an unfinished one") {
    DeployObservation seen;
    CHECK_FALSE(is_unfinished(seed(), "bruno", seen));  // it doesn't answer
    seen.hosts["bruno"] = Json::object();
    CHECK(is_unfinished(seed(), "bruno", seen));
}

TEST_CASE("the server's name is asked for, also where nothing is destroyed") {
    const auto plan = plan_recovery({.loaded = seed(), .server = "bruno", .deploy = deploy_plan(), .restores = restore_actions()});
    REQUIRE(std::ranges::count(plan.actions, plan::Question::type_name, &plan::Action::question) == 1);
    CHECK(plan.actions.front().confirm_name == "bruno");
}

TEST_CASE("data below a mount outlives the server") {
    CHECK(items_elsewhere(seed(), "bruno") == std::vector<std::string>{"git", "notes"});
    CHECK(items_elsewhere(seed(), "eva").empty());
}

TEST_CASE("what was observed, without the server") {
    DeployObservation seen;
    seen.hetzner.servers = {{.id = 7, .name = "bruno"}, {.id = 8, .name = "other"}};
    seen.hetzner.firewalls = {{.id = 1, .name = "bruno"}, {.id = 2, .name = "other"}};
    seen.hetzner.primary_ips = {{.id = 3, .ip = "188.34.198.57", .server = 7}, {.id = 4, .ip = "192.0.2.1", .server = 8}};
    seen.hosts["bruno"] = Json::object();
    const auto lost = without_server(seen, "bruno");
    CHECK(lost.hetzner.server("bruno") == nullptr);
    CHECK(lost.hetzner.firewall("bruno") == nullptr);
    CHECK(lost.hetzner.server("other") != nullptr);
    CHECK_FALSE(lost.hetzner.primary_ips[0].server);
    CHECK(lost.hetzner.primary_ips[1].server == 8);
    CHECK(lost.hosts.empty());
}

TEST_CASE("a service is back once its data is, and times count once") {
    const std::vector<Timeline::Span> spans{{"server/bruno", "", "", 0ms, 4000ms},
                                            {"pull/production/a", "", "", 4000ms, 6000ms},
                                            {"pull/production/b", "", "", 5000ms, 7000ms},
                                            {"service/production/traefik", "", "", 7000ms, 8000ms},
                                            {"service/production/postgres", "", "", 8000ms, 9000ms},
                                            {"restore/bruno/databases/infisical", "", "", 9000ms, 11000ms},
                                            {"service/production/infisical", "", "", 11000ms, 12000ms},
                                            {"service/production/forgejo", "", "", 12000ms, 13000ms, false}};
    const auto times = recovery_times(seed(), "bruno", spans);
    const auto back = [&](const std::string& name) { return std::ranges::find(times.services, name, &BackAgain::service)->after; };
    CHECK(times.services.size() == 9);
    CHECK(times.services.front().service == "traefik");
    CHECK(back("traefik") == 8000ms);
    CHECK(back("postgres") == 11000ms);
    CHECK(back("infisical") == 12000ms);
    CHECK_FALSE(back("forgejo"));
    CHECK(times.critical() == 12000ms);
    CHECK(times.whole == 13000ms);
    CHECK(times.target == 15min);
    CHECK(times.phases.at("pull") == 3000ms);
    CHECK(times.phases.at("services") == 4000ms);
}

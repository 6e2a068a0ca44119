#include <kavi/ops/deploy/order.hpp>

#include <algorithm>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

plan::Plan plan_of(std::vector<std::string> ids) {
    plan::Plan plan;
    for (auto& id : ids) plan.actions.push_back({.id = std::move(id), .lane = "bruno"});
    return plan;
}

ServerParts parts() {
    ServerParts parts;
    parts.baseline = plan_of({"baseline/bruno/docker"});
    parts.mounts = plan_of({"mount/bruno/box"});
    parts.agent = plan_of({"agent/bruno"});
    parts.backup = plan_of({"backup/bruno/keys", "backup/bruno/schedule"});
    parts.backup.actions[1].after = {"backup/bruno/keys"};
    parts.stacks.push_back(plan_of({"pull/production/a", "service/production/infisical", "service/production/docs"}));
    return parts;
}

plan::Plan joined(ServerParts parts) {
    DeployParts all;
    all.servers.emplace("bruno", std::move(parts));
    return join(std::move(all));
}

bool waits(const plan::Plan& plan, const std::string& id, const std::string& needed) {
    const auto* action = plan.find(id);
    REQUIRE(action != nullptr);
    return std::ranges::find(action->after, needed) != action->after.end();
}

}  // namespace

TEST_CASE("a server's backups are set up after its mounts and the program, and no service waits for that") {
    const auto plan = joined(parts());
    for (const auto* id : {"backup/bruno/keys", "backup/bruno/schedule"})
        for (const auto* needed : {"baseline/bruno/docker", "mount/bruno/box", "agent/bruno"}) CHECK(waits(plan, id, needed));
    CHECK(plan.actions.back().id == "backup/bruno/schedule");
    CHECK_FALSE(waits(plan, "service/production/docs", "backup/bruno/keys"));
}

TEST_CASE("a service whose data is backed up first waits for that backup, and the backup for its keys; no other does") {
    auto with = parts();
    with.backup_run = plan_of({"backup-run/bruno"});
    with.backed_up_before = {"infisical"};
    const auto plan = joined(std::move(with));
    CHECK(waits(plan, "service/production/infisical", "backup-run/bruno"));
    CHECK(waits(plan, "backup-run/bruno", "backup/bruno/schedule"));
    CHECK_FALSE(waits(plan, "service/production/docs", "backup-run/bruno"));
    const auto at = [&](const std::string& id) { return std::ranges::find(plan.actions, id, &plan::Action::id) - plan.actions.begin(); };
    CHECK(at("backup/bruno/schedule") < at("backup-run/bruno"));
    CHECK(at("backup-run/bruno") < at("service/production/infisical"));
}

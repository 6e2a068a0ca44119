#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/retention_plan.hpp>

#include <algorithm>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <unit/ops/backup/backups.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono;
using kavi::test::BackupWriter;
using kavi::test::MemoryStore;

namespace {

constexpr auto now = sys_seconds(sys_days(2026y / November / 25)) + hours(12);

std::string day_ago(int before) {
    return time_stamp(now - days(before) - hours(6)) + "-000" + std::to_string(before % 10);
}

/// Six days of bruno, images shared, in a full store.
struct FullStore {
    FullStore() {
        for (int before = 5; before >= 0; --before)
            writer.write(day_ago(before),
                         {{"redis", "", "r" + std::to_string(before)},
                          {"images", "x", "img", before > 3 ? "images/old" : "images/new"}});
        store.full = true;
        store.files["kavi/bruno/" + day_ago(9) + "/redis.tar.zst.age"] = "cut off";
        store.parts["kavi/bruno/" + day_ago(9) + "/.part-1"] = "part";
    }

    plan::Plan plan(const KeepRules& rules = {.last = 4}) {
        const auto catalog = writer.catalog();
        plan::Plan made;
        add_prune(made, catalog, decide_retention(catalog, rules, {}, now));
        return made;
    }

    run::Report prune(const plan::Plan& plan, std::stop_token stop = {}) {
        PruneHandler handler([&](const std::string&) -> store::Store& { return store; });
        run::NoBoundary boundary;
        run::Listener listener;
        ManualClock clock(now);
        store.calls.clear();
        return run::execute(plan, {{"prune", &handler}}, boundary, listener, clock, stop);
    }

    std::vector<std::string> removed() const {
        std::vector<std::string> paths;
        for (const auto& call : store.calls)
            if (call.starts_with("remove ")) paths.push_back(call.substr(7));
        return paths;
    }

    MemoryStore store;
    BackupWriter writer{store};
};

std::vector<std::string> ids(const plan::Plan& plan) {
    std::vector<std::string> all;
    for (const auto& action : plan.actions) all.push_back(action.id);
    return all;
}

}  // namespace

TEST_CASE("pruning is a plan with one action a run, oldest first") {
    FullStore full;
    const auto plan = full.plan();
    CHECK(ids(plan) == std::vector<std::string>{"prune/box/bruno/" + day_ago(5),
                                                "prune/box/bruno/" + day_ago(4),
                                                "prune/box/bruno/" + day_ago(9),
                                                "prune/box/bruno/files",
                                                "prune/box/bruno/parts"});
    const auto& first = plan.actions[0];
    CHECK(first.group == "bruno in box");
    CHECK(first.reason == "no rule keeps it");
    CHECK(first.effect.ends_with("kB in 3 files"));
    CHECK(first.destroys);
    CHECK(first.question == plan::Question::yes_no);
    CHECK(plan.unchanged == std::vector{std::pair(std::string("backup"), 4)});
    CHECK(plan::digest(plan) == plan::digest(full.plan()));
}

TEST_CASE("a full store is pruned without a byte written; each manifest goes before what it names") {
    FullStore full;
    const auto report = full.prune(full.plan());
    CHECK(report.exit() == Exit::ok);
    CHECK(
        std::ranges::none_of(full.store.calls, [](const auto& call) { return call.starts_with("create"); }));
    const auto removed = full.removed();
    const auto at = "kavi/bruno/" + day_ago(5);
    CHECK(removed[0] == at + "/manifest.json");
    CHECK(removed[1] == at + "/manifest.json.sig");
    CHECK(removed[2] == at + "/redis.tar.zst.age");
    CHECK(full.store.parts.empty());
    CHECK_FALSE(full.store.files.contains("kavi/bruno/images/old"));
    const auto catalog = full.writer.catalog();
    CHECK(catalog.runs.size() == 4);
    CHECK(catalog.unfinished.empty());
    CHECK(catalog.unnamed.empty());
    CHECK(full.plan().empty());
}

TEST_CASE("wherever a prune is cut, no run looks whole that isn't, and the next prune ends it") {
    FullStore whole;
    whole.prune(whole.plan());
    const auto steps = whole.removed().size();
    for (std::size_t cut = 0; cut < steps; ++cut) {
        FullStore full;
        std::size_t removals = 0;
        full.store.before = [&](const std::string& call, const std::string&) {
            if (call == "remove" && removals++ >= cut) throw Error(errors::network_failed, "the line broke");
        };
        full.prune(full.plan());
        full.store.before = {};
        const auto catalog = full.writer.catalog();
        CAPTURE(cut);
        CHECK(catalog.refused.empty());
        for (const auto& run : catalog.runs) CHECK(run.flaws.empty());
        CHECK(catalog.runs.size() >= 4);
        CHECK(full.prune(full.plan()).exit() == Exit::ok);
        CHECK(full.store.files.size() == whole.store.files.size());
    }
}

TEST_CASE("shared files stay when a run has begun since; a part that grows stays") {
    FullStore full;
    const auto plan = full.plan();
    full.store.files["kavi/bruno/" + day_ago(0).substr(0, 9) + "115900Z-ffff/redis.tar.zst.age"] = "new";
    full.store.parts["kavi/bruno/" + day_ago(9) + "/.part-1"] += " grows";
    const auto report = full.prune(plan);
    CHECK(full.store.files.contains("kavi/bruno/images/old"));
    CHECK(full.store.parts.size() == 1);
    REQUIRE(report.actions[3].error);
    CHECK(report.actions[3].error->code() == errors::state_unexpected);
    CHECK(report.actions[0].how == run::Done::How::done);
}

TEST_CASE("a prune stops between two files when asked") {
    FullStore full;
    std::stop_source stop;
    full.store.before = [&](const std::string& call, const std::string&) {
        if (call == "remove") stop.request_stop();
    };
    const auto report = full.prune(full.plan(), stop.get_token());
    CHECK(report.interrupted);
    CHECK(full.removed().size() == 1);
}

#include <kavi/run/executor.hpp>

#include <fmt/format.h>

#include <support/catch.hpp>
#include <support/fake_world.hpp>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace kavi;

namespace {

/// What is wanted of the world: a small deploy with two lanes, a batch, and needs across lanes.
const std::map<std::string, std::string> wanted{
    {"server", "made"}, {"key", "K2"}, {"files", "v2"}, {"postgres", "16"}, {"redis", "8"}, {"app", "1.1"}, {"dns", "1.2.3.4"}};

plan::Plan make_plan(const FakeWorld& world) {
    plan::Plan plan;
    const auto add = [&](const std::string& thing, std::vector<std::string> after, std::string lane, std::string batch = {}) {
        const auto now = world.state(thing);
        if (now == wanted.at(thing)) return;
        plan::Action action;
        action.id = action.subject = thing;
        action.kind = "fake";
        action.lane = std::move(lane);
        action.batch = std::move(batch);
        action.before = now ? Json(*now) : Json(nullptr);
        action.expected_after = wanted.at(thing);
        for (auto& id : after)
            if (plan.find(id) != nullptr) action.after.push_back(std::move(id));
        plan.actions.push_back(std::move(action));
    };
    add("server", {}, "cloud");
    add("key", {"server"}, "host");
    add("files", {"key"}, "host");
    add("postgres", {"files"}, "host", "data");
    add("redis", {"files"}, "host", "data");
    add("app", {"postgres", "redis"}, "host");
    add("dns", {"app"}, "dns");
    plan::sort_by_needs(plan);
    return plan;
}

Exit run_once(FakeWorld& world, const std::string& crash_at) {
    const auto plan = make_plan(world);
    FakeHandler handler(world);
    const auto boundary = run::crash_boundary(crash_at);
    run::Listener listener;
    SystemClock clock;
    return run::execute(plan, {{"fake", &handler}}, *boundary, listener, clock, {}).exit();
}

/// Runs in a process of its own, which may be killed. True: it came to its end.
bool run_in_child(FakeWorld& world, const std::string& crash_at) {
    const auto child = ::fork();
    if (child == 0) ::_exit(run_once(world, crash_at) == Exit::ok ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        REQUIRE(WTERMSIG(status) == SIGKILL);
        return false;
    }
    REQUIRE(WEXITSTATUS(status) == 0);
    return true;
}

}  // namespace

TEST_CASE("killed at any boundary, the next run finishes the job", "[run][crash]") {
    int boundaries = 0;
    for (int n = 1;; ++n) {
        CAPTURE(n);
        TemporaryFolder folder;
        FakeWorld world(folder.path());
        const bool ended = run_in_child(world, fmt::format("*:{}", n));
        REQUIRE(run_in_child(world, ""));
        for (const auto& [thing, state] : wanted) {
            CAPTURE(thing);
            CHECK(world.state(thing) == state);
        }
        CHECK(world.effects() == static_cast<int>(wanted.size()));  // nothing is done twice
        CHECK(make_plan(world).empty());
        if (ended) break;
        ++boundaries;
    }
    CHECK(boundaries == 3 * static_cast<int>(wanted.size()));
}

TEST_CASE("a named boundary is met", "[run][crash]") {
    TemporaryFolder folder;
    FakeWorld world(folder.path());
    CHECK_FALSE(run_in_child(world, "app:intent-written"));
    CHECK(world.state("redis") == "8");
    CHECK_FALSE(world.state("app").has_value());
}

TEST_CASE("what somebody else changed meanwhile is refused, not overwritten", "[run]") {
    TemporaryFolder folder;
    FakeWorld world(folder.path());
    const auto plan = make_plan(world);
    world.set("server", "somebody else's");
    FakeHandler handler(world);
    run::NoBoundary boundary;
    run::Listener listener;
    SystemClock clock;
    const auto report = run::execute(plan, {{"fake", &handler}}, boundary, listener, clock, {});
    CHECK(report.exit() == Exit::refused);
    CHECK(world.state("server") == "somebody else's");
    CHECK(world.effects() == 0);
}

#include <kavi/base/error_codes.hpp>
#include <kavi/run/executor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include <support/catch.hpp>

using namespace kavi;
using plan::Action;
using run::Done;

namespace {

Action action(std::string id, std::vector<std::string> after = {}, std::string lane = "a", std::string batch = {}) {
    Action made;
    made.id = std::move(id);
    made.kind = "test";
    made.subject = made.id;
    made.after = std::move(after);
    made.lane = std::move(lane);
    made.batch = std::move(batch);
    return made;
}

/// Remembers the calls; fails or stops where it is told to.
class Recorder final : public run::Handler {
  public:
    void apply(std::span<const Action* const> batch, std::stop_token) override {
        const std::lock_guard lock(mutex);
        std::string call;
        for (const auto* one : batch) call += (call.empty() ? "" : "+") + one->id;
        calls.push_back(call);
        for (const auto* one : batch) {
            if (one->id == stops_at) stop.request_stop();
            if (one->id == fails) throw Error(errors::service_unhealthy, one->id + " failed");
        }
        if (!some_fail.failed.empty()) throw some_fail;
    }

    std::optional<std::string> compensate(const Action& one) override { return one.id + " was put back"; }

    int place(const std::string& id) const {
        return static_cast<int>(std::ranges::find_if(calls, [&](const auto& call) { return call.find(id) != std::string::npos; }) - calls.begin());
    }

    std::mutex mutex;
    std::vector<std::string> calls;
    std::string fails, stops_at;
    run::BatchFailure some_fail;
    std::stop_source stop;
};

run::Report execute(std::vector<Action> actions, Recorder& recorder) {
    plan::Plan plan;
    plan.actions = std::move(actions);
    plan::sort_by_needs(plan);
    run::NoBoundary boundary;
    run::Listener listener;
    SystemClock clock;
    return run::execute(plan, {{"test", &recorder}}, boundary, listener, clock, recorder.stop.get_token());
}

const Done& done(const run::Report& report, std::string_view id) {
    return *std::ranges::find(report.actions, id, &Done::id);
}

}  // namespace

TEST_CASE("every action runs once, behind those it needs, across lanes", "[run]") {
    Recorder recorder;
    const auto report = execute({action("d", {"b", "c"}, "y"), action("b", {"a"}, "x"), action("c", {"a"}, "y"), action("a", {}, "x")}, recorder);
    CHECK(report.exit() == Exit::ok);
    CHECK(report.count(Done::How::done) == 4);
    CHECK(recorder.calls.size() == 4);
    CHECK(recorder.place("a") < recorder.place("b"));
    CHECK(recorder.place("a") < recorder.place("c"));
    CHECK(recorder.place("d") == 3);
}

TEST_CASE("a failure keeps its dependants from being reached, and nothing else", "[run]") {
    Recorder recorder;
    recorder.fails = "b";
    const auto report = execute({action("a"), action("b", {"a"}), action("c", {"b"}), action("d", {"a"}, "other")}, recorder);
    CHECK(report.exit() == Exit::partial);
    CHECK(done(report, "b").how == Done::How::failed);
    CHECK(done(report, "b").put_back == "b was put back");
    CHECK(done(report, "c").how == Done::How::not_reached);
    CHECK(done(report, "c").why_not == "after b");
    CHECK(done(report, "d").how == Done::How::done);
}

TEST_CASE("where nothing was done, the first failure's own code is the exit code", "[run]") {
    Recorder recorder;
    recorder.fails = "a";
    CHECK(execute({action("a"), action("b", {"a"})}, recorder).exit() == Exit::failed);
}

TEST_CASE("ready actions of a batch go in one call", "[run]") {
    Recorder recorder;
    execute({action("a"), action("b", {"a"}, "a", "one"), action("c", {"a"}, "a", "one"), action("d", {"c"}, "a", "one")}, recorder);
    CHECK(recorder.calls == std::vector<std::string>{"a", "b+c", "d"});
}

TEST_CASE("some of a batch can fail", "[run]") {
    Recorder recorder;
    recorder.some_fail.failed.emplace("b", Error(errors::service_unhealthy, "b is ill"));
    const auto report = execute({action("a", {}, "a", "one"), action("b", {}, "a", "one"), action("c", {"a"}, "a", "two")}, recorder);
    CHECK(done(report, "a").how == Done::How::done);
    CHECK(done(report, "b").how == Done::How::failed);
    CHECK(done(report, "b").error->message() == "b is ill");
    CHECK(done(report, "c").how == Done::How::done);
}

TEST_CASE("a batch doesn't carry along what can't be reached any more", "[run]") {
    Recorder recorder;
    recorder.fails = "mount";
    const auto report = execute({action("mount"), action("docs", {}, "a", "one"), action("notes", {"mount"}, "a", "one")}, recorder);
    CHECK(done(report, "docs").how == Done::How::done);
    CHECK(done(report, "notes").how == Done::How::not_reached);
    CHECK(recorder.calls == std::vector<std::string>{"mount", "docs"});
}

TEST_CASE("a stop lets what runs finish and starts no more", "[run]") {
    Recorder recorder;
    recorder.stops_at = "a";
    const auto report = execute({action("a"), action("b", {"a"})}, recorder);
    CHECK(done(report, "a").how == Done::How::done);
    CHECK(done(report, "b").how == Done::How::not_reached);
    CHECK(report.interrupted);
    CHECK(report.exit() == Exit::interrupted);
}

TEST_CASE("plans that can't be ordered are refused", "[plan]") {
    struct Case {
        const char* name;
        std::vector<Action> actions;
        const char* message;
    };
    const auto& c = GENERATE_REF(values<Case>({
        {"a cycle", {action("a", {"b"}), action("b", {"a"})}, "wait for each other"},
        {"an unknown edge", {action("a", {"z"})}, "a waits for z, which isn't in the plan"},
        {"a doubled id", {action("a"), action("a")}, "two actions called a"},
    }));
    CAPTURE(c.name);
    plan::Plan plan;
    plan.actions = c.actions;
    CHECK_THROWS_WITH(plan::sort_by_needs(plan), ContainsSubstring(c.message));
}

TEST_CASE("a digest is of what will be, not of how it is told", "[plan]") {
    plan::Plan plan;
    plan.actions = {action("a"), action("b", {"a"})};
    const auto digest = plan::digest(plan);
    CHECK(digest.starts_with("sha256:"));
    auto told = plan;
    told.actions[0].reason = "another word";
    told.notes.push_back("a note");
    CHECK(plan::digest(told) == digest);
    auto changed = plan;
    changed.actions[0].expected_after = "x";
    CHECK(plan::digest(changed) != digest);
    auto loose = plan;
    loose.actions[1].after.clear();
    CHECK(plan::digest(loose) != digest);
}

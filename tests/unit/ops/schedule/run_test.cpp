#include "estate.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/run.hpp>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::error_of;

namespace {

class AgentHost final : public host::Host {
  public:
    const std::string& name() const override { return name_; }

    Json call(const host::Operation& operation, const host::EventSink& on_event, std::stop_token) override {
        asked.push_back(operation);
        for (const auto& event : events) on_event(event);
        return answer;
    }

    std::vector<host::Operation> asked;
    std::vector<Json> events;
    Json answer;

  private:
    std::string name_ = "bruno";
};

HostRequest request() {
    static const auto loaded = schedule_test::seed();
    return host_request({.loaded = loaded, .vault = schedule_test::vault(), .kavi = "0.1.0", .sealed_sequence = 5}, "bruno");
}

Json good_answer() {
    return {{"run", "20261125T060000Z-4f2a"},
            {"manifest",
             {{"artefacts", {{{"item", "databases"}, {"part", "infisical"}, {"bytes", 100}, {"plain_bytes", 1000}}, {{"item", "redis"}, {"bytes", 20}, {"plain_bytes", 90}}}},
              {"failures", Json::array()},
              {"warnings", {"forgejo: a file changed"}}}},
            {"stores", {{"box", {{"bytes", 120}}}}}};
}

struct Applied {
    std::vector<std::string> said;
    std::map<std::string, BackupRunResult> results;
    std::optional<Error> error;
};

Applied apply(AgentHost& host, const plan::Action& action) {
    Applied applied;
    SystemClock clock;
    BackupRunHandler handler({.host_at = [&](const std::string&, std::stop_token) -> host::Host& { return host; },
                              .clock = clock,
                              .on_progress = [&](const plan::Action&, std::string_view doing) { applied.said.emplace_back(doing); }});
    const std::vector<const plan::Action*> batch{&action};
    try {
        handler.apply(batch, {});
    } catch (const Error& error) {
        applied.error = error;
    }
    applied.results = handler.results();
    return applied;
}

}  // namespace

TEST_CASE("a backup is of all items, or of those that are named") {
    const auto whole = plan_backup_run({.server = "bruno", .request = request(), .reason = "the first one"});
    CHECK(whole.id == "backup-run/bruno");
    CHECK(whole.question == plan::Question::none);
    CHECK(whole.expected_after["stores"] == Json{"box"});
    const auto two = plan_backup_run({.server = "bruno", .request = request(), .items = {"redis", "databases"}, .accept_smaller = true});
    CHECK(two.subject == "backup of databases, redis to box");
    CHECK(two.expected_after["items"] == Json{"databases", "redis"});
    AgentHost host;
    host.answer = good_answer();
    apply(host, two);
    REQUIRE(host.asked.size() == 1);
    CHECK(host.asked[0].name == "agent/run");
    CHECK(host.asked[0].parameters == Json{{"command", "backup"}});
    REQUIRE(host.asked[0].frames.size() == 1);
    CHECK(host.asked[0].frames[0].name == "agent-request");
    const auto sent = parse_json(host.asked[0].frames[0].view(), "the request");
    CHECK(sent["items"].size() == 2);
    CHECK(sent["accept_smaller"] == true);
    CHECK_FALSE(sent.contains("run"));
}

TEST_CASE("progress says item, amount and what it was last time") {
    AgentHost host;
    host.answer = good_answer();
    host.events = {{{"event", "progress"}, {"subject", "databases/infisical"}, {"text", "storing"}, {"bytes", 2000000}, {"total", 4000000}},
                   {{"event", "progress"}, {"subject", "redis"}, {"text", "storing"}, {"bytes", 0}},
                   {{"event", "progress"}, {"subject", "redis"}, {"text", "failed: no answer\x1b[2J"}}};
    const auto applied = apply(host, plan_backup_run({.server = "bruno", .request = request()}));
    CHECK(applied.said == std::vector<std::string>{"databases/infisical: 2.0 MB (last time 4.0 MB)", "redis: 0 B", "redis: failed: no answer"});
    CHECK_FALSE(applied.error);
    const auto& result = applied.results.at("bruno");
    CHECK(result.run == "20261125T060000Z-4f2a");
    CHECK(result.bytes() == 120);
    CHECK(result.stored.size() == 2);
    CHECK(result.stored[0].part == "infisical");
    CHECK(result.warnings == std::vector<std::string>{"forgejo: a file changed"});
}

TEST_CASE("an item or a store that failed fails the action, and the rest is told all the same") {
    AgentHost host;
    host.answer = good_answer();
    host.answer["manifest"]["failures"] = {{{"item", "databases"}, {"part", "forgejo"}, {"message", "pg_dump of forgejo failed"}}};
    host.answer["stores"]["second"] = {{"failure", {{"code", "KAVI-E0702"}, {"message", "second is full"}}}};
    const auto applied = apply(host, plan_backup_run({.server = "bruno", .request = request()}));
    REQUIRE(applied.error);
    CHECK(applied.error->code() == errors::backup_failed);
    CHECK(applied.error->message() == "run 20261125T060000Z-4f2a hasn't got everything");
    CHECK(test::causes(*applied.error) == "databases/forgejo: pg_dump of forgejo failed | store second: second is full");
    CHECK(applied.results.at("bruno").stored.size() == 2);
}

TEST_CASE("an answer of another shape is no success of anything") {
    for (const auto& answer : {Json(), Json::array(), Json{{"manifest", 5}, {"stores", "x"}}, Json{{"manifest", {{"artefacts", {1, "x"}}, {"failures", 3}}}}}) {
        const auto result = backup_run_result(answer);
        CHECK(result.bytes() == 0);
        CHECK(result.problems.empty());
    }
}

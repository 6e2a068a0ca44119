#include <change.hpp>
#include <render/plan.hpp>
#include <render/progress.hpp>

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>

#include <support/catch.hpp>
#include <support/fake_world.hpp>

using namespace kavi;
using namespace kavi::app;

namespace {

/// Answers from a list; nobody is there where the list is empty.
class FakePrompt final : public Prompt {
  public:
    bool can_ask() const override { return !answers.empty(); }

    std::optional<std::string> ask(std::string_view question) override {
        asked.emplace_back(question);
        auto answer = answers.front();
        answers.erase(answers.begin());
        return answer;
    }

    std::vector<std::string> answers, asked;
};

/// A command that sets things of a fake world.
struct Fixture {
    TemporaryFolder folder;
    FakeWorld world{folder.path() / "world"};
    Environment environment{{{"XDG_STATE_HOME", folder.path().string()}, {"USER", "ana"}}};
    GlobalOptions options;
    ChangeOptions changes;
    ManualClock clock{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25)};
    StringSink out, err;
    Output output{{.sink = out}, {.sink = err}, {}};
    FakePrompt prompt;
    Session session{{.environment = environment, .options = options, .clock = clock, .output = output, .prompt = prompt, .stop = {}}};
    FakeHandler handler{world};
    plan::Plan plan;

    Fixture() { std::filesystem::create_directories(folder.path() / "world"); }

    plan::Action& add(const std::string& thing, const std::string& state) {
        plan::Action action;
        action.id = action.subject = thing;
        action.kind = "fake";
        action.group = "bruno";
        action.verb = plan::Verb::update;
        action.reason = "to " + state;
        action.before = nullptr;
        action.expected_after = state;
        plan.actions.push_back(std::move(action));
        return plan.actions.back();
    }

    Result run() {
        run::Listener listener;
        const auto record = make_run_record(session, "kavi deploy");
        return change(session,
                      changes,
                      {.command = "Deploy",
                       .headline = "estate kavi",
                       .nothing = "estate kavi: everything is as declared",
                       .plan = plan,
                       .handlers = {{"fake", &handler}},
                       .listener = listener,
                       .record = record});
    }

    std::string error_of_run() {
        try {
            run();
        } catch (const Error& error) {
            return std::string(error.code().id) + ": " + error.message() + " / " + error.advice();
        }
        return "no error";
    }
};

}  // namespace

TEST_CASE("an empty plan says so and writes nothing", "[change]") {
    Fixture fixture;
    const auto result = fixture.run();
    CHECK(result.exit == Exit::ok);
    CHECK(result.text == "estate kavi: everything is as declared\n");
    CHECK(result.data["changed"] == false);
    CHECK_FALSE(std::filesystem::exists(fixture.folder.path() / "kavi"));
}

TEST_CASE("a yes lets the plan run", "[change]") {
    Fixture fixture;
    fixture.add("forgejo", "v2");
    fixture.prompt.answers = {"y"};
    const auto result = fixture.run();
    CHECK(result.exit == Exit::ok);
    CHECK(fixture.prompt.asked == std::vector<std::string>{"\nDeploy? [y/N] "});
    CHECK(fixture.world.state("forgejo") == "v2");
    CHECK(result.data["actions"][0]["outcome"] == "done");
    CHECK_THAT(fixture.out.text, ContainsSubstring("~ forgejo  to v2"));
    const auto run = fixture.folder.path() / "kavi/runs" / result.data["run"].get<std::string>();
    CHECK_THAT(read_file(run / "journal.jsonl"), ContainsSubstring(R"("event":"finished","id":"forgejo")"));
    CHECK((std::filesystem::status(run / "journal.jsonl").permissions() & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("what keeps a plan from running changes nothing", "[change]") {
    struct Case {
        const char* name;
        std::vector<std::string> answers;
        bool yes;
        bool typed;
        const char* error;
    };
    const auto& c = GENERATE_REF(values<Case>({
        {"nobody to ask", {}, false, false, "KAVI-E0902: deploy needs an answer, and there is no terminal to ask in / give --yes"},
        {"no", {"n"}, false, false, "KAVI-E0902: not confirmed; nothing was changed / "},
        {"just return", {""}, false, false, "KAVI-E0902: not confirmed; nothing was changed / "},
        {"--yes doesn't type names", {}, true, true, "KAVI-E0902: forgejo needs an answer, and there is no terminal to ask in / give --confirm bruno"},
        {"another name", {"eva"}, true, true, "KAVI-E0902: not confirmed; nothing was changed / "},
    }));
    CAPTURE(c.name);
    Fixture fixture;
    auto& action = fixture.add("forgejo", "v2");
    if (c.typed) {
        action.question = plan::Question::type_name;
        action.confirm_name = "bruno";
    }
    fixture.options.yes = c.yes;
    fixture.prompt.answers = c.answers;
    CHECK(fixture.error_of_run() == c.error);
    CHECK_FALSE(fixture.world.state("forgejo").has_value());
    CHECK_FALSE(std::filesystem::exists(fixture.folder.path() / "kavi"));
}

TEST_CASE("a dry run changes nothing, and --exit-code tells", "[change]") {
    Fixture fixture;
    fixture.add("forgejo", "v2");
    fixture.changes.dry_run = true;
    CHECK(fixture.run().exit == Exit::ok);
    fixture.changes.exit_code = true;
    CHECK(fixture.run().exit == Exit::changes);
    CHECK_FALSE(fixture.world.state("forgejo").has_value());
}

TEST_CASE("a saved plan is a commitment", "[change]") {
    Fixture fixture;
    fixture.add("forgejo", "v2");
    fixture.changes.save_plan = (fixture.folder.path() / "plan.json").string();
    fixture.changes.dry_run = true;
    fixture.run();
    fixture.changes.dry_run = false;
    fixture.changes.plan = fixture.changes.save_plan;
    fixture.changes.save_plan.reset();
    SECTION("the same world: it runs, unasked") { CHECK(fixture.run().exit == Exit::ok); }
    SECTION("another world: it is refused, with the difference") {
        fixture.add("redis", "v9");
        try {
            fixture.run();
            FAIL("no error");
        } catch (const Error& error) {
            CHECK(error.code() == errors::plan_stale);
            CHECK(error.causes() == std::vector<std::string>{"now: redis"});
        }
        CHECK_FALSE(fixture.world.state("redis").has_value());
    }
}

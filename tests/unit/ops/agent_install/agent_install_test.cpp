#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/ops/agent_install/handler.hpp>

#include <array>

#include <sys/stat.h>
#include <zlib.h>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::error_of;

namespace {

const AgentProgram program{.file = "/none", .sha256 = "aa11", .version = "0.10.0"};

Json seen(std::string sha256, std::string version, std::string mode = "root 0755") {
    return {{"agent", {{"sha256", std::move(sha256)}, {"version", std::move(version)}, {"mode", std::move(mode)}}}};
}

/// Remembers what it was asked and answers the facts with `facts`.
class RecordingHost final : public host::Host {
  public:
    const std::string& name() const override { return name_; }

    Json call(const host::Operation& operation, const host::EventSink&, std::stop_token) override {
        asked.push_back(operation);
        return operation.name == "facts" ? facts : Json::object();
    }

    Json facts;
    std::vector<host::Operation> asked;

  private:
    std::string name_ = "bruno";
};

std::string unpacked(std::string_view packed, std::size_t size) {
    std::string bytes(size, '\0');
    uLongf length = size;
    REQUIRE(::uncompress(reinterpret_cast<Bytef*>(bytes.data()), &length, reinterpret_cast<const Bytef*>(packed.data()), packed.size()) == Z_OK);
    REQUIRE(length == size);
    return bytes;
}

std::filesystem::path script(const TemporaryFolder& folder, std::string_view text) {
    const auto file = folder.path() / "kavi";
    write_file_atomic(file, text, 0755);
    return file;
}

}  // namespace

TEST_CASE("a server gets the program where it has none, another or a changed one") {
    struct Case {
        Json facts;
        plan::Verb verb;
        std::string reason;
    };

    const std::array cases{
        Case{nullptr, plan::Verb::create, "new server"},
        Case{{{"agent", Json::object()}}, plan::Verb::create, "isn't there yet; backups are taken by it"},
        Case{seen("bb22", ""), plan::Verb::update, "what is there doesn't run"},
        Case{seen("not a file", ""), plan::Verb::update, "what is there doesn't run"},
        Case{seen("bb22", "0.9.9"), plan::Verb::update, "0.9.9 → 0.10.0"},
        Case{seen("bb22", "0.10.0"), plan::Verb::update, "has other content than this kavi's"},
        Case{seen("aa11", "0.10.0", "root 0777"), plan::Verb::update, "belongs to root 0777, wanted root 0755"},
        Case{seen("aa11", "0.10.0", "user 1000 0755"), plan::Verb::update, "belongs to user 1000 0755, wanted root 0755"},
    };
    for (const auto& one : cases) {
        const auto plan = plan_agent("bruno", &program, one.facts);
        INFO(one.reason);
        REQUIRE(plan.actions.size() == 1);
        const auto& action = plan.actions.front();
        CHECK(action.id == "agent/bruno");
        CHECK(action.lane == "bruno");
        CHECK(action.group == "bruno");
        CHECK(action.verb == one.verb);
        CHECK(action.reason == one.reason);
        CHECK(action.expected_after["sha256"] == "aa11");
        CHECK(plan.notes.empty());
    }
}

TEST_CASE("the same program is left alone, a newer one too, with a word") {
    const auto same = plan_agent("bruno", &program, seen("aa11", "0.10.0"));
    CHECK(same.empty());
    CHECK(same.notes.empty());
    CHECK(same.unchanged == std::vector<std::pair<std::string, int>>{{"agent", 1}});
    const auto newer = plan_agent("bruno", &program, seen("cc33", "0.10.1"));
    CHECK(newer.empty());
    CHECK(newer.notes == std::vector<std::string>{"bruno: kavi 0.10.1 takes its backups, newer than this one (0.10.0): it stays"});
}

TEST_CASE("without a program here nothing is planned, and a server without one is named") {
    CHECK(plan_agent("bruno", nullptr, seen("cc33", "0.1.0")).notes.empty());
    for (const auto& facts : {Json(nullptr), Json{{"agent", Json::object()}}}) {
        const auto plan = plan_agent("bruno", nullptr, facts);
        CHECK(plan.empty());
        REQUIRE(plan.notes.size() == 1);
        CHECK(plan.notes.front().starts_with("bruno: no backup can be taken there yet"));
        CHECK(plan.notes.front().find("KAVI_PORTABLE_EXECUTABLE") != std::string::npos);
    }
}

TEST_CASE("versions are compared number by number") {
    CHECK(compare_versions("0.10.0", "0.9.2") > 0);
    CHECK(compare_versions("0.9.2", "0.10.0") < 0);
    CHECK(compare_versions("1.0", "1.0.0") == 0);
    CHECK(compare_versions("1.0.1", "1.0") > 0);
    CHECK(compare_versions("", "0.1.0") < 0);
    CHECK(compare_versions("0.1.0", "0.1.0") == 0);
}

TEST_CASE("servers with backups are those of services and sources, without git's") {
    model::LoadedEstate loaded;
    for (const auto* name : {"bruno", "eva", "dev"}) loaded.estate.servers[name] = {.name = name};
    loaded.estate.services["db"] = {.name = "db", .server = "eva"};
    using Kind = model::BackupItem::Kind;
    loaded.estate.backup.items["databases"] = {.name = "databases", .kind = Kind::postgres, .service = "db"};
    loaded.estate.backup.items["files"] = {.name = "files", .kind = Kind::files, .source = model::Place{"bruno", "/srv"}};
    loaded.estate.backup.items["git"] = {.name = "git", .kind = Kind::git, .source = model::Place{"dev", "/srv/git"}};
    loaded.estate.backup.items["box"] = {.name = "box", .kind = Kind::files, .source = model::Place{"box", "x"}};
    CHECK(servers_with_backups(loaded) == std::set<std::string>{"bruno", "eva"});
    CHECK(agent_facts_parts(loaded, "dev").empty());
    CHECK(agent_facts_parts(loaded, "eva").contains("agent"));
}

TEST_CASE("the handler looks again, and sends the program compressed with its digest") {
    const TemporaryFolder folder;
    const auto file = script(folder, "#!/bin/sh\necho kavi 0.10.0\n");
    const auto local = look_at_program(file, {});
    CHECK(local.version == "0.10.0");
    RecordingHost bruno;
    AgentInstallHandler handler([&](const std::string& server, std::stop_token) -> host::Host& {
        CHECK(server == "bruno");
        return bruno;
    });
    const auto plan = plan_agent("bruno", &local, nullptr);
    const auto* action = &plan.actions.front();

    bruno.facts = {{"agent", Json::object()}};
    CHECK(handler.look(*action, {}).standing == run::Standing::before);
    bruno.facts = seen(local.sha256, "0.10.0");
    CHECK(handler.look(*action, {}).standing == run::Standing::after);
    bruno.facts = seen("cc33", "2.0.0");
    CHECK(handler.look(*action, {}).standing == run::Standing::other);

    handler.apply(std::array{action}, {});
    const auto& sent = bruno.asked.back();
    CHECK(sent.name == "agent/install");
    CHECK(sent.parameters == Json{{"sha256", local.sha256}, {"version", "0.10.0"}});
    REQUIRE(sent.frames.size() == 1);
    CHECK(sent.frames[0].name == "program");
    const auto bytes = read_file(file);
    CHECK(unpacked(sent.frames[0].view(), bytes.size()) == bytes);

    script(folder, "#!/bin/sh\necho kavi 0.11.0\n");
    const auto error = error_of([&] { handler.apply(std::array{action}, {}); });
    CHECK(error.code() == errors::state_unexpected);
    CHECK(error.message().ends_with("has changed since the plan was made"));
}

TEST_CASE("a file that isn't a kavi is refused") {
    const TemporaryFolder folder;
    for (const auto* text : {"#!/bin/sh\necho something 1\n", "#!/bin/sh\nexit 3\n", "no program"}) {
        const auto file = script(folder, text);
        const auto error = error_of([&] { look_at_program(file, {}); });
        CHECK(error.code() == errors::file_unreadable);
        CHECK(error.message() == file.string() + " isn't a kavi that runs here");
    }
    CHECK(error_of([&] { look_at_program(folder.path() / "absent", {}); }).code() == errors::file_unreadable);
}

#include "estate.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/backup/schedule_handler.hpp>

#include <functional>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::error_of;

namespace {

const std::string writer = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgOGMZT3kx4lmjDbq4yeNhSGLX5G66b5afdd400So8x";

std::string short_digest(std::string_view text) {
    return hex(sha256(text)).substr(0, 16);
}

struct World {
    model::LoadedEstate loaded = schedule_test::seed();
    bool opened = true;
    std::int64_t sequence = 5;
    bool has_agent = true;

    HostRequest request() const {
        return host_request({.loaded = loaded, .vault = schedule_test::vault(opened), .kavi = "0.1.0", .sealed_sequence = sequence}, "bruno");
    }

    /// What a server says that has all as declared.
    Json facts() const {
        Json units;
        for (const auto& [name, text] : backup_units(loaded.estate)) units[name] = short_digest(text);
        return {{"backup",
                 {{"request", request().digests()},
                  {"mode", "0 0600"},
                  {"units", units},
                  {"keys", {{"backup_signing", writer}, {"box-writer", writer}}},
                  {"accepted", {{"box-writer", short_digest("u000000-sub1@u000000.your-storagebox.de:23 " + writer)}}},
                  {"timer", {{"UnitFileState", "enabled"}, {"ActiveState", "active"}}},
                  {"service", Json::object()}}}};
    }

    plan::Plan plan(const Json& facts) const {
        const auto wanted = request();
        return plan_backup_host({.loaded = loaded,
                                 .server = "bruno",
                                 .request = wanted,
                                 .key = schedule_test::vault().key("backup"),
                                 .facts = facts,
                                 .has_agent = has_agent});
    }
};

std::string text_of(const plan::Plan& plan) {
    std::string text;
    for (const auto& action : plan.actions) text += action.id + ": " + action.reason + "\n";
    return text;
}

/// Remembers what it was asked; answers "backup/keys" with each of `answers` in turn.
class RecordingHost final : public host::Host {
  public:
    const std::string& name() const override { return name_; }

    Json call(const host::Operation& operation, const host::EventSink&, std::stop_token) override {
        asked.push_back(operation);
        if (operation.name != "backup/keys") return Json::object();
        auto answer = answers.front();
        answers.erase(answers.begin());
        return answer;
    }

    std::vector<Json> answers;
    std::vector<host::Operation> asked;

  private:
    std::string name_ = "bruno";
};

}  // namespace

TEST_CASE("what differs on a server is mended, and nothing else") {
    struct Case {
        std::string what;
        std::function<void(World&, Json& backup)> change;
        std::string planned;
    };

    const auto keys = [](std::string why) { return "backup/bruno/keys: " + why + "\n"; };
    const auto schedule = [](std::string why) { return "backup/bruno/schedule: " + why + "\n"; };
    const std::vector<Case> cases{
        {"all as declared", [](auto&, auto&) {}, ""},
        {"no program there", [](auto& world, auto& seen) { world.has_agent = false; seen["request"] = Json::object(); }, ""},
        {"never backed up", [](auto&, auto& seen) { seen["request"] = Json::object(); }, schedule("it isn't backed up yet")},
        {"no signing key", [](auto&, auto& seen) { seen["keys"]["backup_signing"] = ""; }, keys("it has no key that signs its backups")},
        {"no writer key", [](auto&, auto& seen) { seen["keys"]["box-writer"] = ""; }, keys("it has no key for box")},
        {"the box lets it in no more", [](auto&, auto& seen) { seen["accepted"]["box-writer"] = short_digest(""); }, keys("box doesn't know its key as u000000-sub1")},
        {"another account", [](auto& world, auto&) { world.loaded.estate.storages.at("box").users["write"] = "u9"; },
         keys("box doesn't know its key as u9") + schedule("stores changed")},
        {"another item", [](auto& world, auto&) { world.loaded.estate.backup.items.erase("redis"); }, schedule("items changed")},
        {"another address", [](auto&, auto& seen) { seen["request"]["notify"] = "00"; }, schedule("notify changed")},
        {"nobody is told any more", [](auto& world, auto&) { world.loaded.estate.notify.reset(); }, schedule("notify changed")},
        {"another recipient", [](auto& world, auto&) { world.loaded.estate.operators.erase("offline"); }, schedule("recipients changed")},
        {"another version of kavi", [](auto&, auto& seen) { seen["request"]["kavi"] = "00"; }, ""},
        {"a newer sealed copy", [](auto& world, auto&) { world.sequence = 6; }, ""},
        {"CI can't see Infisical's key", [](auto& world, auto&) { world.opened = false; world.sequence = 0; }, ""},
        {"open to others", [](auto&, auto& seen) { seen["mode"] = "0 0644"; }, schedule("/etc/kavi/backup.json is open to others")},
        {"another time", [](auto& world, auto&) { world.loaded.estate.backup.schedule = "hourly"; }, schedule("kavi-backup.timer differs")},
        {"the timer is disabled", [](auto&, auto& seen) { seen["timer"]["UnitFileState"] = "disabled"; }, schedule("its timer is off")},
        {"the timer is stopped", [](auto&, auto& seen) { seen["timer"]["ActiveState"] = "inactive"; }, schedule("its timer is off")},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        World world;
        auto facts = world.facts();
        one.change(world, facts["backup"]);
        CHECK(text_of(world.plan(facts)) == one.planned);
    }
}

TEST_CASE("a server that isn't made yet gets its keys, then the timer") {
    const World world;
    const auto plan = world.plan(nullptr);
    CHECK(text_of(plan) == "backup/bruno/keys: new server\nbackup/bruno/schedule: new server\n");
    CHECK(plan.actions[1].after == std::vector<std::string>{"backup/bruno/keys"});
    CHECK(plan.actions[0].lane == "bruno");
    CHECK(plan.actions[0].kind == "backup");
    CHECK(World().plan(World().facts()).unchanged == std::vector<std::pair<std::string, int>>{{"backup schedule", 1}});
}

TEST_CASE("no secret and nothing incidental is in the plan's digest") {
    World world;
    const auto first = plan::digest(world.plan(nullptr));
    CHECK(plan::to_json(world.plan(nullptr)).dump().find("s3cret") == std::string::npos);
    world.sequence = 9;
    CHECK(plan::digest(world.plan(nullptr)) == first);
    world.loaded.estate.backup.items.erase("redis");
    CHECK(plan::digest(world.plan(nullptr)) != first);
}

TEST_CASE("an estate whose stores no server writes says so") {
    World world;
    world.loaded.estate.backup.stores = {"objects"};
    const auto plan = world.plan(nullptr);
    CHECK(plan.actions.empty());
    CHECK(plan.notes == std::vector<std::string>{"bruno: nothing is backed up: no store of [backup] is one that a server writes itself"});
}

TEST_CASE("schedules as systemd writes them") {
    const std::vector<std::pair<std::string, std::string>> cases{{"hourly", "*-*-* *:00:00 America/Santiago"},
                                                                 {"daily 03:00", "*-*-* 03:00:00 America/Santiago"},
                                                                 {"weekly sun 23:45", "Sun *-*-* 23:45:00 America/Santiago"}};
    auto estate = schedule_test::seed().estate;
    for (const auto& [schedule, calendar] : cases) {
        estate.backup.schedule = schedule;
        CHECK(on_calendar(estate) == calendar);
        CHECK(backup_units(estate).at("kavi-backup.timer").find("OnCalendar=" + calendar + "\n") != std::string::npos);
    }
}

TEST_CASE("the timer's service holds the host's lock and reads the request") {
    const auto service = backup_units(schedule_test::seed().estate).at("kavi-backup.service");
    CHECK(service.find("/usr/bin/flock --wait 3600 /run/kavi/lock ") != std::string::npos);
    CHECK(service.find("exec /usr/local/lib/kavi/kavi __agent backup --request /etc/kavi/backup.json'\n") != std::string::npos);
    CHECK(service.find('@') == std::string::npos);
}

TEST_CASE("what a server says of its backups") {
    World world;
    auto facts = world.facts();
    facts["agent"] = {{"sha256", "aa"}, {"version", "0.1.0"}, {"mode", "root 0755"}};
    facts["backup"]["timer"]["NextElapseUSecRealtime"] = "Thu 2026-11-26 06:05:11 UTC";
    facts["backup"]["service"] = {{"ActiveState", "failed"}, {"Result", "exit-code"}, {"ExecMainStartTimestamp", "Wed 2026-11-25 06:05:11 UTC"}, {"ExecMainExitTimestamp", "Wed 2026-11-25 06:07:00 UTC"}};
    const auto state = backup_host_state(facts);
    CHECK(state.agent);
    CHECK(state.scheduled);
    CHECK(state.signing_key == writer);
    CHECK(state.result == "exit-code");
    CHECK(*state.next - *state.last == std::chrono::hours(24));
    CHECK(*state.ended - *state.last == std::chrono::seconds(109));
    CHECK_FALSE(state.running);
    const auto nothing = backup_host_state(Json::object());
    CHECK_FALSE(nothing.agent);
    CHECK_FALSE(nothing.scheduled);
    CHECK_FALSE(nothing.next);
    CHECK(nothing.result.empty());
}

TEST_CASE("keys are made on the server, and the request goes there as a frame") {
    const World world;
    const auto plan = world.plan(nullptr);
    const auto vault = schedule_test::vault();
    RecordingHost host;
    host.answers = {{{"public", writer}, {"accepted", true}, {"signing", "ssh-ed25519 AAAA"}}};
    BackupHostHandler handler({.estate = world.loaded.estate, .host_at = [&](const std::string&, std::stop_token) -> host::Host& { return host; }, .door = {vault, nullptr}});
    const std::vector<const plan::Action*> both{&plan.actions[0], &plan.actions[1]};
    handler.apply(both, {});
    REQUIRE(host.asked.size() == 2);
    CHECK(host.asked[0].parameters["spec"] == Json{{"name", "box-writer"},
                                                   {"host", "u000000.your-storagebox.de"},
                                                   {"port", 23},
                                                   {"user", "u000000-sub1"},
                                                   {"host_key", "SHA256:lU0k1Xs9NICzJ4/Wb0SjNPW915eK2uYMfN+R79SQQok"}});
    CHECK(host.asked[1].name == "backup/schedule");
    CHECK(host.asked[1].parameters["keep"].empty());
    CHECK(host.asked[1].parameters.dump().find("s3cret") == std::string::npos);
    CHECK(host.asked[1].frames.front().view() == world.request().text().reveal());
    CHECK(handler.signing_keys() == std::map<std::string, std::string>{{"bruno", "ssh-ed25519 AAAA"}});
}

TEST_CASE("a box that nobody may open to a new key is named, with the key") {
    World world;
    world.loaded.estate.storages.at("box").keys.erase("admin");
    const auto plan = world.plan(nullptr);
    const auto vault = schedule_test::vault();
    RecordingHost host;
    host.answers = {{{"public", writer}, {"accepted", false}, {"signing", writer}}};
    BackupHostHandler handler({.estate = world.loaded.estate, .host_at = [&](const std::string&, std::stop_token) -> host::Host& { return host; }, .door = {vault, nullptr}});
    const std::vector<const plan::Action*> first{&plan.actions[0]};
    const auto error = error_of([&] { handler.apply(first, {}); });
    CHECK(error.code() == errors::credentials_missing);
    CHECK(error.message() == "box has to let a new host key in, and nobody may do that");
    CHECK(test::causes(error) == writer);
    CHECK(error.advice() == "name an admin key (storage.box.keys.admin), or install this public key for u000000-sub1 by hand");
    CHECK(handler.signing_keys().empty());
}

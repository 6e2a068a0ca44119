#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/ops/restore/handler.hpp>
#include <kavi/ops/restore/plan.hpp>
#include <kavi/seal/age.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <support/memory_store.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

constexpr auto older = "20261124T060000Z-0001", newer = "20261125T060000Z-0002";

const model::LoadedEstate& seed() {
    static const auto loaded =
        model::load_estate(std::filesystem::path(KAVI_SOURCE_DIR) / "config/kavi.toml");
    return loaded;
}

Artefact artefact(const std::string& run,
                  const std::string& item,
                  const std::string& kind,
                  const std::string& part = {}) {
    return {.item = item,
            .kind = kind,
            .part = part,
            .file = fmt::format("{}/{}.{}.{}.zst.age", run, item, part, kind),
            .bytes = 10,
            .sha256 = std::string(64, 'a'),
            .plain_bytes = 20'000'000,
            .plain_sha256 = std::string(64, 'b')};
}

StoredRun stored(const std::string& run, std::vector<ItemFailure> failures = {}) {
    Manifest manifest{.estate = "kavi", .server = "bruno", .run = run, .failures = std::move(failures)};
    const auto failed = [&](const std::string& part) {
        return std::ranges::any_of(manifest.failures, [&](const auto& one) { return one.part == part; });
    };
    manifest.artefacts.push_back(artefact(run, "databases", "postgres-globals"));
    for (const auto* name : {"forgejo", "infisical"})
        if (!failed(name)) manifest.artefacts.push_back(artefact(run, "databases", "postgres", name));
    manifest.artefacts.push_back(artefact(run, "redis", "redis"));
    for (const auto* name : {"forgejo", "forgejo-config", "certificates", "notes"})
        manifest.artefacts.push_back(artefact(run, name, "files"));
    manifest.artefacts.push_back(artefact(run, "images", "images", "traefik:v3"));
    return {.run = run, .time = *run_time(run), .manifest = std::move(manifest), .digest = {}};
}

Catalog catalog(std::vector<ItemFailure> failures_of_newer = {}) {
    return {.store = "box",
            .estate = "kavi",
            .server = "bruno",
            .runs = {stored(newer, std::move(failures_of_newer)), stored(older)}};
}

RestoreRequest request(const Catalog& from, std::vector<RestoreWish> wishes = {}) {
    return {.loaded = seed(),
            .catalog = from,
            .server = "bruno",
            .wishes = std::move(wishes),
            .now = *run_time("20261125T090000Z-0000")};
}

std::vector<std::string> ids(const std::vector<plan::Action>& actions) {
    std::vector<std::string> all;
    for (const auto& action : actions) all.push_back(action.id);
    return all;
}

const RestorePart& part_of(const plan::Action& action) {
    return dynamic_cast<const RestoreStep&>(*action.payload).part;
}

const plan::Action& named(const std::vector<plan::Action>& actions, const std::string& id) {
    const auto found = std::ranges::find(actions, id, &plan::Action::id);
    REQUIRE(found != actions.end());
    return *found;
}

Error refused(const RestoreRequest& asked) {
    return test::error_of([&] { plan_restore(asked); });
}

}  // namespace

TEST_CASE("everything of a server is restored: roles before databases, asked for once") {
    const auto from = catalog();
    const auto actions = plan_restore(request(from));
    CHECK(ids(actions) == std::vector<std::string>{"restore/bruno/certificates",
                                                   "restore/bruno/databases/globals",
                                                   "restore/bruno/databases/forgejo",
                                                   "restore/bruno/databases/infisical",
                                                   "restore/bruno/forgejo",
                                                   "restore/bruno/forgejo-config",
                                                   "restore/bruno/notes",
                                                   "restore/bruno/redis"});
    CHECK(std::ranges::count(actions, plan::Question::type_name, &plan::Action::question) == 1);
    CHECK(actions.front().confirm_name == "bruno");
    for (const auto& action : actions) {
        CHECK(action.kind == "restore");
        CHECK(action.lane == "bruno");
    }
    const auto& database = named(actions, "restore/bruno/databases/infisical");
    CHECK(database.after == std::vector<std::string>{"restore/bruno/databases/globals"});
    CHECK(database.reason == fmt::format("box of {}, 3 h old, {}", newer, size_text(20'000'000)));
    CHECK(database.verb == plan::Verb::replace);
    CHECK(part_of(database).target == Json{{"kind", "postgres"},
                                           {"project", "production"},
                                           {"service", "postgres"},
                                           {"image", "postgres:16.11-alpine"},
                                           {"database", "infisical"}});
    const auto& redis = part_of(named(actions, "restore/bruno/redis")).target;
    CHECK(redis["volume"] == "production_redis-data");
    CHECK(redis["at"] == "/data");
    CHECK(redis["cli"] == Json{"/bin/sh", "/etc/redis/redis.sh", "cli"});
    CHECK(redis["labels"] ==
          Json{{"com.docker.compose.project", "production"}, {"com.docker.compose.volume", "redis-data"}});
    CHECK(part_of(named(actions, "restore/bruno/forgejo")).target ==
          Json{{"kind", "files"},
               {"volume", "production_forgejo-data"},
               {"labels",
                {{"com.docker.compose.project", "production"},
                 {"com.docker.compose.volume", "forgejo-data"}}}});
    CHECK(part_of(named(actions, "restore/bruno/notes")).target ==
          Json{{"kind", "files"}, {"folder", "/mnt/storagebox/obsidian"}, {"mount", "/mnt/storagebox"}});
}

TEST_CASE("where nothing is live nothing is asked") {
    const auto from = catalog();
    auto asked = request(from);
    asked.fresh = true;
    for (const auto& action : plan_restore(asked)) {
        CHECK(action.question == plan::Question::none);
        CHECK(action.verb != plan::Verb::replace);
    }
}

TEST_CASE("a database that failed in the newest run comes from the one before, the others from the newest") {
    const auto from = catalog({{"databases", "infisical", "pg_dump failed"}});
    const auto actions = plan_restore(request(from, {{.item = "databases"}}));
    CHECK(part_of(named(actions, "restore/bruno/databases/infisical")).artefact.file.starts_with(older));
    CHECK(part_of(named(actions, "restore/bruno/databases/forgejo")).artefact.file.starts_with(newer));
    auto asked = request(from, {{.item = "databases"}});
    asked.run = newer;
    CHECK(refused(asked).message() == fmt::format("run {} doesn't have infisical of databases whole", newer));
}

TEST_CASE("the time and the run are as wished") {
    const auto from = catalog();
    auto asked = request(from, {{.item = "redis"}});
    asked.at = *run_time("20261125T055959Z-0000");
    CHECK(part_of(plan_restore(asked).front()).artefact.file.starts_with(older));
    asked.at = *run_time("20261124T055959Z-0000");
    CHECK(refused(asked).code() == errors::backup_missing);
    asked.at.reset();
    asked.run = older;
    CHECK(part_of(plan_restore(asked).front()).artefact.file.starts_with(older));
    asked.run = "20261123T060000Z-0001";
    CHECK(refused(asked).message() == "there is no run 20261123T060000Z-0001 of bruno");
}

TEST_CASE("a part of an item, and another place") {
    const auto from = catalog();
    auto actions = plan_restore(request(
        from,
        {{.item = "databases", .database = "forgejo", .table = "public.user", .into_database = "look"}}));
    CHECK(ids(actions) ==
          std::vector<std::string>{"restore/bruno/databases/globals", "restore/bruno/databases/forgejo"});
    CHECK(part_of(actions.back()).target["into"] == "look");
    CHECK(part_of(actions.back()).target["table"] == "public.user");
    CHECK(actions.back().effect == "into the new database look");
    CHECK(actions.back().question == plan::Question::none);
    actions = plan_restore(request(from, {{.item = "notes", .paths = {"a/b"}, .into_folder = "/srv/look"}}));
    CHECK(part_of(actions.front()).target["paths"] == Json{"a/b"});
    CHECK(part_of(actions.front()).target["into"] == "/srv/look");
    CHECK(actions.front().verb == plan::Verb::create);
    auto elsewhere = request(from, {{.item = "forgejo"}});
    elsewhere.server = "eva";
    actions = plan_restore(elsewhere);
    CHECK(actions.front().id == "restore/eva/forgejo");
    CHECK(actions.front().confirm_name == "eva");
    CHECK(dynamic_cast<const RestoreStep&>(*actions.front().payload).owner == "bruno");
}

TEST_CASE("images are restored when they are named") {
    const auto from = catalog();
    const auto actions = plan_restore(request(from, {{.item = "images"}}));
    CHECK(ids(actions) == std::vector<std::string>{"restore/bruno/images/traefik:v3"});
    CHECK(part_of(actions.front()).target == Json{{"kind", "images"}});
}

TEST_CASE("wishes that make no sense are refused with a reason") {
    const auto from = catalog();
    const auto message = [&](const RestoreWish& wish) { return refused(request(from, {wish})).message(); };
    CHECK(message({.item = "redis", .database = "x"}) == "redis has no databases");
    CHECK(message({.item = "databases", .paths = {"x"}}) == "databases has no files of its own");
    CHECK(message({.item = "databases", .database = "infisical", .table = "x"}) ==
          "one table is restored beside the live database only: give --into db:NAME too");
    CHECK(message({.item = "databases", .into_database = "x"}) == "--into db:NAME needs --database, too");
    CHECK(message({.item = "git"}) == "git is a mirror of Git repositories: nothing is restored by kavi");
    CHECK(message({.item = "databases", .database = "nothing"}) ==
          "there is no whole backup of nothing of databases");
    const auto error = refused(request(from, {{.item = "databaes"}}));
    CHECK(error.message() == "no backup item is called 'databaes'");
    CHECK(error.advice() == "did you mean 'databases'?");
}

TEST_CASE("an item's place among the services of its server") {
    const auto places = item_places(seed(), "bruno");
    std::vector<std::string> names;
    for (const auto& place : places) names.push_back(place.item);
    CHECK(names == std::vector<std::string>{
                       "certificates", "databases", "forgejo", "forgejo-config", "notes", "redis"});
    const auto databases = item_place(seed(), "databases");
    CHECK(databases.within == "postgres");
    CHECK(databases.before.empty());
    CHECK(databases.readers == std::vector<std::string>{"forgejo", "infisical", "kuanary"});
    CHECK(item_place(seed(), "redis").before == std::vector<std::string>{"redis"});
    CHECK(item_place(seed(), "certificates").before == std::vector<std::string>{"traefik"});
    CHECK(item_place(seed(), "notes").before == std::vector<std::string>{"obsidian"});
    CHECK(item_places(seed(), "eva").empty());
}

namespace {

/// Hears what it is asked, and answers from a script.
class AgentHost final : public host::Host {
  public:
    const std::string& name() const override { return name_; }

    Json call(const host::Operation& operation, const host::EventSink& on_event, std::stop_token) override {
        operations.push_back(operation);
        for (const auto& event : events) on_event(event);
        return answer;
    }

    std::vector<host::Operation> operations;
    std::vector<Json> events;
    Json answer;

  private:
    std::string name_ = "bruno";
};

}  // namespace

TEST_CASE("a server's agent gets the file key as a frame, and each artefact its own outcome") {
    const auto identity = seal::X25519Identity::generate();
    const std::vector<seal::Identity> identities{identity};
    const std::vector<seal::Recipient> recipients{seal::parse_recipient(identity.recipient())};
    const auto from = catalog();
    const auto actions = plan_restore(request(from, {{.item = "databases"}}));
    test::MemoryStore files;
    for (const auto& action : actions)
        files.files["kavi/bruno/" + part_of(action).artefact.file] = seal::age_seal(Secret("x"), recipients);
    AgentHost server;
    const auto& good = part_of(actions[1]).artefact.file;
    const auto& bad = part_of(actions[2]).artefact.file;
    server.events = {{{"event", "progress"},
                      {"subject", "databases/forgejo"},
                      {"text", "fetching"},
                      {"bytes", 5'000'000},
                      {"total", 20'000'000}}};
    server.answer = {{"artefacts",
                      {{{"file", good},
                        {"bytes", 7},
                        {"seconds", 1.5},
                        {"rows", 12},
                        {"kept", "forgejo__before_x"},
                        {"restarted", {"forgejo"}},
                        {"warnings", Json::array()}},
                       {{"file", bad},
                        {"failure",
                         {{"code", "KAVI-E0705"},
                          {"message", "pg_restore failed on infisical"},
                          {"causes", {"why"}},
                          {"fix", "x"}}}}}}};
    std::vector<std::string> told;
    RestoreHandler handler(
        {.host_at = [&](const std::string&, std::stop_token) -> host::Host& { return server; },
         .open_store =
             [&](const std::string&) {
                 auto copy = std::make_unique<test::MemoryStore>();
                 copy->files = files.files;
                 return copy;
             },
         .store_for =
             [](const std::string&, const std::string& store) {
                 return Json{{"name", store}};
             },
         .identities = [&]() -> std::span<const seal::Identity> { return identities; },
         .estate = "kavi",
         .run = "20261125T090000Z-0009",
         .on_progress =
             [&](const plan::Action& action, std::string_view doing) {
                 told.push_back(fmt::format("{}: {}", action.id, doing));
             }});
    const std::vector<const plan::Action*> batch{&actions[1], &actions[2]};
    try {
        handler.apply(batch, {});
        FAIL("one of them failed");
    } catch (const run::BatchFailure& failure) {
        REQUIRE(failure.failed.size() == 1);
        CHECK(failure.failed.at("restore/bruno/databases/infisical").message() ==
              "pg_restore failed on infisical");
    }
    CHECK(handler.results().at("restore/bruno/databases/forgejo").rows == 12);
    CHECK(handler.results().at("restore/bruno/databases/forgejo").restarted ==
          std::vector<std::string>{"forgejo"});
    CHECK(told == std::vector<std::string>{fmt::format("restore/bruno/databases/forgejo: fetching, {} of {}",
                                                       size_text(5'000'000),
                                                       size_text(20'000'000))});

    REQUIRE(server.operations.size() == 1);
    const auto& operation = server.operations.front();
    CHECK(operation.name == "agent/run");
    CHECK(operation.parameters == Json{{"command", "restore"}});
    REQUIRE(operation.frames.size() == 1);
    CHECK(operation.frames.front().name == "agent-request");
    CHECK(std::holds_alternative<Secret>(operation.frames.front().bytes));
    const auto sent = parse_json(operation.frames.front().view(), "the request");
    CHECK(sent["run"] == "20261125T090000Z-0009");
    CHECK(sent["store"] == Json{{"name", "box"}});
    const auto real = seal::unwrap_header(files.files.at("kavi/bruno/" + good), identities);
    CHECK(sent["artefacts"][0]["file_key"] == base64(real.file_key.reveal()));
    CHECK(sent["artefacts"][0]["header_size"] == real.header_size);
    CHECK(sent["artefacts"][0]["target"]["database"] == "forgejo");
}

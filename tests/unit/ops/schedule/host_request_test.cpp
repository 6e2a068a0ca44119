#include "estate.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/ops/backup/host_request.hpp>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::error_of;

namespace {

HostRequest request_of(const model::LoadedEstate& loaded, bool opened = true, std::int64_t sequence = 5) {
    return host_request({.loaded = loaded, .vault = schedule_test::vault(opened), .kavi = "0.1.0", .sealed_sequence = sequence}, "bruno");
}

Json item(const Json& items, std::string_view name) {
    for (const auto& one : items)
        if (one["name"] == name) return one;
    return nullptr;
}

}  // namespace

TEST_CASE("a server is told of its items as the engine calls things") {
    const auto loaded = schedule_test::seed();
    const auto items = host_items(loaded, "bruno");
    CHECK(item(items, "databases") == Json{{"name", "databases"}, {"kind", "postgres"}, {"project", "production"}, {"service", "postgres"}});
    CHECK(item(items, "redis")["service"] == "redis");
    CHECK(item(items, "redis")["cli"] == Json{"/bin/sh", "/etc/redis/redis.sh", "cli"});
    const auto images = item(items, "images")["images"];
    CHECK(images.size() == loaded.stacks.at("production").services.size());
    CHECK(std::ranges::find(images, "postgres:16.11-alpine") != images.end());
    CHECK(item(items, "forgejo") == Json{{"name", "forgejo"}, {"kind", "files"}, {"volume", "production_forgejo-data"}, {"exclude", Json::array()}});
    CHECK(item(items, "notes") == Json{{"name", "notes"}, {"kind", "files"}, {"folder", "/mnt/storagebox/obsidian"}, {"mount", "/mnt/storagebox"}, {"exclude", Json::array()}});
    CHECK(item(items, "git").is_null());
    CHECK(host_items(loaded, "eva").empty());
}

TEST_CASE("a volume that the compose file names keeps that name, one of no stack its own, and a folder of no mount has none") {
    auto loaded = schedule_test::seed();
    auto& items = loaded.estate.backup.items;
    loaded.stacks.at("production").volumes.at("forgejo-data").real_name = "git-data";
    items["elsewhere"] = {.name = "elsewhere", .source = model::Place{"bruno", "volume/by-hand"}, .exclude = {"cache"}};
    items["images"].service = "redis";
    items["beside"] = {.name = "beside", .source = model::Place{"bruno", "/mnt/storagebox2/x"}};
    const auto told = host_items(loaded, "bruno");
    CHECK(item(told, "forgejo")["volume"] == "git-data");
    CHECK(item(told, "elsewhere")["volume"] == "by-hand");
    CHECK(item(told, "elsewhere")["exclude"] == Json{"cache"});
    CHECK_FALSE(item(told, "beside").contains("mount"));
    CHECK(item(told, "images")["images"] == Json::array({"redis:8.2.2-alpine"}));
}

TEST_CASE("a server opens a store by its own key") {
    auto loaded = schedule_test::seed();
    CHECK(store_for(loaded.estate, "box") == Json{{"name", "box"},
                                                  {"kind", "sftp"},
                                                  {"host", "u000000.your-storagebox.de"},
                                                  {"port", 23},
                                                  {"user", "u000000-sub1"},
                                                  {"host_key", "SHA256:lU0k1Xs9NICzJ4/Wb0SjNPW915eK2uYMfN+R79SQQok"},
                                                  {"key", "/var/lib/kavi/keys/box-writer_ed25519"}});
    const auto bucket = error_of([&] { store_for(loaded.estate, "objects"); });
    CHECK(bucket.message() == "servers can't write backups to objects");
    CHECK(test::causes(bucket) == "it is no Storage Box and no other SSH server");
    loaded.estate.storages.at("box").users.erase("write");
    const auto nobody = error_of([&] { store_for(loaded.estate, "box"); });
    CHECK(nobody.code() == errors::config_invalid);
    CHECK(test::causes(nobody) == "it has no users.write");
    loaded.estate.storages.at("box").users["write"] = "u";
    loaded.estate.storages.at("box").host_key.reset();
    CHECK(test::causes(error_of([&] { store_for(loaded.estate, "box"); })) == "it has no host_key");
}

TEST_CASE("stores that servers can't write get copies from elsewhere") {
    auto loaded = schedule_test::seed();
    loaded.estate.backup.stores = {"objects", "box"};
    CHECK(host_stores(loaded.estate) == std::vector<std::string>{"box"});
    CHECK(copied_stores(loaded.estate) == std::vector<std::string>{"objects"});
    CHECK(request_of(loaded).json["stores"].size() == 1);
}

TEST_CASE("the request has what the agent needs and nothing that opens a backup") {
    const auto loaded = schedule_test::seed();
    const auto request = request_of(loaded);
    CHECK(request.json["recipients"].size() == 2);  // ci has none
    CHECK(request.json["signing_key"] == "/var/lib/kavi/keys/backup_signing_ed25519");
    CHECK(request.json["sealed_sequence"] == 5);
    CHECK(request.unknown.empty());
    const auto key = request.json["encryption_key"].get<std::string>();
    CHECK(key.size() == 8 + 1 + 32);
    CHECK(key.find("6c1fe4") == std::string::npos);
    const auto whole = parse_json(request.text().reveal(), "the request");
    CHECK(whole["notify"]["url"] == "https://hooks.example/T0/s3cret");
    CHECK(whole["kavi.agent"] == 1);
    CHECK(request.json.dump().find("s3cret") == std::string::npos);
    for (const auto* hidden : {"BOX_PRUNE_KEY", "BOX_READ_KEY", "BOX_ADMIN_KEY", "AGE-SECRET-KEY"})
        CHECK(request.text().reveal().find(hidden) == std::string_view::npos);
}

TEST_CASE("who isn't told of backups has no address in the request") {
    auto loaded = schedule_test::seed();
    loaded.estate.notify->on = {"deploy"};
    CHECK_FALSE(request_of(loaded).notify_url);
    loaded.estate.notify.reset();
    CHECK_FALSE(request_of(loaded).notify_url);
}

TEST_CASE("without a sealed copy at hand what depends on one is left as the server has it") {
    auto loaded = schedule_test::seed();
    auto request = request_of(loaded, false, 0);
    CHECK(request.unknown == std::set<std::string>{"encryption_key", "sealed_sequence"});
    loaded.estate.notify->url.source = model::SecretRef::Source::sealed;
    request = request_of(loaded, false, 0);
    CHECK(request.unknown.contains("notify"));
    CHECK_FALSE(request.notify_url);
}

TEST_CASE("an estate whose backups nobody could open is refused") {
    auto loaded = schedule_test::seed();
    for (auto& [name, one] : loaded.estate.operators) one.age.reset();
    CHECK(error_of([&] { request_of(loaded); }).message() == "nobody could open a backup: no operator of the estate file has an age recipient");
}

TEST_CASE("digests are those that the runner makes of the file") {
    // The same values stand in runner_test.py.
    const HostRequest request{.json = {{"a", {{"z", 1}, {"b", {"ñ/\"x\"", true, nullptr}}}}, {"n", 5}}, .notify_url = Secret("https://x"), .unknown = {}};
    CHECK(request.digests() == std::map<std::string, std::string>{{"a", "bc0f85e77a435f7e"}, {"n", "ef2d127de37b942b"}, {"notify", "894ca098fbf643e6"}});
    CHECK(request.text().reveal() == "{\"a\":{\"b\":[\"ñ/\\\"x\\\"\",true,null],\"z\":1},\"n\":5,\"notify\":{\"url\":\"https://x\"}}\n");
}

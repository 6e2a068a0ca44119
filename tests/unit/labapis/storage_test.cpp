#include "lab.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

const std::string good_password = "Correct-horse-7-battery";

struct Storage {
    Lab lab;
    Client api;
    std::string box;

    explicit Storage(std::optional<std::filesystem::path> folder = {})
        : lab(config(std::move(folder))),
          api(lab, "storage", HetznerSeed{}.token),
          box(fmt::format("/storage_boxes/{}",
                          api.get("/storage_boxes").json["storage_boxes"][0]["id"].dump())) {}

    static LabApisConfig config(std::optional<std::filesystem::path> folder) {
        LabApisConfig config;
        config.hetzner.action_time = std::chrono::milliseconds(1);
        config.hetzner.storage_boxes = {{.name = "box",
                                         .username = "u123456",
                                         .server = "u123456.your-storagebox.de",
                                         .folder = std::move(folder),
                                         .subaccounts = {{"u123456-sub1", "kavi", false}}}};
        return config;
    }

    /// The reply's action, finished; its status.
    std::string outcome(const Reply& reply) {
        CAPTURE(reply.body);
        REQUIRE(reply.status == 201);
        const auto id = reply.json["action"]["id"].dump();
        Json action;
        REQUIRE(eventually([&] {
            action = api.get("/storage_boxes/actions/" + id).json["action"];
            return action["status"] != "running";
        }));
        return action["status"];
    }

    Json post(const std::string& path, const Json& body) {
        const auto reply = api.post(path, body);
        CHECK(outcome(reply) == "success");
        return reply.json;
    }

    Json shown() { return api.get(box).json["storage_box"]; }
};

struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / fmt::format("labapis-{}-{}", ::getpid(), ++count);
    static inline int count = 0;

    Folder() { std::filesystem::create_directories(path / "disk"); }

    ~Folder() { std::filesystem::remove_all(path); }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path / "disk" / name) << text;
    }
};

}  // namespace

TEST_CASE("a storage box's life") {
    Storage s;
    const auto made = s.post("/storage_boxes",
                             {{"name", "second"},
                              {"storage_box_type", "bx21"},
                              {"location", "fsn1"},
                              {"password", good_password},
                              {"access_settings", {{"ssh_enabled", true}}}});
    CHECK(made["storage_box"]["status"] == "initializing");
    CHECK(made["storage_box"]["server"].is_null());
    const auto path = "/storage_boxes/" + made["storage_box"]["id"].dump();
    const auto box = s.api.get(path).json["storage_box"];
    CHECK(box["status"] == "active");
    CHECK(box["access_settings"]["ssh_enabled"] == true);
    CHECK(box["access_settings"]["zfs_enabled"] == false);
    CHECK(string_or(box, "server").ends_with(".your-storagebox.de"));
    CHECK(s.api.get("/storage_boxes?name=second").json["storage_boxes"].size() == 1);

    CHECK(s.api.put(path, {{"name", "renamed"}, {"labels", {{"a", "b"}}}}).json["storage_box"]["name"] ==
          "renamed");
    CHECK(s.api.get("/storage_boxes?label_selector=a%3Db").json["storage_boxes"].size() == 1);
    CHECK(s.api.put(path, {{"name", "box"}}).code() == "uniqueness_error");

    s.post(path + "/actions/change_protection", {{"delete", true}});
    CHECK(s.api.remove(path).code() == "protected");
    s.post(path + "/actions/change_protection", {{"delete", false}});
    CHECK(s.outcome(s.api.remove(path)) == "success");
    CHECK(s.api.get(path).status == 404);
    CHECK(s.api.get("/storage_boxes/actions?status=success").json["actions"].size() == 4);
}

TEST_CASE("a storage box's settings") {
    Storage s;
    s.post(s.box + "/actions/change_type", {{"storage_box_type", "bx21"}});
    s.post(s.box + "/actions/reset_password", {{"password", good_password}});
    s.post(s.box + "/actions/update_access_settings", {{"zfs_enabled", true}, {"ssh_enabled", false}});
    s.post(s.box + "/actions/enable_snapshot_plan",
           {{"max_snapshots", 7}, {"minute", 30}, {"hour", 4}, {"day_of_week", nullptr}});
    auto box = s.shown();
    CHECK(box["storage_box_type"]["name"] == "bx21");
    CHECK(box["access_settings"]["zfs_enabled"] == true);
    CHECK(box["access_settings"]["ssh_enabled"] == false);
    CHECK(box["access_settings"]["reachable_externally"] == true);
    CHECK(box["snapshot_plan"] == Json{{"max_snapshots", 7},
                                       {"minute", 30},
                                       {"hour", 4},
                                       {"day_of_week", nullptr},
                                       {"day_of_month", nullptr}});
    CHECK(s.outcome(s.api.post(s.box + "/actions/disable_snapshot_plan")) == "success");
    CHECK(s.shown()["snapshot_plan"].is_null());
    CHECK(s.api.get(s.box + "/actions?sort=id:desc").json["actions"][0]["command"] ==
          "disable_snapshot_plan");
    const auto action = s.api.get(s.box + "/actions").json["actions"][0]["id"].dump();
    CHECK(s.api.get(s.box + "/actions/" + action).json["action"]["command"] == "change_type");
}

TEST_CASE("what a storage box refuses") {
    Storage s;

    struct Case {
        const char *path, *body, *code;
    };

    const auto c = GENERATE(values<Case>({
        {"/actions/reset_password", R"({"password":"short-1A"})", "invalid_input"},
        {"/actions/reset_password", R"({"password":"no-upper-case-7"})", "invalid_input"},
        {"/actions/change_type", R"({"storage_box_type":"bx12"})", "invalid_input"},
        {"/actions/enable_snapshot_plan", R"({"max_snapshots":11,"minute":0,"hour":0})", "invalid_input"},
        {"/actions/enable_snapshot_plan", R"({"max_snapshots":1,"minute":0,"hour":24})", "invalid_input"},
        {"/actions/rollback_snapshot", R"({"snapshot":"none"})", "invalid_input"},
        {"/subaccounts",
         R"({"home_directory":"/abs","password":"Correct-horse-7-battery"})",
         "invalid_input"},
        {"/subaccounts/1/actions/change_home_directory", R"({"home_directory":"x"})", "not_found"},
        {"/snapshots", "no json", "json_error"},
    }));
    CAPTURE(c.path, c.body);
    CHECK(s.api.send("POST", s.box + c.path, c.body).code() == c.code);
    CHECK(s.api.get("/storage_box_types/99").code() == "not_found");
}

TEST_CASE("one change at a time") {
    auto config = Storage::config({});
    config.hetzner.action_time = std::chrono::seconds(30);
    Lab lab(config);
    Client api(lab, "storage", HetznerSeed{}.token);
    const auto box = "/storage_boxes/" + api.get("/storage_boxes").json["storage_boxes"][0]["id"].dump();
    CHECK(api.post(box + "/snapshots", Json::object()).status == 201);
    CHECK(api.post(box + "/snapshots", Json::object()).code() == "locked");
}

TEST_CASE("sub-accounts") {
    Storage s;
    const auto all = s.box + "/subaccounts";
    const auto made =
        s.post(all, {{"home_directory", "git"}, {"password", good_password}, {"description", "d"}});
    CHECK(made["subaccount"].size() == 2);
    const auto path = all + "/" + made["subaccount"]["id"].dump();
    const auto one = s.api.get(path).json["subaccount"];
    CHECK(one["username"] == "u123456-sub2");
    CHECK(one["name"] == "u123456-sub2");
    CHECK(one["server"] == "u123456-sub2.your-storagebox.de");
    CHECK(s.api.get(all + "?username=u123456-sub1").json["subaccounts"][0]["home_directory"] == "kavi");
    CHECK(s.api.put(path, {{"name", "git"}, {"labels", {{"k", ""}}}}).json["subaccount"]["name"] == "git");
    s.post(path + "/actions/change_home_directory", {{"home_directory", "git/new"}});
    s.post(path + "/actions/reset_subaccount_password", {{"password", good_password}});
    s.post(path + "/actions/update_access_settings", {{"readonly", true}});
    const auto changed = s.api.get(path).json["subaccount"];
    CHECK(changed["home_directory"] == "git/new");
    CHECK(changed["access_settings"]["readonly"] == true);
    CHECK(s.outcome(s.api.remove(path)) == "success");
    CHECK(s.api.get(all).json["subaccounts"].size() == 1);
}

TEST_CASE("snapshots of a box that has a disk") {
    const Folder folder;
    std::filesystem::create_directories(folder.path / "disk/kavi/deep");
    folder.write("one", "first");
    Storage s(folder.path / "disk");
    CHECK(s.api.get(s.box + "/folders").json["folders"] == Json{"kavi"});
    CHECK(s.api.get(s.box + "/folders?path=kavi").json["folders"] == Json{"deep"});
    CHECK(s.api.get(s.box + "/folders?path=../..").json["folders"] == Json{"kavi"});
    CHECK(s.shown()["stats"]["size_data"] == 5);

    const auto all = s.box + "/snapshots";
    const auto first =
        s.post(all, {{"description", "before"}, {"labels", {{"by", "test"}}}})["snapshot"]["id"].dump();
    folder.write("one", "second");
    folder.write("two", "more");
    const auto second = s.post(all, Json::object())["snapshot"]["id"].dump();
    CHECK(s.api.get(all).json["snapshots"].size() == 2);
    CHECK(s.api.get(all + "?is_automatic=true").json["snapshots"].empty());
    CHECK(s.api.put(all + "/" + first, {{"description", "kept"}}).json["snapshot"]["description"] == "kept");
    const auto shown = s.api.get(all + "/" + first).json["snapshot"];
    CHECK(shown["stats"]["size"] == 5);
    CHECK(s.shown()["stats"]["size_snapshots"] == 15);

    s.post(s.box + "/actions/rollback_snapshot", {{"snapshot", shown["name"]}});
    CHECK(std::filesystem::file_size(folder.path / "disk/one") == 5);
    CHECK_FALSE(std::filesystem::exists(folder.path / "disk/two"));
    CHECK(std::filesystem::exists(folder.path / "disk/kavi/deep"));
    CHECK(s.api.get(all + "/" + second).status == 404);
    CHECK(s.outcome(s.api.remove(all + "/" + first)) == "success");
    CHECK(s.api.get(all).json["snapshots"].empty());
}

TEST_CASE("the types, and one project for both hosts") {
    Storage s;
    const auto types = s.api.get("/storage_box_types?per_page=2").json;
    CHECK(types["storage_box_types"][0]["name"] == "bx11");
    CHECK(types["meta"]["pagination"]["total_entries"] == 4);
    const auto id = types["storage_box_types"][0]["id"].dump();
    CHECK(s.api.get("/storage_box_types/" + id).json["storage_box_type"]["size"] == 1099511627776);

    Client cloud(s.lab, "hetzner", HetznerSeed{}.token), nobody(s.lab, "storage");
    const auto action = s.post(s.box + "/snapshots", Json::object())["action"]["id"].dump();
    CHECK(cloud.get("/actions/" + action).json["action"]["command"] == "create_snapshot");
    CHECK(nobody.get("/storage_boxes").code() == "unauthorized");
    CHECK(cloud.get("/storage_boxes").status == 404);
    CHECK(s.lab.apis.environment().at("HETZNER_ENDPOINT") == s.lab.apis.url("storage"));
}

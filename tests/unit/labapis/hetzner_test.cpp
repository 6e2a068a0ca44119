#include "lab.hpp"

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

constexpr const char* key_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChq1HtKKW+uXcdqLJYVXsRBOo4JtXh3IY+NnzTgP someone";

LabApisConfig small_estate() {
    LabApisConfig config;
    config.hetzner.action_time = std::chrono::milliseconds(30);
    config.hetzner.primary_ips = {{.name = "bruno-v4", .ip = "188.34.198.57"}};
    config.hetzner.sold_out = {"cpx42@nbg1"};
    return config;
}

struct Hetzner {
    Lab lab;
    Client api;

    explicit Hetzner(LabApisConfig config = small_estate())
        : lab(std::move(config)), api(lab, "hetzner", std::string(64, 'h')) {}

    /// The action as it ended.
    Json ended(std::int64_t action) {
        Json last;
        REQUIRE(eventually([&] {
            last = api.get("/actions?id=" + std::to_string(action)).json["actions"][0];
            return last["status"] != "running";
        }));
        return last;
    }

    Json ended(const Reply& reply) { return ended(reply.json["action"]["id"].get<std::int64_t>()); }

    /// Creates a server and waits until it runs.
    Json server(const Json& order) {
        const auto made = api.post("/servers", order);
        REQUIRE(made.status == 201);
        for (const auto& next : made.json["next_actions"]) ended(next["id"].get<std::int64_t>());
        ended(made);
        return at(made.json["server"]["id"]);
    }

    Json at(const Json& id) { return api.get("/servers/" + id.dump()).json["server"]; }

    std::int64_t seeded_ip() { return api.get("/primary_ips").json["primary_ips"][0]["id"]; }
};

Json order(const std::string& name) {
    return {{"name", name}, {"server_type", "cpx32"}, {"image", "ubuntu-24.04"}, {"location", "nbg1"}};
}

}  // namespace

TEST_CASE("a server is created by actions and starts") {
    Hetzner hetzner;
    auto body = order("bruno");
    body["public_net"] = {{"ipv4", hetzner.seeded_ip()}, {"enable_ipv6", false}};
    body["labels"] = {{"kavi", "bruno"}};
    const auto made = hetzner.api.post("/servers", body);
    REQUIRE(made.status == 201);
    CHECK(made.json["server"]["status"] == "initializing");
    CHECK(made.json["server"]["locked"] == true);
    CHECK(made.json["server"]["public_net"]["ipv4"]["ip"] == "188.34.198.57");
    CHECK(made.json["server"]["public_net"]["ipv6"].is_null());
    CHECK(made.json["root_password"].is_string());
    CHECK(made.json["action"]["status"] == "running");
    REQUIRE(made.json["next_actions"].size() == 1);
    CHECK(hetzner.ended(made.json["next_actions"][0]["id"].get<std::int64_t>())["status"] == "success");
    CHECK(eventually([&] { return hetzner.at(made.json["server"]["id"])["locked"] == false; }));
    CHECK(hetzner.at(made.json["server"]["id"])["status"] == "running");
}

TEST_CASE("a name is the key that keeps a server from being made twice") {
    Hetzner hetzner;
    hetzner.server(order("bruno"));
    const auto again = hetzner.api.post("/servers", order("bruno"));
    CHECK(again.status == 409);
    CHECK(again.code() == "uniqueness_error");
    CHECK(again.json["error"]["details"]["fields"][0]["name"] == "name");
}

TEST_CASE("requests that the official document doesn't allow are refused") {
    Hetzner hetzner;
    const auto refused = [&](const Json& change, const std::string& field) {
        auto body = order("bruno");
        body.update(change);
        const auto reply = hetzner.api.post("/servers", body);
        CAPTURE(change.dump(), reply.body);
        CHECK(reply.status == 422);
        CHECK(reply.code() == "invalid_input");
        CHECK(reply.json["error"]["details"]["fields"][0]["name"] == field);
    };
    refused({{"server_type", 110}}, "server_type");
    refused({{"image", 4710001}}, "image");
    refused({{"ssh_keys", {1}}}, "ssh_keys");
    refused({{"placement_group", "1"}}, "placement_group");
    refused({{"public_net", {{"ipv4", "1"}}}}, "public_net.ipv4");
    refused({{"firewalls", {{{"firewall", "1"}}}}}, "firewalls[0].firewall");
    refused({{"name", "no_host"}}, "name");
    refused({{"labels", {{"kavi", "a:b"}}}}, "labels");
    refused({{"user_data", std::string(40000, 'x')}}, "user_data");
    refused({{"server_type", "cx32"}}, "server_type");
    refused({{"image", "templeos"}}, "image");
    CHECK(hetzner.api.send("POST", "/servers", "{").code() == "json_error");
}

TEST_CASE("actions without parameters take no body, not even an empty object") {
    Hetzner hetzner;
    const auto id = hetzner.server(order("bruno"))["id"].dump();
    CHECK(eventually([&] { return hetzner.at(Json::parse(id))["locked"] == false; }));
    CHECK(hetzner.api.post("/servers/" + id + "/actions/enable_rescue").status == 400);
    CHECK(hetzner.api.post("/servers/" + id + "/actions/reboot", Json::object()).status == 422);
    CHECK(hetzner.api.post("/servers/" + id + "/actions/reboot").status == 201);
}

TEST_CASE("a sold-out type says so") {
    Hetzner hetzner;
    auto body = order("bruno");
    body["server_type"] = "cpx42";
    const auto reply = hetzner.api.post("/servers", body);
    CHECK(reply.status == 412);
    CHECK(reply.code() == "resource_unavailable");
    const auto types = hetzner.api.get("/server_types?name=cpx42").json["server_types"];
    for (const auto& location : types[0]["locations"])
        CHECK(location["available"] == (location["name"] != "nbg1"));
}

TEST_CASE("a locked server refuses the next action") {
    auto config = small_estate();
    config.hetzner.action_time = std::chrono::milliseconds(400);
    Hetzner hetzner(config);
    const auto made = hetzner.api.post("/servers", order("bruno"));
    const auto path = "/servers/" + made.json["server"]["id"].dump();
    const auto reply = hetzner.api.post(path + "/actions/poweroff");
    CHECK(reply.status == 423);
    CHECK(reply.code() == "locked");
    CHECK(hetzner.api.remove(path).code() == "locked");
}

TEST_CASE("protection stops deletion and rebuilding until it is lifted") {
    Hetzner hetzner;
    const auto path = "/servers/" + hetzner.server(order("bruno"))["id"].dump();
    const auto protect = [&](bool on) {
        return hetzner.api.post(path + "/actions/change_protection", {{"delete", on}, {"rebuild", on}});
    };
    CHECK(hetzner.api.post(path + "/actions/change_protection", {{"delete", true}, {"rebuild", false}})
              .status == 422);
    hetzner.ended(protect(true));
    CHECK(eventually([&] { return hetzner.api.remove(path).code() == "protected"; }));
    CHECK(hetzner.api.post(path + "/actions/rebuild", {{"image", "ubuntu-24.04"}}).code() == "protected");
    hetzner.ended(protect(false));
    CHECK(eventually([&] { return hetzner.api.remove(path).status == 200; }));
}

TEST_CASE("a primary IP survives its server, an automatic one doesn't") {
    Hetzner hetzner;
    const auto ip = hetzner.seeded_ip();
    auto body = order("bruno");
    body["public_net"] = {{"ipv4", ip}};
    const auto server = hetzner.server(body);
    CHECK(hetzner.api.get("/primary_ips").json["primary_ips"].size() == 2);
    CHECK(hetzner.api.remove("/primary_ips/" + std::to_string(ip)).code() == "must_be_unassigned");
    auto second = order("other");
    second["public_net"] = {{"ipv4", ip}};
    CHECK(hetzner.api.post("/servers", second).code() == "primary_ip_assigned");
    CHECK(eventually([&] { return hetzner.api.remove("/servers/" + server["id"].dump()).status == 200; }));
    CHECK(eventually([&] { return hetzner.api.get("/servers").json["servers"].empty(); }));
    const auto left = hetzner.api.get("/primary_ips").json["primary_ips"];
    REQUIRE(left.size() == 1);
    CHECK(left[0]["ip"] == "188.34.198.57");
    CHECK(left[0]["assignee_type"] == "unassigned");
    CHECK(left[0]["assignee_id"].is_null());
}

TEST_CASE("a primary IP moves only between servers that are off") {
    Hetzner hetzner;
    const auto ip = "/primary_ips/" + std::to_string(hetzner.seeded_ip());
    auto body = order("bruno");
    body["public_net"] = {{"enable_ipv4", false}};
    const auto server = hetzner.server(body)["id"];
    const auto path = "/servers/" + server.dump();
    const auto assign = [&] {
        return hetzner.api.post(ip + "/actions/assign",
                                {{"assignee_type", "server"}, {"assignee_id", server}});
    };
    CHECK(eventually([&] { return assign().code() == "server_not_stopped"; }));
    hetzner.ended(hetzner.api.post(path + "/actions/poweroff"));
    CHECK(eventually([&] { return assign().status == 201; }));
    CHECK(hetzner.at(server)["public_net"]["ipv4"]["ip"] == "188.34.198.57");
    CHECK(assign().code() == "primary_ip_already_assigned");
    CHECK(eventually([&] { return hetzner.api.post(ip + "/actions/unassign").status == 201; }));
}

TEST_CASE("firewall rules follow the document") {
    Hetzner hetzner;
    const Json ssh{
        {"direction", "in"}, {"protocol", "tcp"}, {"port", "22"}, {"source_ips", {"0.0.0.0/0", "::/0"}}};
    const auto made = hetzner.api.post("/firewalls", {{"name", "web"}, {"rules", {ssh}}});
    REQUIRE(made.status == 201);
    CHECK(made.json["firewall"]["rules"][0]["description"].is_null());
    const auto path = "/firewalls/" + made.json["firewall"]["id"].dump() + "/actions/set_rules";
    const auto refused = [&](const Json& change, const std::string& field) {
        auto rule = ssh;
        rule.update(change);
        const auto reply = hetzner.api.post(path, {{"rules", {rule}}});
        CAPTURE(change.dump(), reply.body);
        CHECK(reply.status == 422);
        CHECK(reply.json["error"]["details"]["fields"][0]["name"] == "rules[0]." + field);
    };
    refused({{"protocol", "icmp"}}, "port");
    refused({{"port", nullptr}}, "port");
    refused({{"port", "1-0"}}, "port");
    refused({{"source_ips", {"10.0.0.1/8"}}}, "source_ips");
    refused({{"destination_ips", {"10.0.0.0/8"}}}, "destination_ips");
    refused({{"colour", "red"}}, "colour");
    CHECK(hetzner.api.post(path, {{"rules", {ssh, ssh}}}).status == 201);
}

TEST_CASE("a firewall in use can't be deleted") {
    Hetzner hetzner;
    const auto server = hetzner.server(order("bruno"))["id"];
    const Json target{{"type", "server"}, {"server", {{"id", server}}}};
    const auto made = hetzner.api.post("/firewalls", {{"name", "web"}, {"apply_to", {target}}});
    const auto path = "/firewalls/" + made.json["firewall"]["id"].dump();
    CHECK(hetzner.at(server)["public_net"]["firewalls"][0]["id"] == made.json["firewall"]["id"]);
    CHECK(hetzner.api.remove(path).code() == "resource_in_use");
    CHECK(hetzner.api.post(path + "/actions/apply_to_resources", {{"apply_to", {target}}}).code() ==
          "firewall_already_applied");
    CHECK(hetzner.api.post(path + "/actions/remove_from_resources", {{"remove_from", {target}}}).status ==
          201);
    CHECK(hetzner.api.remove(path).status == 204);
}

TEST_CASE("SSH keys are told apart by name and fingerprint") {
    Hetzner hetzner;
    const auto made = hetzner.api.post("/ssh_keys", {{"name", "ana"}, {"public_key", key_line}});
    REQUIRE(made.status == 201);
    CHECK(made.json["ssh_key"]["fingerprint"].get<std::string>().size() == 47);
    CHECK(hetzner.api.post("/ssh_keys", {{"name", "ben"}, {"public_key", key_line}}).code() ==
          "uniqueness_error");
    CHECK(hetzner.api.post("/ssh_keys", {{"name", "ben"}, {"public_key", "ssh-ed25519 nonsense"}}).status ==
          422);
    auto body = order("bruno");
    body["ssh_keys"] = {"ana"};
    const auto server = hetzner.api.post("/servers", body);
    CHECK(server.json["root_password"].is_null());
}

TEST_CASE("lists are paged, sorted and selected") {
    LabApisConfig config;
    for (int i = 0; i < 60; ++i)
        config.hetzner.servers.push_back(
            {.name = "s" + std::to_string(100 + i), .labels = {{"odd", i % 2 ? "yes" : ""}}});
    Hetzner hetzner(config);
    const auto first = hetzner.api.get("/servers").json;
    CHECK(first["servers"].size() == 25);
    CHECK(first["meta"]["pagination"] == Json{{"page", 1},
                                              {"per_page", 25},
                                              {"previous_page", nullptr},
                                              {"next_page", 2},
                                              {"last_page", 3},
                                              {"total_entries", 60}});
    const auto last = hetzner.api.get("/servers?page=2&per_page=50&sort=name:desc").json;
    CHECK(last["servers"].size() == 10);
    CHECK(last["servers"][9]["name"] == "s100");
    CHECK(last["meta"]["pagination"]["next_page"].is_null());
    const auto count = [&](const std::string& selector) {
        return hetzner.api.get("/servers?per_page=1&label_selector=" + selector)
            .json["meta"]["pagination"]["total_entries"];
    };
    CHECK(count("odd%3Dyes") == 30);
    CHECK(count("odd%21%3Dyes") == 30);
    CHECK(count("odd") == 60);
    CHECK(count("%21odd") == 0);
    CHECK(count("odd%20in%20(yes,no),odd") == 30);
    CHECK(count("odd%20notin%20(yes,no)") == 30);
    CHECK(hetzner.api.get("/servers?sort=colour").status == 422);
    CHECK(hetzner.api.get("/servers?name=s105").json["servers"].size() == 1);
}

TEST_CASE("the allowance counts down and refuses") {
    auto config = small_estate();
    config.hetzner.rate_limit = 10;
    Hetzner hetzner(config);
    CHECK(hetzner.api.get("/servers").header("RateLimit-Remaining") == "9");
    for (int i = 0; i < 9; ++i) hetzner.api.get("/servers");
    const auto over = hetzner.api.get("/servers");
    CHECK(over.status == 429);
    CHECK(over.code() == "rate_limit_exceeded");
    CHECK(over.header("RateLimit-Limit") == "10");
    CHECK(over.header("X-Correlation-Id").size() == 16);
}

TEST_CASE("tokens") {
    auto config = small_estate();
    config.hetzner.readonly_token = "reader";
    Hetzner hetzner(config);
    CHECK(Client(hetzner.lab, "hetzner").get("/servers").code() == "unauthorized");
    Client reader(hetzner.lab, "hetzner", "reader");
    CHECK(reader.get("/servers").status == 200);
    CHECK(reader.post("/servers", order("x")).code() == "token_readonly");
    CHECK(hetzner.api.get("/nonsense").code() == "not_found");
}

TEST_CASE("an action can be made to fail") {
    Hetzner hetzner;
    hetzner.lab.apis.add_fault({.action = "create_server", .times = 1, .error = "resource_unavailable"});
    const auto made = hetzner.api.post("/servers", order("bruno"));
    const auto action = hetzner.ended(made);
    CHECK(action["status"] == "error");
    CHECK(action["error"]["code"] == "resource_unavailable");
    CHECK(eventually([&] { return hetzner.api.get("/servers").json["servers"].empty(); }));
    CHECK(hetzner.server(order("bruno"))["status"] == "running");
}

TEST_CASE("rebuilding keeps the server and its address") {
    Hetzner hetzner;
    const auto before = hetzner.server(order("bruno"));
    const auto path = "/servers/" + before["id"].dump();
    Reply rebuilt;
    CHECK(eventually([&] {
        rebuilt = hetzner.api.post(path + "/actions/rebuild",
                                   {{"image", "debian-13"}, {"user_data", "#cloud-config"}});
        return rebuilt.status == 201;
    }));
    CHECK(hetzner.ended(rebuilt)["status"] == "success");
    const auto after = hetzner.at(before["id"]);
    CHECK(after["image"]["name"] == "debian-13");
    CHECK(after["public_net"]["ipv4"] == before["public_net"]["ipv4"]);
}

TEST_CASE("a server that is destroyed is gone, its primary IP is free") {
    auto config = small_estate();
    config.hetzner.servers = {{.name = "bruno", .ipv4 = "188.34.198.57"}};
    Hetzner hetzner(config);
    CHECK(hetzner.api.get("/servers?name=bruno").json["servers"][0]["public_net"]["ipv4"]["ip"] ==
          "188.34.198.57");
    CHECK(hetzner.lab.apis.destroy_server("bruno"));
    CHECK_FALSE(hetzner.lab.apis.destroy_server("bruno"));
    CHECK(hetzner.api.get("/servers").json["servers"].empty());
    CHECK(hetzner.api.get("/primary_ips").json["primary_ips"][0]["assignee_id"].is_null());
}

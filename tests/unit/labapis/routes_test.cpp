#include "lab.hpp"

#include <fmt/format.h>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

/// Every route once as it is meant: what goes over the wire here is checked against the official documents.
namespace {

constexpr const char* key_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChq1HtKKW+uXcdqLJYVXsRBOo4JtXh3IY+NnzTgP someone";

struct Cloud {
    Lab lab;
    Client api;

    Cloud() : lab(config()), api(lab, "hetzner", std::string(64, 'h')) {}

    static LabApisConfig config() {
        LabApisConfig config;
        config.hetzner.action_time = std::chrono::milliseconds(1);
        config.hetzner.primary_ips = {{.name = "spare", .ip = "192.0.2.7"}};
        config.hetzner.servers = {{.name = "bruno"}, {.name = "eva", .running = false}};
        return config;
    }

    Json get(const std::string& path) {
        const auto reply = api.get(path);
        CAPTURE(path, reply.body);
        CHECK(reply.status == 200);
        return reply.json;
    }

    std::string first(const std::string& list) { return get("/" + list).at(list).at(0)["id"].dump(); }

    void finish(const Json& action) {
        if (!action.is_object()) return;
        Json last;
        REQUIRE(eventually([&] {
            last = api.get("/actions/" + action["id"].dump()).json["action"];
            return last["status"] != "running";
        }));
        CHECK(last["status"] == "success");
    }

    /// A change that is taken, with its actions ended.
    Json change(const std::string& method, const std::string& path, const Json& body = nullptr) {
        Reply reply;
        // A resource stays locked for a moment after its last action.
        eventually([&] {
            reply = api.send(method, path, body.is_null() ? "" : body.dump());
            return reply.status != 423;
        });
        CAPTURE(method, path, reply.body);
        CHECK(reply.status < 300);
        if (!reply.json.is_object()) return {};
        finish(reply.json.value("action", Json()));
        for (const auto* many : {"actions", "next_actions"})
            for (const auto& action : reply.json.value(many, Json::array())) finish(action);
        return reply.json;
    }

    Json post(const std::string& path, const Json& body = nullptr) { return change("POST", path, body); }
};

}  // namespace

TEST_CASE("every route of a server") {
    Cloud c;
    const auto running = "/servers/" + c.get("/servers?name=bruno")["servers"][0]["id"].dump();
    const auto stopped = "/servers/" + c.get("/servers?name=eva")["servers"][0]["id"].dump();
    for (const auto* action : {"reboot", "reset", "shutdown"}) c.post(running + "/actions/" + action);
    CHECK(eventually([&] { return c.get(running)["server"]["status"] == "off"; }));
    c.post(running + "/actions/poweron");
    c.change("PUT", running, {{"name", "bruno2"}, {"labels", {{"kavi", "x"}}}});
    c.post(running + "/actions/change_protection", {{"delete", true}, {"rebuild", true}});
    c.post(running + "/actions/change_protection", {{"delete", false}, {"rebuild", false}});
    c.post(running + "/actions/enable_rescue", Json::object());
    c.post(running + "/actions/disable_rescue");
    c.post(running + "/actions/reset_password");
    c.post(running + "/actions/request_console");
    c.post(running + "/actions/enable_backup");
    c.post(running + "/actions/create_image", {{"type", "snapshot"}, {"description", "before"}});
    c.post(running + "/actions/disable_backup");
    const auto address = c.get(running)["server"]["public_net"]["ipv4"]["ip"];
    c.post(running + "/actions/change_dns_ptr", {{"ip", address}, {"dns_ptr", "bruno.kua.cl"}});
    c.post(running + "/actions/change_dns_ptr", {{"ip", address}, {"dns_ptr", nullptr}});
    CHECK(c.get("/isos").at("isos").empty());  // the lab has none
    c.post(running + "/actions/detach_iso");
    c.get(running + "/metrics?type=cpu&start=2026-11-25T00:00:00Z&end=2026-11-25T01:00:00Z");
    c.post(stopped + "/actions/change_type", {{"server_type", "cpx42"}, {"upgrade_disk", false}});
    c.post(running + "/actions/rebuild", {{"image", "ubuntu-24.04"}});
    const auto action = c.get(running + "/actions").at("actions").at(0)["id"].dump();
    c.get("/servers/actions");
    c.get("/servers/actions/" + action);
    c.get(running + "/actions/" + action);
    c.post(running + "/actions/poweroff");
    c.change("DELETE", running);
}

TEST_CASE("every route of a primary IP") {
    Cloud c;
    const auto ip = "/primary_ips/" + c.get("/primary_ips?ip=192.0.2.7")["primary_ips"][0]["id"].dump();
    c.get(ip);
    c.change("PUT", ip, {{"name", "renamed"}, {"labels", {{"a", "b"}}}});
    c.post(ip + "/actions/change_protection", {{"delete", true}});
    c.post(ip + "/actions/change_protection", {{"delete", false}});
    c.post(ip + "/actions/change_dns_ptr", {{"ip", "192.0.2.7"}, {"dns_ptr", "x.kua.cl"}});
    c.get(ip + "/actions");
    const auto action = c.get("/primary_ips/actions").at("actions").at(0)["id"].dump();
    c.get("/primary_ips/actions/" + action);
    c.change("DELETE", ip);
    for (const auto* type : {"ipv4", "ipv6"})
        c.post("/primary_ips", {{"name", type}, {"type", type}, {"location", "nbg1"}});

    const auto eva = c.get("/servers?name=eva")["servers"][0];
    const auto own = eva["public_net"]["ipv4"]["id"].dump();
    c.post("/primary_ips/" + own + "/actions/unassign");
    c.post("/primary_ips/" + own + "/actions/assign",
           {{"assignee_type", "server"}, {"assignee_id", eva["id"]}});
}

TEST_CASE("every route of firewalls, keys and images") {
    Cloud c;
    const Json rule{
        {"direction", "in"}, {"protocol", "tcp"}, {"port", "22"}, {"source_ips", {"0.0.0.0/0", "::/0"}}};
    const auto made = c.post("/firewalls", {{"name", "web"}, {"rules", Json::array({rule})}});
    const auto firewall = "/firewalls/" + made["firewall"]["id"].dump();
    const Json target{{"type", "server"}, {"server", {{"id", c.get("/servers")["servers"][0]["id"]}}}};
    c.get("/firewalls");
    c.get(firewall);
    c.change("PUT", firewall, {{"name", "renamed"}});
    c.post(firewall + "/actions/set_rules", {{"rules", Json::array({rule})}});
    c.post(firewall + "/actions/apply_to_resources", {{"apply_to", Json::array({target})}});
    c.post(firewall + "/actions/remove_from_resources", {{"remove_from", Json::array({target})}});
    c.get(firewall + "/actions");
    const auto action = c.get("/firewalls/actions").at("actions").at(0)["id"].dump();
    c.get("/firewalls/actions/" + action);
    c.get(firewall + "/actions/" + action);
    c.change("DELETE", firewall);

    const auto key =
        "/ssh_keys/" + c.post("/ssh_keys", {{"name", "k"}, {"public_key", key_line}})["ssh_key"]["id"].dump();
    c.get("/ssh_keys");
    c.get(key);
    c.change("PUT", key, {{"labels", {{"a", "b"}}}});
    c.change("DELETE", key);

    c.get("/images?type=system&architecture=x86");
    const auto server = "/servers/" + c.first("servers");
    const auto image =
        "/images/" + c.post(server + "/actions/create_image", Json::object())["image"]["id"].dump();
    c.get(image);
    c.change("PUT", image, {{"description", "kept"}});
    c.post(image + "/actions/change_protection", {{"delete", true}});
    c.post(image + "/actions/change_protection", {{"delete", false}});
    c.get(image + "/actions");
    c.get("/images/actions/" + c.get("/images/actions").at("actions").at(0)["id"].dump());
    c.change("DELETE", image);
}

TEST_CASE("every route of the catalogue") {
    Cloud c;
    c.get("/server_types/" + c.first("server_types"));
    c.get("/locations/" + c.first("locations"));
    c.get("/pricing");
}

TEST_CASE("every route of a zone") {
    LabApisConfig config;
    config.cloudflare.account_token = "lab-account-token-0123456789abcdefghijkl";
    config.cloudflare.zones = {{.name = "kua.cl", .plan = "pro"}};
    Lab lab(config);
    Client api(lab, "cloudflare", CloudflareSeed{}.token),
        account(lab, "cloudflare", config.cloudflare.account_token);
    const auto fine = [](const Reply& reply) {
        CAPTURE(reply.body);
        CHECK(reply.status == 200);
        return reply.json.value("result", Json());
    };
    const auto listed = fine(api.get("/zones?name=kua.cl&per_page=50"))[0];
    const auto zone = "/zones/" + listed["id"].get<std::string>();
    const auto account_id = fine(api.get(zone))["account"]["id"].get<std::string>();
    fine(account.get("/accounts/" + account_id + "/tokens/verify"));
    fine(api.get(zone + "/settings"));
    for (const auto& [name, value] : {std::pair{"ssl", "strict"},
                                      std::pair{"always_use_https", "on"},
                                      std::pair{"min_tls_version", "1.2"}}) {
        fine(api.get(zone + "/settings/" + name));
        CHECK(fine(api.patch(zone + "/settings/" + name, {{"value", value}}))["value"] == value);
    }
    const auto records = zone + "/dns_records";
    const Json body{{"type", "A"}, {"name", "x"}, {"content", "192.0.2.1"}, {"ttl", 300}, {"comment", "c"}};
    const auto one = records + "/" + fine(api.post(records, body))["id"].get<std::string>();
    fine(api.get(one));
    fine(api.patch(one, {{"name", "x"}, {"type", "A"}, {"content", "192.0.2.2"}, {"ttl", 300}}));
    fine(api.put(one, body));
    fine(api.get(records + "?type=A&name=x.kua.cl&order=name&direction=asc"));
    fine(api.get(records + "/usage"));
    fine(api.remove(one));
    fine(api.post(records + "/scan/trigger"));
    fine(api.get(records + "/scan/review"));
    fine(api.post(records + "/scan/review", {{"accepts", Json::array()}, {"rejects", Json::array()}}));
    fine(api.post(records + "/scan", Json::object()));
}

#include "lab.hpp"

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

struct Doh {
    Lab lab;
    Client api;

    Doh() : lab(config()), api(lab, "doh") {}

    static LabApisConfig config() {
        LabApisConfig config;
        config.doh.edge_ipv4 = "198.51.100.9";
        config.cloudflare.zones = {
            {.name = "kua.cl",
             .records = {
                 {{"type", "A"}, {"name", "git"}, {"content", "192.0.2.1"}, {"ttl", 300}},
                 {{"type", "CNAME"}, {"name", "code"}, {"content", "git.kua.cl"}, {"ttl", 300}},
                 {{"type", "A"}, {"name", "web"}, {"content", "192.0.2.2"}, {"ttl", 1}, {"proxied", true}},
                 {{"type", "TXT"}, {"name", "kua.cl"}, {"content", "\"v=spf1 -all\""}, {"ttl", 300}}}}};
        return config;
    }

    Reply ask(const std::string& query) {
        return api.send("GET", "/dns-query?" + query, {}, {{"Accept", "application/dns-json"}});
    }
};

Json row(const std::string& name, int type, const std::string& data) {
    return {{"name", name}, {"type", type}, {"TTL", 300}, {"data", data}};
}

}  // namespace

TEST_CASE("names are answered as application/dns-json") {
    Doh doh;

    struct Case {
        const char* query;
        int status;
        Json answer;  ///< null: no member Answer
    };

    const std::vector<Case> cases{
        {"name=git.kua.cl&type=A", 0, Json::array({row("git.kua.cl", 1, "192.0.2.1")})},
        {"name=git.kua.cl", 0, Json::array({row("git.kua.cl", 1, "192.0.2.1")})},
        {"name=git.kua.cl.&type=1", 0, Json::array({row("git.kua.cl", 1, "192.0.2.1")})},
        {"name=git.kua.cl&type=AAAA", 0, nullptr},
        {"name=web.kua.cl&type=A", 0, Json::array({row("web.kua.cl", 1, "198.51.100.9")})},
        {"name=code.kua.cl&type=A",
         0,
         Json::array({row("code.kua.cl", 5, "git.kua.cl."), row("git.kua.cl", 1, "192.0.2.1")})},
        {"name=kua.cl&type=txt", 0, Json::array({row("kua.cl", 16, "\"v=spf1 -all\"")})},
        {"name=nothing.kua.cl&type=A", 3, nullptr},
        {"name=example.org&type=A", 3, nullptr}};
    for (const auto& c : cases) {
        const auto reply = doh.ask(c.query);
        CAPTURE(c.query, reply.body);
        CHECK(reply.status == 200);
        CHECK(reply.header("Content-Type") == "application/dns-json");
        CHECK(reply.json["Status"] == c.status);
        CHECK(reply.json.value("Answer", Json()) == c.answer);
    }
}

TEST_CASE("what a resolver refuses") {
    Doh doh;
    CHECK(doh.ask("name=&type=A").status == 400);
    CHECK(doh.ask("name=a.kua.cl&type=NOPE").status == 400);
    CHECK(doh.api.get("/dns-query?name=git.kua.cl&type=A").status == 415);
    CHECK(doh.api.get("/dns-query?name=git.kua.cl&type=A&ct=application/dns-json").status == 200);
    CHECK(doh.api.get("/resolve?name=git.kua.cl&type=A").json["Answer"][0]["data"] == "192.0.2.1");
    CHECK(doh.api.get("/other").status == 404);
    CHECK(doh.lab.apis.environment().at("KAVI_DOH_URL") == doh.lab.apis.url("doh") + "/dns-query");
}

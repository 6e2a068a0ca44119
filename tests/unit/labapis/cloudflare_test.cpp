#include "lab.hpp"

#include <vector>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

struct Cloudflare {
    Lab lab;
    Client api;
    std::string zone, records;

    explicit Cloudflare(std::string plan = "free", std::vector<Json> seeded = {}, std::int64_t quota = 0)
        : lab(config(std::move(plan), std::move(seeded), quota)),
          api(lab, "cloudflare", CloudflareSeed{}.token),
          zone("/zones/" + api.get("/zones?name=kua.cl").json["result"][0]["id"].get<std::string>()),
          records(zone + "/dns_records") {}

    static LabApisConfig config(std::string plan, std::vector<Json> seeded, std::int64_t quota) {
        LabApisConfig config;
        config.cloudflare.zones = {
            {.name = "kua.cl", .plan = std::move(plan), .records = std::move(seeded), .quota = quota}};
        return config;
    }

    Json made(const Json& body) {
        const auto reply = api.post(records, body);
        CAPTURE(body.dump(), reply.body);
        REQUIRE(reply.status == 200);
        return reply.json["result"];
    }

    int refused(const Json& body) { return code(api.post(records, body)); }

    static int code(const Reply& reply) {
        CAPTURE(reply.body);
        REQUIRE(reply.json["success"] == false);
        return reply.json["errors"][0]["code"];
    }
};

Json a(const std::string& name, const std::string& address = "192.0.2.1") {
    return {{"type", "A"}, {"name", name}, {"content", address}, {"ttl", 300}};
}

Json record(const std::string& type, const std::string& content) {
    Json body{{"type", type}, {"name", "x"}, {"content", content}, {"ttl", 1}};
    if (type == "MX") body["priority"] = 10;
    return body;
}

Json data(const std::string& type, const Json& members) {
    return {{"type", type}, {"name", type == "SRV" ? "_sip._tcp" : "x"}, {"ttl", 1}, {"data", members}};
}

}  // namespace

TEST_CASE("names come back whole, in lower case and punycode") {
    struct Case {
        const char *sent, *stored;
    };

    const auto c = GENERATE(values<Case>({{"www", "www.kua.cl"},
                                          {"@", "kua.cl"},
                                          {"kua.cl", "kua.cl"},
                                          {"WWW.Kua.CL.", "www.kua.cl"},
                                          {"*.apps", "*.apps.kua.cl"},
                                          {"_dmarc", "_dmarc.kua.cl"},
                                          {"b\u00fccher", "xn--bcher-kva.kua.cl"},
                                          {"\u00d1AND\u00da", "xn--and-6ma2c.kua.cl"}}));
    CAPTURE(c.sent);
    CHECK(Cloudflare().made(a(c.sent))["name"] == c.stored);
}

TEST_CASE("content is stored in its normal form") {
    struct Case {
        const char *type, *sent, *stored;
    };

    const auto c = GENERATE(values<Case>({{"AAAA", "2001:DB8:0:0::1", "2001:db8::1"},
                                          {"AAAA", "fe80::0:0:1", "fe80::1"},
                                          {"CNAME", "Target.Example.NET.", "target.example.net"},
                                          {"MX", "Mail.example.net.", "mail.example.net"},
                                          {"MX", ".", "."},
                                          {"NS", "ns.example.net.", "ns.example.net"},
                                          {"TXT", "plain text", "\"plain text\""},
                                          {"TXT", "\"one\" \"two\"", "\"onetwo\""},
                                          {"TXT", "\"a\\\"b\\\\c;d\"", "\"a\\\"b\\\\c;d\""},
                                          {"TXT", "say \"hi\" now", "\"say \\\"hi\\\" now\""}}));
    CAPTURE(c.sent);
    CHECK(Cloudflare().made(record(c.type, c.sent))["content"] == c.stored);
}

TEST_CASE("long TXT is split after 255 bytes") {
    Cloudflare cloudflare;
    const auto content = cloudflare.made(record("TXT", std::string(600, 'x')))["content"].get<std::string>();
    const auto chunk = [](std::size_t size) { return '"' + std::string(size, 'x') + '"'; };
    CHECK(content == chunk(255) + " " + chunk(255) + " " + chunk(90));
    CHECK(cloudflare.refused(record("TXT", std::string(4090, 'x'))) == 9015);
}

TEST_CASE("records with data show formatted content") {
    Cloudflare cloudflare;
    const auto srv = cloudflare.made(
        data("SRV", {{"priority", 1}, {"weight", 2}, {"port", 5060}, {"target", "Sip.example.net."}}));
    CHECK(srv["content"] == "2 5060 sip.example.net");
    CHECK(srv["data"]["target"] == "sip.example.net");
    CHECK(srv["priority"] == 1);
    const auto caa =
        cloudflare.made(data("CAA", {{"flags", 0}, {"tag", "issue"}, {"value", "letsencrypt.org"}}));
    CHECK(caa["content"] == "0 issue \"letsencrypt.org\"");
    CHECK(cloudflare.refused(data("CAA", {{"flags", 0}, {"tag", "issue"}})) == 9101);
}

TEST_CASE("what isn't valid is refused with the code of its kind") {
    Cloudflare cloudflare;

    struct Case {
        Json body;
        int code;
    };

    const auto changed = [](Json body, const Json& change) {
        body.update(change);
        return body;
    };
    const std::vector<Case> cases{
        {record("A", "1.1"), 9005},
        {record("A", "::1"), 9005},
        {record("AAAA", "192.0.2.1"), 9006},
        {record("CNAME", "not a host"), 9007},
        {record("TXT", ""), 9007},
        {record("TXT", "\"half"), 9007},
        {record("ALIAS", "a.b"), 9002},
        {changed(a("x"), {{"ttl", 30}}), 9021},
        {changed(a("x"), {{"ttl", 86401}}), 9021},
        {changed(a("x"), {{"name", "a..b"}}), 9000},
        {changed(a("x"), {{"name", ""}}), 9000},
        {changed(a("x"), {{"comment", std::string(101, 'c')}}), 9301},
        {changed(a("x"), {{"comment", "two\nlines"}}), 9301},
        {changed(a("x"), {{"comment", nullptr}}), 9301},
        {changed(a("x"), {{"tags", {"a:b"}}}), 9300},
        {changed(a("x", "1.1.1.1"), {{"proxied", true}}), 9003},
        {changed(record("TXT", "x"), {{"proxied", true}}), 9004},
        {{{"type", "MX"}, {"name", "x"}, {"content", "mail.example.net"}, {"ttl", 1}}, 9100},
    };
    for (const auto& one : cases) {
        CAPTURE(one.body.dump());
        CHECK(cloudflare.refused(one.body) == one.code);
    }
    CHECK(cloudflare.api.get(cloudflare.records).json["result"].empty());
}

TEST_CASE("records that exclude each other") {
    Cloudflare cloudflare;
    cloudflare.made(a("both"));
    CHECK(cloudflare.refused(a("both")) == 81058);
    cloudflare.made(a("both", "192.0.2.2"));
    CHECK(cloudflare.refused({{"type", "CNAME"}, {"name", "both"}, {"content", "a.b"}, {"ttl", 1}}) == 81053);
    cloudflare.made({{"type", "CNAME"}, {"name", "alias"}, {"content", "a.b"}, {"ttl", 1}});
    CHECK(cloudflare.refused(a("alias")) == 81054);
    CHECK(cloudflare.refused({{"type", "CNAME"}, {"name", "alias"}, {"content", "c.d"}, {"ttl", 1}}) ==
          81053);
    const Json ns{{"type", "NS"}, {"name", "sub"}, {"content", "ns.example.net"}, {"ttl", 300}};
    const Json ds{{"type", "DS"},
                  {"name", "sub"},
                  {"ttl", 300},
                  {"data", {{"key_tag", 1}, {"algorithm", 13}, {"digest_type", 2}, {"digest", "ab"}}}};
    CHECK(cloudflare.refused(ds) == 9007);
    const auto delegation = cloudflare.made(ns)["id"].get<std::string>();
    CHECK(cloudflare.refused(a("sub")) == 81056);
    cloudflare.made(ds);
    CHECK(Cloudflare::code(cloudflare.api.remove(cloudflare.records + "/" + delegation)) == 9007);
}

TEST_CASE("proxied records have an automatic TTL") {
    Cloudflare cloudflare;
    auto body = a("www");
    body["proxied"] = true;
    const auto made = cloudflare.made(body);
    CHECK(made["ttl"] == 1);
    CHECK(made["proxied"] == true);
    const auto path = cloudflare.records + "/" + made["id"].get<std::string>();
    auto plain = a("www");
    CHECK(cloudflare.api.put(path, plain).json["result"]["proxied"] == false);
    CHECK(cloudflare.api.get(path).json["result"]["ttl"] == 300);
}

TEST_CASE("an edit keeps what it doesn't mention, an overwrite doesn't") {
    Cloudflare cloudflare;
    auto body = a("www");
    body["comment"] = "mine";
    const auto path = cloudflare.records + "/" + cloudflare.made(body)["id"].get<std::string>();
    CHECK(cloudflare.api.patch(path, {{"content", "192.0.2.9"}}).json["result"]["comment"] == "mine");
    CHECK(cloudflare.api.patch(path, {{"comment", ""}}).json["result"]["comment"].is_null());
    cloudflare.api.patch(path, {{"comment", "again"}});
    CHECK(cloudflare.api.put(path, a("www")).json["result"]["comment"].is_null());
    const auto bad = cloudflare.api.patch(path, {{"content", "1.1.1.1"}, {"proxied", true}});
    CHECK(bad.status == 200);
    CHECK(bad.json["result"]["proxied"] == false);
}

TEST_CASE("a batch runs deletes, patches, puts, posts, and all of it or nothing") {
    Cloudflare cloudflare;
    const auto one = cloudflare.made(a("one"))["id"], two = cloudflare.made(a("two"))["id"];
    const Json alias{{"type", "CNAME"}, {"name", "one"}, {"content", "two.kua.cl"}, {"ttl", 1}};
    const auto failed = cloudflare.api.post(cloudflare.records + "/batch",
                                            {{"posts", {alias, a("two")}}, {"deletes", {{{"id", one}}}}});
    CHECK(Cloudflare::code(failed) == 81058);
    CHECK(failed.json["errors"].size() == 1);
    CHECK(cloudflare.api.get(cloudflare.records).json["result"].size() == 2);
    CHECK(cloudflare.api.get(cloudflare.records + "?type=CNAME").json["result"].empty());
    const auto good = cloudflare.api.post(cloudflare.records + "/batch",
                                          {{"posts", {alias}},
                                           {"deletes", {{{"id", one}}}},
                                           {"patches", {{{"id", two}, {"content", "192.0.2.7"}}}}});
    REQUIRE(good.status == 200);
    CHECK(good.json["result"]["deletes"][0]["name"] == "one.kua.cl");
    CHECK(good.json["result"]["patches"][0]["content"] == "192.0.2.7");
    CHECK(good.json["result"]["posts"][0]["content"] == "two.kua.cl");
    CHECK(good.json["result"]["puts"].empty());
}

TEST_CASE("the plan limits batches, comments and records") {
    Json posts = Json::array();
    for (int i = 0; i < 201; ++i) posts.push_back(a("n" + std::to_string(i)));
    Cloudflare free, pro("pro");
    CHECK(free.api.post(free.records + "/batch", {{"posts", posts}}).status == 400);
    posts.erase(200);
    CHECK(free.api.post(free.records + "/batch", {{"posts", posts}}).status == 200);
    CHECK(free.refused(a("one-more")) == 81045);
    CHECK(free.api.get(free.records + "/usage").json["result"] ==
          Json{{"record_quota", 200}, {"record_usage", 200}});
    auto body = a("www");
    body["comment"] = std::string(500, 'c');
    body["tags"] = {"owner:kavi"};
    CHECK(pro.made(body)["tags"][0] == "owner:kavi");
}

TEST_CASE("managed records can be seen and not touched") {
    auto managed = record("TXT", "v=DKIM1");
    managed["meta"] = {{"read_only", true}};
    Cloudflare cloudflare("free", {managed});
    const auto seen = cloudflare.api.get(cloudflare.records).json["result"][0];
    CHECK(seen["meta"]["read_only"] == true);
    const auto path = cloudflare.records + "/" + seen["id"].get<std::string>();
    CHECK(Cloudflare::code(cloudflare.api.remove(path)) == 1046);
    CHECK(Cloudflare::code(cloudflare.api.patch(path, {{"content", "x"}})) == 1046);
}

TEST_CASE("lists are filtered and paged") {
    Cloudflare cloudflare("pro");
    cloudflare.lab.apis.seed(250, 0);
    const auto first = cloudflare.api.get(cloudflare.records).json;
    CHECK(first["result"].size() == 100);
    CHECK(first["result_info"] ==
          Json{{"page", 1}, {"per_page", 100}, {"count", 100}, {"total_count", 250}, {"total_pages", 3}});
    const auto size = [&](const std::string& query) {
        return cloudflare.api.get(cloudflare.records + "?per_page=5000&" + query).json["result"].size();
    };
    CHECK(size("") == 250);
    CHECK(size("type=TXT") == 25);
    CHECK(size("name=HOST-00000.kua.cl") == 1);
    CHECK(size("name.startswith=text-") == 25);
    CHECK(size("type=TXT&name.startswith=host-") == 0);
    CHECK(size("type=TXT&name.startswith=host-&match=any") == 250);
    CHECK(size("page=3&comment.absent=") == 0);
    CHECK(cloudflare.api.get(cloudflare.records + "?order=colour").status == 400);
}

TEST_CASE("who calls is checked") {
    Cloudflare cloudflare;
    CHECK(Cloudflare::code(Client(cloudflare.lab, "cloudflare").get("/zones")) == 9106);
    const auto malformed = Client(cloudflare.lab, "cloudflare", "\"quoted\"").get("/zones");
    CHECK(Cloudflare::code(malformed) == 6003);
    CHECK(malformed.json["errors"][0]["error_chain"][0]["code"] == 6111);
    const auto wrong = Client(cloudflare.lab, "cloudflare", "wrong").get("/zones");
    CHECK(wrong.status == 403);
    CHECK(Cloudflare::code(wrong) == 9109);
    CHECK(cloudflare.api.get("/user/tokens/verify").json["result"]["status"] == "active");
    CHECK(Cloudflare::code(cloudflare.api.get("/zones/nonsense")) == 7003);
    CHECK(Cloudflare::code(cloudflare.api.get("/zones/" + std::string(32, 'a'))) == 10000);
    CHECK(Cloudflare::code(cloudflare.api.get(cloudflare.records + "/" + std::string(32, 'a'))) == 81044);
}

TEST_CASE("the allowance of calls counts down") {
    auto config = Cloudflare::config("free", {}, 0);
    config.cloudflare.rate_limit = 3;
    Lab lab(config);
    Client api(lab, "cloudflare", CloudflareSeed{}.token);
    CHECK(api.get("/zones").header("Ratelimit").starts_with("\"default\";r=2;t="));
    CHECK(api.get("/zones").header("Ratelimit-Policy") == "\"default\";q=3;w=300");
    api.get("/zones");
    const auto over = api.get("/zones");
    CHECK(over.status == 429);
    CHECK_FALSE(over.header("Retry-After").empty());
}

TEST_CASE("settings") {
    Cloudflare cloudflare;
    const auto path = cloudflare.zone + "/settings/ssl";
    CHECK(cloudflare.api.get(path).json["result"]["value"] == "full");
    CHECK(cloudflare.api.patch(path, {{"value", "strict"}}).json["result"]["value"] == "strict");
    CHECK(cloudflare.api.patch(path, {{"value", "on"}}).status == 400);
    CHECK(cloudflare.api.get(cloudflare.zone + "/settings").json["result"].size() == 3);
}

TEST_CASE("a zone that was exported can be imported elsewhere") {
    Cloudflare cloudflare;
    auto www = a("www");
    www["proxied"] = true;
    www["comment"] = "mine";
    cloudflare.made(www);
    cloudflare.made(record("MX", "mail.example.net"));
    cloudflare.made(record("TXT", "a; \"b\" c"));
    cloudflare.made(
        data("SRV", {{"priority", 1}, {"weight", 2}, {"port", 5060}, {"target", "sip.example.net"}}));
    cloudflare.made(data("CAA", {{"flags", 0}, {"tag", "issue"}, {"value", "letsencrypt.org"}}));
    const auto exported = cloudflare.api.get(cloudflare.records + "/export");
    CHECK(exported.body.find("www.kua.cl.\t1\tIN\tA\t192.0.2.1 ; mine cf_tags=cf-proxied:true") !=
          std::string::npos);
    Cloudflare other;
    const auto form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"z\"\r\n\r\n" +
                      exported.body + "\r\n--b--\r\n";
    const auto imported =
        other.api.send("POST", other.records + "/import", form, {}, "multipart/form-data; boundary=b");
    CAPTURE(imported.body);
    REQUIRE(imported.status == 200);
    CHECK(imported.json["result"]["recs_added"] == 5);
    const auto plain = [](const Json& list) {
        std::string text;
        for (const auto& one : list)
            text += one["name"].get<std::string>() + one["content"].get<std::string>() + '\n';
        return text;
    };
    CHECK(plain(other.api.get(other.records).json["result"]) ==
          plain(cloudflare.api.get(cloudflare.records).json["result"]));
}

TEST_CASE("names resolve as the zones say, proxied ones to the edge") {
    auto www = a("www");
    www["proxied"] = true;
    Cloudflare cloudflare("free",
                          {www,
                           a("git"),
                           a("*.apps", "192.0.2.5"),
                           a("own.apps", "192.0.2.6"),
                           {{"type", "CNAME"}, {"name", "alias"}, {"content", "git.kua.cl"}, {"ttl", 1}}});
    const auto& apis = cloudflare.lab.apis;
    using Texts = std::vector<std::string>;
    CHECK(apis.resolve("www.kua.cl", "A") == Texts{"127.0.0.1"});
    CHECK(apis.resolve("git.kua.cl.", "A") == Texts{"192.0.2.1"});
    CHECK(apis.resolve("alias.kua.cl", "A") == Texts{"192.0.2.1"});
    CHECK(apis.resolve("any.apps.kua.cl", "A") == Texts{"192.0.2.5"});
    CHECK(apis.resolve("own.apps.kua.cl", "A") == Texts{"192.0.2.6"});
    CHECK(apis.resolve("x.own.apps.kua.cl", "A") == std::nullopt);
    CHECK(apis.resolve("git.kua.cl", "TXT") == Texts{});
    CHECK(apis.resolve("elsewhere.net", "A") == std::nullopt);
}

TEST_CASE("ten thousand records and a full batch don't take for ever") {
    Cloudflare cloudflare("pro");
    cloudflare.lab.apis.seed(10000, 0);
    const auto begin = std::chrono::steady_clock::now();
    const auto all = cloudflare.api.get(cloudflare.records + "?per_page=5000&page=2");
    CHECK(all.json["result"].size() == 5000);
    Json patches = Json::array();
    for (std::size_t i = 0; i < 3500; ++i)
        patches.push_back({{"id", all.json["result"][i]["id"]}, {"ttl", 600}});
    CHECK(cloudflare.api.post(cloudflare.records + "/batch", {{"patches", patches}}).status == 200);
    // Generous: what it guards against is quadratic, and the machine may be busy.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
}

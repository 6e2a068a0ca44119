#include "lab.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

const std::string token(64, 'h');

Fault fault(const std::string& words) {
    return parse_fault(split(words, ' '));
}

}  // namespace

TEST_CASE("one connection carries far more than five requests") {
    Lab lab;
    Client client(lab, "hetzner", token);
    for (int i = 0; i < 50; ++i) REQUIRE(client.get("/locations").status == 200);
}

TEST_CASE("stopping doesn't wait for idle connections") {
    auto lab = std::make_unique<Lab>();
    Client client(*lab, "hetzner", token);
    REQUIRE(client.get("/locations").status == 200);
    const auto begin = std::chrono::steady_clock::now();
    lab.reset();
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("faults do what they say") {
    Lab lab;
    Client client(lab, "hetzner", token);
    SECTION("status") {
        lab.apis.add_fault(fault("api=hetzner path=/locations status=503 times=1"));
        const auto reply = client.get("/locations");
        CHECK(reply.status == 503);
        CHECK(reply.code() == "unavailable");
        CHECK(client.get("/locations").status == 200);
    }
    SECTION("rate limit with and without a hint") {
        lab.apis.add_fault(fault("status=429 retry-after=2 times=1"));
        CHECK(client.get("/locations").header("Retry-After") == "2");
        lab.apis.add_fault(fault("status=429 times=1"));
        CHECK(client.get("/locations").header("Retry-After").empty());
    }
    SECTION("reset") {
        lab.apis.add_fault(fault("reset times=1"));
        CHECK(client.get("/locations").status == 0);
        CHECK(client.get("/locations").status == 200);
    }
    SECTION("truncate") {
        lab.apis.add_fault(fault("truncate=100 times=1"));
        CHECK(client.get("/locations").status == 0);
    }
    SECTION("malformed") {
        lab.apis.add_fault(fault("malformed times=1"));
        const auto reply = client.get("/locations");
        CHECK(reply.status == 200);
        CHECK(reply.json.is_discarded());
    }
    SECTION("delay") {
        lab.apis.add_fault(fault("delay=120ms times=1"));
        const auto begin = std::chrono::steady_clock::now();
        CHECK(client.get("/locations").status == 200);
        CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(120));
    }
    SECTION("carried out, but nobody heard of it") {
        lab.apis.add_fault(fault("method=POST path=/servers reset carried-out times=1"));
        const Json order{{"name", "a"}, {"server_type", "cpx32"}, {"image", "ubuntu-24.04"}};
        CHECK(client.post("/servers", order).status == 0);
        CHECK(client.get("/servers?name=a").json["servers"].size() == 1);
        lab.apis.add_fault(fault("method=POST path=/servers reset times=1"));
        CHECK(client.post("/servers", {{"name", "b"}, {"server_type", "cpx32"}, {"image", "ubuntu-24.04"}})
                  .status == 0);
        CHECK(client.get("/servers?name=b").json["servers"].empty());
    }
    lab.apis.clear_faults();
    CHECK(lab.apis.faults().empty());
}

TEST_CASE("the log has every request and no secret") {
    const TemporaryFolder folder;
    const auto path = folder.path() / "requests.jsonl";
    {
        LabApisConfig config;
        config.request_log = path;
        Lab lab(config);
        Client client(lab, "hetzner", token);
        client.get("/servers?name=a%20b");
        client.post("/servers",
                    {{"name", "a"},
                     {"server_type", "cpx32"},
                     {"image", "ubuntu-24.04"},
                     {"user_data",
                      "key: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  c2VjcmV0\n  -----END OPENSSH PRIVATE "
                      "KEY-----\n"}});
        client.get("/locations");
    }
    const auto text = read_file(path);
    CHECK(text.find("c2VjcmV0") == std::string::npos);
    CHECK(text.find(token) == std::string::npos);
    const auto lines = split(trim(text), '\n');
    REQUIRE(lines.size() == 3);
    const auto first = Json::parse(lines[0]), second = Json::parse(lines[1]);
    CHECK(first["api"] == "hetzner");
    CHECK(first["method"] == "GET");
    CHECK(first["path"] == "/v1/servers");
    CHECK(first["query"] == "name=a%20b");
    CHECK(first["status"] == 200);
    CHECK(second["status"] == 201);
    CHECK(second["body"]["name"] == "a");
    CHECK(second["bytes_in"].get<int>() > 100);
    CHECK(second["bytes_out"].get<int>() > 100);
}

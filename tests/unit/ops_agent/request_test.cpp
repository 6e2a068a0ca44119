#include <kavi/base/error.hpp>
#include <kavi/ops/agent/backup.hpp>

#include <support/catch.hpp>

using namespace kavi;

namespace {

Json good() {
    return {{"kavi.agent", 1},
            {"estate", "kavi"},
            {"server", "bruno"},
            {"run", "20261125T060000Z-4f2a"},
            {"kavi", "0.1.0"},
            {"recipients", {seal::X25519Identity::generate().recipient()}},
            {"signing_key", "/var/lib/kavi/keys/backup_signing_ed25519"},
            {"stores", {{{"name", "box"}, {"kind", "sftp"}}}},
            {"items", {{{"name", "redis"}, {"kind", "redis"}, {"service", "redis"}}}},
            {"sealed_sequence", 5},
            {"encryption_key", "k:1"},
            {"accept_smaller", true}};
}

std::string refused(const Json& request) {
    try {
        ops::read_backup_request(request);
        return "taken";
    } catch (const Error& error) {
        return error.message();
    }
}

}  // namespace

TEST_CASE("a request is read") {
    const auto read = ops::read_backup_request(good());
    CHECK(read.estate == "kavi");
    CHECK(read.server == "bruno");
    CHECK(read.run == "20261125T060000Z-4f2a");
    CHECK(read.kavi == "0.1.0");
    CHECK(read.recipients.size() == 1);
    CHECK(read.stores.at(0)["kind"] == "sftp");
    CHECK(read.items.at(0).name == "redis");
    CHECK(read.items.at(0).json["service"] == "redis");
    CHECK(read.sealed_sequence == 5);
    CHECK(read.encryption_key == "k:1");
    CHECK(read.accept_smaller);
}

TEST_CASE("the timer's request names no run, and what may be missing may") {
    auto request = good();
    for (const auto* key : {"run", "kavi", "sealed_sequence", "encryption_key", "accept_smaller"})
        request.erase(key);
    const auto read = ops::read_backup_request(request);
    CHECK(read.run.empty());
    CHECK(read.sealed_sequence == 0);
    CHECK_FALSE(read.accept_smaller);
}

TEST_CASE("a request that lacks something is refused") {
    struct Case {
        std::string key;
        Json value;
        std::string message;
    };

    const auto one =
        GENERATE(values<Case>({{"kavi.agent", 2, "the request isn't for this agent"},
                               {"kavi.agent", nullptr, "the request isn't for this agent"},
                               {"estate", "", "the request has no estate"},
                               {"estate", "../kavi", "the request has no estate"},
                               {"server", ".hidden", "the request has no server"},
                               {"server", 7, "the request has no server"},
                               {"run", "today", "the request has no run"},
                               {"recipients", Json::array(), "the request has no recipients"},
                               {"signing_key", nullptr, "the request has no signing_key"},
                               {"stores", Json::array(), "the request has no stores"},
                               {"stores", Json::parse(R"([{"kind": "sftp"}])"), "the request has no name"},
                               {"items", nullptr, "the request has no items"},
                               {"items", Json::parse(R"([{"name": "redis"}])"), "the request has no kind"},
                               {"items", Json::parse(R"(["redis"])"), "the request has no name"}}));
    auto request = good();
    request[one.key] = one.value;
    CHECK(refused(request) == one.message);
}

TEST_CASE("nothing is sealed for somebody who isn't a recipient") {
    auto request = good();
    request["recipients"].push_back("age1qqq");
    CHECK_THROWS_AS(ops::read_backup_request(request), Error);
}

TEST_CASE("what went wrong in a result is said in lines") {
    const auto result = Json::parse(
        R"({"run": "r", "manifest": {"failures": [{"item": "databases", "part": "forgejo", "message": "pg_dump failed"},
        {"item": "redis", "part": "", "message": "redis doesn't run"}]},
        "stores": {"box": {"bytes": 7}, "vault": {"failure": {"code": "KAVI-E0702", "message": "vault is full"}}}})");
    CHECK(ops::backup_problems(result) == std::vector<std::string>{"databases/forgejo: pg_dump failed",
                                                                   "redis: redis doesn't run",
                                                                   "store vault: vault is full"});
    CHECK(ops::backup_problems(
              Json::parse(R"({"run": "r", "manifest": {"failures": []}, "stores": {"box": {"bytes": 7}}})"))
              .empty());
}

#include "lab.hpp"

#include <atomic>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

struct Infisical {
    std::atomic<bool> up = true;
    Lab lab;
    Client api;

    explicit Infisical(IdentitySeed identity = {}, InfisicalSeed seed = {}, std::string token = "writer")
        : lab(config(*this, std::move(identity), std::move(seed))), api(lab, "infisical", token) {}

    static LabApisConfig config(Infisical& self, IdentitySeed identity, InfisicalSeed seed) {
        LabApisConfig config;
        seed.projects = {{.slug = "infrastructure",
                          .secrets = {{"prod", "/", "ROOT", "${dev.A}"},
                                      {"prod", "/infra", "TOKEN", "t0ken", "a comment"},
                                      {"dev", "/", "A", "1"}}}};
        identity.roles.emplace("infrastructure", "member");
        identity.client_secret = std::string(64, 'c');
        seed.identities = {identity,
                           {.name = "writer", .token = "writer", .roles = {{"infrastructure", "admin"}}}};
        config.infisical = seed;
        config.infisical_reachable = [&self] { return self.up.load(); };
        return config;
    }

    Reply log_in(const std::string& secret = std::string(64, 'c')) {
        const auto id = lab.apis.environment().at("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID");
        return api.post("/api/v1/auth/universal-auth/login", {{"clientId", id}, {"clientSecret", secret}});
    }

    std::string token() { return log_in().json["accessToken"]; }

    std::string project() { return api.get("/api/v1/workspace").json["workspaces"][0]["id"]; }

    std::string list(const std::string& more = "&secretPath=/infra") {
        return "/api/v4/secrets?projectId=" + project() + "&environment=prod" + more;
    }
};

std::string message(const Reply& reply) {
    return string_or(reply.json, "message");
}

}  // namespace

TEST_CASE("a login's token opens the project") {
    Infisical i;
    const auto environment = i.lab.apis.environment();
    CHECK(environment.at("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET") == std::string(64, 'c'));
    CHECK(environment.at("INFISICAL_API_URL") == i.lab.apis.url("infisical"));
    Client client(i.lab, "infisical", i.token());
    const auto reply = client.get(i.list());
    CHECK(reply.status == 200);
    CHECK(reply.json["secrets"][0]["secretValue"] == "t0ken");
    CHECK(reply.json["secrets"][0]["secretComment"] == "a comment");
    CHECK(client.get(i.list("")).json["secrets"][0]["secretValue"] == "1");
}

TEST_CASE("three wrong secrets lock the identity, and the right one too") {
    Infisical i;
    for (int n = 0; n < 3; ++n) CHECK(message(i.log_in("wrong")) == "Invalid credentials");
    const auto locked = i.log_in();
    CHECK(locked.status == 401);
    CHECK(message(locked) == "This identity auth method is temporarily locked, please try again later");

    Infisical brief({.lockout = std::chrono::seconds(0)});
    for (int n = 0; n < 3; ++n) CHECK(brief.log_in("wrong").status == 401);
    CHECK(brief.log_in().status == 200);
}

TEST_CASE("what a client secret and a token run out of") {
    Infisical expired({.token_ttl = std::chrono::seconds(0)});
    Client client(expired.lab, "infisical", expired.token());
    auto reply = client.get("/api/v1/workspace");
    CHECK(reply.status == 403);
    CHECK(string_or(reply.json, "error") == "TokenError");
    CHECK(client.post("/api/v1/auth/token/renew", {{"accessToken", expired.token()}}).status == 403);

    Infisical once({.client_secret_uses = 1});
    CHECK(once.log_in().status == 200);
    CHECK(message(once.log_in()) == "Access denied due to client secret usage limit reached");

    Infisical twice({.token_uses = 2});
    Client counted(twice.lab, "infisical", twice.token());
    CHECK(counted.get("/api/v1/workspace").status == 200);
    CHECK(counted.get("/api/v1/workspace").status == 200);
    CHECK(message(counted.get("/api/v1/workspace")) == "Failed to authorize: token usage limit reached");
}

TEST_CASE("renewing and revoking a token") {
    Infisical i({.token_ttl = std::chrono::seconds(100), .token_max_ttl = std::chrono::seconds(60)});
    const auto token = i.token();
    const auto renewed = i.api.post("/api/v1/auth/token/renew", {{"accessToken", token}});
    CHECK(renewed.status == 200);
    CHECK(renewed.json["expiresIn"] == 60);
    CHECK(i.api.post("/api/v1/auth/token/revoke", {{"accessToken", token}}).json["message"] ==
          "Successfully revoked access token");
    for (const auto& dead : {token, renewed.json["accessToken"].get<std::string>()}) {
        Client client(i.lab, "infisical", dead);
        CHECK(message(client.get("/api/v1/workspace")) == "Failed to authorize: token has been revoked");
    }
    CHECK(message(i.api.post("/api/v1/auth/token/renew", {{"accessToken", token}})) ==
          "Cannot renew: token has been revoked");
}

TEST_CASE("a token signed by another instance is refused") {
    Infisical one, other;
    Client client(one.lab, "infisical", other.token());
    const auto reply = client.get("/api/v1/workspace");
    CHECK(reply.status == 403);
    CHECK(message(reply) == "invalid signature");
}

TEST_CASE("an unchanged list has no body") {
    Infisical i;
    const auto path = i.list("");
    const auto first = i.api.get(path);
    const auto tag = first.header("etag");
    REQUIRE_FALSE(tag.empty());
    for (const auto& known : {tag, "W/" + tag}) {
        const auto again = i.api.send("GET", path, {}, {{"If-None-Match", known}});
        CHECK(again.status == 304);
        CHECK(again.body.empty());
    }
    const Json change{{"projectId", i.project()}, {"environment", "dev"}, {"secretValue", "2"}};
    CHECK(i.api.patch("/api/v4/secrets/A", change).status == 200);
    const auto changed = i.api.send("GET", path, {}, {{"If-None-Match", tag}});
    CHECK(changed.status == 200);
    CHECK(changed.json["secrets"][0]["secretValue"] == "2");
    auto back = change;
    back["secretValue"] = "1";
    CHECK(i.api.patch("/api/v4/secrets/A", back).status == 200);
    CHECK(i.api.get(path).header("etag") == tag);
}

TEST_CASE("values are trimmed on the way in, but for one last newline") {
    struct Case {
        const char *sent, *stored;
    };

    const auto c = GENERATE(values<Case>({{"  padded  ", "padded"},
                                          {"line\n", "line\n"},
                                          {"a\r\nb\r\n", "a\r\nb\n"},
                                          {" \n ", ""},
                                          {"", ""}}));
    Infisical i;
    const Json body{{"projectId", i.project()}, {"environment", "dev"}, {"secretValue", c.sent}};
    CAPTURE(c.sent);
    CHECK(i.api.post("/api/v4/secrets/NEW", body).json["secret"]["secretValue"] == c.stored);
}

TEST_CASE("a batch is stored whole or not at all") {
    Infisical i;
    Json body{{"projectId", i.project()}, {"environment", "dev"}};
    body["secrets"] =
        Json::array({{{"secretKey", "B"}, {"secretValue", "1"}}, {{"secretKey", "A"}, {"secretValue", "1"}}});
    CHECK(message(i.api.post("/api/v4/secrets/batch", body)) == "Secret already exists: A");
    CHECK(i.api.get("/api/v4/secrets/B?environment=dev&projectId=" + i.project()).status == 404);
}

TEST_CASE("the server of June 2025") {
    Infisical i({}, {.age = InfisicalAge::june_2025});
    const auto v4 = i.api.get(i.list());
    CHECK(v4.status == 404);
    CHECK_FALSE(v4.json.contains("reqId"));
    const auto project = i.project();
    const auto v3 = "/api/v3/secrets/raw?workspaceId=" + project + "&environment=prod&secretPath=";
    CHECK(i.api.get(v3 + "/infra").json["secrets"][0]["secretKey"] == "TOKEN");
    CHECK(i.api.get(v3 + "/nope").json == Json{{"secrets", Json::array()}, {"imports", Json::array()}});
    CHECK(i.api.get("/api/v1/projects").status == 404);
    const Json refers{{"workspaceId", project}, {"environment", "prod"}, {"secretValue", "${NOPE}"}};
    const auto refused = i.api.post("/api/v3/secrets/raw/X", refers);
    CHECK(refused.status == 400);
    CHECK_THAT(message(refused), ContainsSubstring("NOPE"));
}

TEST_CASE("rate limits, where they are switched on") {
    Infisical i({}, {.rate_limit = 2});
    const auto path = i.list();
    const auto first = i.api.get(path);
    CHECK(first.header("x-ratelimit-limit") == "2");
    CHECK(first.header("x-ratelimit-remaining") == "1");
    CHECK(i.api.get(path).status == 200);
    const auto over = i.api.get(path);
    CHECK(over.status == 429);
    CHECK(string_or(over.json, "error") == "RateLimitExceeded");
    CHECK(std::stoi(over.header("retry-after")) <= 60);
    CHECK(i.api.get("/api/v4/secrets/TOKEN" + path.substr(path.find('?'))).status == 200);

    Infisical unlimited;
    CHECK(unlimited.api.get("/api/status").header("x-ratelimit-limit").empty());
}

TEST_CASE("an instance that can't be reached drops connections") {
    Infisical i;
    i.up = false;
    CHECK(i.api.get("/api/status").status == 0);
    i.up = true;
    CHECK(i.api.get("/api/status").json["message"] == "Ok");
}

TEST_CASE("folders are made, listed and deleted") {
    Infisical i;
    const auto project = i.project();
    const auto list = [&](const std::string& path) {
        return i.api.get("/api/v2/folders?projectId=" + project + "&environment=prod&path=" + path)
            .json["folders"];
    };
    CHECK(i.api
              .post("/api/v2/folders",
                    {{"projectId", project}, {"environment", "prod"}, {"name", "c"}, {"path", "/a/b"}})
              .json["folder"]["path"] == "/a/b/c");
    CHECK(list("/a/b").size() == 1);
    Json body{{"projectId", project}, {"environment", "prod"}, {"path", "/"}};
    CHECK(i.api.remove("/api/v2/folders/a", body).status == 400);
    body["forceDelete"] = true;
    CHECK(i.api.remove("/api/v2/folders/a", body).json["folder"]["name"] == "a");
    CHECK(list("/a").empty());
}

TEST_CASE("generated secrets lie in /scale") {
    Infisical i;
    i.lab.apis.seed(0, 300);
    CHECK(i.api.get(i.list("&secretPath=/scale")).json["secrets"].size() == 300);
}

TEST_CASE("Infisical's errors as faults") {
    Infisical i;
    i.lab.apis.add_fault({.api = "infisical", .path = "/api/v4/secrets*", .times = 1, .status = 503});
    const auto path = i.list();
    const auto broken = i.api.get(path);
    CHECK(broken.status == 503);
    CHECK(string_or(broken.json, "message") == "Something went wrong");
    CHECK(i.api.get(path).status == 200);
}

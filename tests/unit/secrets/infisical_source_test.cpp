#include "fake_infisical.hpp"
#include "support/catch.hpp"

#include <kavi/secrets/infisical_source.hpp>
#include <kavi/secrets/references.hpp>

using namespace kavi;
using namespace kavi::secrets;
using kavi::test::FakeInfisical;

namespace {

struct World {
    FakeInfisical server;
    api::Infisical client{
        server, "https://secrets.test/api/", api::InfisicalUniversalAuth{"id", Secret("right")}};
    InfisicalSource source{client, {.project = "infrastructure", .environment = "prod"}};

    FolderSecrets read(std::vector<std::string> wanted) { return source.folders(wanted, {}); }
};

Json import_of(const std::string& folder, const Json& secrets) {
    return {{"environment", "prod"}, {"secretPath", folder}, {"secrets", secrets}};
}

template <typename Work>
Error error_from(Work work) {
    try {
        work();
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    throw;
}

using Causes = std::vector<std::string>;

}  // namespace

TEST_CASE("folders without references cost one request each", "[infisical]") {
    World world;
    world.server.folders["prod:/infra"] = {{{"A", "1"}, {"B", "$2a$10$abc ${X:-y}"}}};
    world.server.folders["prod:/services"] = {{{"C", ""}}};
    const auto found = world.read({"/infra", "/services", "/kavi"});
    REQUIRE(found.size() == 2);
    CHECK(found.at("/infra").at("A").reveal() == "1");
    CHECK(found.at("/infra").at("B").reveal() == "$2a$10$abc ${X:-y}");
    CHECK(found.at("/services").at("C").reveal().empty());
    CHECK(world.server.asked.size() == 5);  // login, project, three folders
    world.client.log_out({});
    CHECK(world.server.asked.back() == "POST /api/v1/auth/token/revoke");
}

TEST_CASE("every switch goes out explicitly", "[infisical]") {
    World world;
    world.server.folders["prod:/infra"] = {{{"A", "1"}}};
    world.read({"/infra"});
    CHECK(
        world.server.asked.back() ==
        "GET "
        "/api/v4/secrets?projectId=12f544cc-c125-4aef-b2a3-23f139ba9a96&environment=prod&secretPath=%2Finfra"
        "&expandSecretReferences=false&recursive=false&includeImports=true&includePersonalOverrides=true"
        "&viewSecretValue=true");
}

TEST_CASE("own values win over imports, and the last import over those before it", "[infisical]") {
    World world;
    auto& folder = world.server.folders["prod:/app"];
    folder.raw = {{"OWN", "own"}};
    folder.imports = {
        import_of("/first", {FakeInfisical::secret("OWN", "1"), FakeInfisical::secret("SHARED", "first")}),
        import_of("/last",
                  {FakeInfisical::secret("SHARED", "last"), FakeInfisical::secret("SHARED", "deeper")})};
    const auto found = world.read({"/app"}).at("/app");
    CHECK(found.at("OWN").reveal() == "own");
    CHECK(found.at("SHARED").reveal() == "last");
}

TEST_CASE("references are resolved by the server, with one more request for that folder", "[infisical]") {
    World world;
    world.server.folders["prod:/infra"] = {{{"HOST", "db"}, {"URL", "x://${HOST}/${prod.other.NAME}"}},
                                           {{"URL", "x://db/n"}}};
    world.server.folders["prod:/other"] = {{{"NAME", "n"}}};
    CHECK(world.read({"/infra", "/other"}).at("/infra").at("URL").reveal() == "x://db/n");
    CHECK(world.server.count("GET /api/v4/secrets") == 3);
}

TEST_CASE("references that lead nowhere are named, each of them", "[infisical]") {
    World world;
    world.server.folders["prod:/infra"] = {
        {{"A", "${GONE}"}, {"B", "${prod.other.GONE}${@else.prod.X}"}, {"C", "${dev.X}"}},
        {{"A", ""}, {"B", "x"}, {"C", "${dev.X}"}}};
    world.server.folders["prod:/other"] = {{{"NAME", "n"}}};
    const auto error = error_from([&] { world.read({"/infra"}); });
    CHECK(error.code() == errors::secret_missing);
    CHECK(error.message() == "secrets in Infisical refer to secrets that aren't there");
    CHECK(error.causes() == Causes{"/infra/A refers to ${GONE}",
                                   "/infra/B refers to ${prod.other.GONE}",
                                   "/infra/C refers to ${dev.X}"});

    InfisicalSource lenient(world.client,
                            {.project = "infrastructure", .environment = "prod", .strict = false});
    CHECK(lenient.folders(std::vector<std::string>{"/infra"}, {}).at("/infra").at("A").reveal().empty());
}

TEST_CASE("a tree without imports costs one request, with references two, with imports one a folder",
          "[infisical]") {
    World world;
    world.server.folders["prod:/app"] = {{{"A", "1"}}};
    world.server.folders["prod:/app/db"] = {{{"B", "2"}}};
    world.server.folders["prod:/apple"] = {{{"C", "3"}}};
    auto found = world.source.tree("/app", {});
    CHECK(found.size() == 2);
    CHECK(found.at("/app/db").at("B").reveal() == "2");
    CHECK(world.server.count("GET /api/v4/secrets") == 1);
    CHECK(world.source.tree("/gone", {}).empty());

    world.server.folders["prod:/app/db"] = {{{"B", "${prod.app.A}"}}, {{"B", "1"}}};
    world.server.asked.clear();
    CHECK(world.source.tree("app/", {}).at("/app/db").at("B").reveal() == "1");
    CHECK(world.server.count("GET /api/v4/secrets") == 2);

    world.server.folders["prod:/app"].imports =
        Json::array({import_of("/x", Json::array({FakeInfisical::secret("I", "i")}))});
    world.server.asked.clear();
    found = world.source.tree("/app", {});
    CHECK(found.size() == 2);
    CHECK(found.at("/app").at("I").reveal() == "i");
    CHECK_FALSE(found.at("/app/db").contains("I"));
    CHECK(world.server.count("GET /api/v4/secrets") == 4);
    CHECK(world.server.count("GET /api/v2/folders") == 1);
}

TEST_CASE("references are what the server takes for them", "[references]") {
    struct Case {
        const char* value;
        std::vector<std::string> found;
    };

    const auto& c = GENERATE(values<Case>({
        {"${KEY}", {"${KEY}"}},
        {"a${KEY}b${env.folder.sub.KEY}", {"${KEY}", "${env.folder.sub.KEY}"}},
        {"\\${KEY} $${KEY}", {"${KEY}", "${KEY}"}},
        {"${A${B}}", {"${B}"}},
        {"${@project-slug.env.KEY}", {"${@project-slug.env.KEY}"}},
        {"${ KEY }", {}},
        {"${}", {}},
        {"${X:-default}", {}},
        {"$KEY $(cmd) ${", {}},
        {"${KEY", {}},
        {"", {}},
    }));
    CAPTURE(c.value);
    std::vector<std::string> texts;
    for (const auto& reference : references_in(c.value)) texts.push_back(reference.text);
    CHECK(texts == c.found);
    const auto deep = references_in("${env.folder.sub.KEY}").at(0);
    CHECK(deep.environment == "env");
    CHECK(deep.folder == "/folder/sub");
    CHECK(deep.key == "KEY");
    CHECK(references_in("${env.KEY}").at(0).folder == "/");
}

TEST_CASE("an unknown project and environment are named with what there is", "[infisical]") {
    World world;
    InfisicalSource project(world.client, {.project = "infrastructur", .environment = "prod"});
    const auto first = error_from([&] { project.folders({}, {}); });
    CHECK(first.code() == errors::secret_missing);
    CHECK(first.message() == "Infisical has no project 'infrastructur' that this identity is in");
    CHECK(first.causes() == Causes{"did you mean 'infrastructure'?"});

    InfisicalSource environment(world.client, {.project = "infrastructure", .environment = "prd"});
    const auto second = error_from([&] { environment.folders({}, {}); });
    CHECK(second.message() == "the project infrastructure has no environment 'prd'");
    CHECK(second.causes() == Causes{"did you mean 'prod'?"});
    CHECK(second.advice() == "write one of these as [secrets] environment: dev, staging, prod");
}

TEST_CASE("a server of 2025 is spoken to by v3", "[infisical]") {
    World world;
    world.server.old_server = true;
    world.server.folders["prod:/infra"] = {{{"A", "1"}}};
    const auto found = world.read({"/infra", "/gone"});
    CHECK(found.at("/infra").at("A").reveal() == "1");
    CHECK_FALSE(found.contains("/gone"));
    CHECK(world.server.count(
              "GET /api/v3/secrets/raw?workspaceId=12f544cc-c125-4aef-b2a3-23f139ba9a96&environment=prod") ==
          2);
    CHECK(world.server.count("GET /api/v4/") <= 2);
}

TEST_CASE("a refused login is never repeated", "[infisical]") {
    FakeInfisical server;
    api::Infisical client(server, "https://secrets.test", api::InfisicalUniversalAuth{"id", Secret("wrong")});
    InfisicalSource source(client, {.project = "infrastructure", .environment = "prod"});
    const auto error = error_from([&] { source.folders(std::vector<std::string>{"/a", "/b"}, {}); });
    CHECK(error.code() == errors::credentials_refused);
    CHECK(error.message() == "Infisical at https://secrets.test refused the login");
    CHECK(error.causes() == Causes{"Invalid credentials", "request req-1"});
    CHECK(server.asked.size() == 1);
}

TEST_CASE("a token that dies in a long run is replaced by one new login", "[infisical]") {
    World world;
    world.server.token_dies = true;
    world.server.folders["prod:/infra"] = {{{"A", "1"}}};
    CHECK(world.read({"/infra"}).size() == 1);
    CHECK(world.server.tokens == 2);

    FakeInfisical server;
    api::Infisical given(server, "https://secrets.test", api::InfisicalToken{Secret("stale")});
    InfisicalSource source(given, {.project = "infrastructure", .environment = "prod"});
    const auto error = error_from([&] { source.folders(std::vector<std::string>{"/a"}, {}); });
    CHECK(error.code() == errors::credentials_refused);
    CHECK(server.asked.size() == 1);
}

TEST_CASE("values that may not be seen are an error, not a placeholder", "[infisical]") {
    World world;
    auto hidden = FakeInfisical::secret("A", "<hidden-by-infisical>");
    hidden["secretValueHidden"] = true;
    world.server.folders["prod:/infra"].imports = Json::array({import_of("/x", Json::array({hidden}))});
    const auto error = error_from([&] { world.read({"/infra"}); });
    CHECK(error.code() == errors::rights_missing);
    CHECK(error.message() == "this identity may not see the value of A");
}

TEST_CASE("whatever keeps Infisical from answering is said as such", "[infisical]") {
    struct Case {
        const char* name;
        std::optional<net::Response> always;
        const char* message;
    };

    const auto& c = GENERATE(values<Case>({
        {"refused", std::nullopt, "Infisical at https://secrets.test can't be reached"},
        {"database down",
         FakeInfisical::complaint(500, "Find one", "Something went wrong"),
         "Infisical at https://secrets.test fails (HTTP 500)"},
        {"bad gateway",
         net::Response{.status = 502, .headers = {}, .body = "<html>"},
         "Infisical at https://secrets.test fails (HTTP 502)"},
        {"the proxy alone",
         net::Response{.status = 404, .headers = {}, .body = "404 page not found\n"},
         "what answers at https://secrets.test isn't Infisical (HTTP 404)"},
        {"a login page",
         net::Response{.status = 302, .headers = {}, .body = ""},
         "what answers at https://secrets.test isn't Infisical (HTTP 302)"},
        {"a web page",
         net::Response{.status = 200, .headers = {}, .body = "<html>"},
         "what answers at https://secrets.test isn't Infisical"},
        {"cut off",
         net::Response{.status = 200, .headers = {}, .body = "{\"accessTo"},
         "what answers at https://secrets.test isn't Infisical"},
    }));
    CAPTURE(c.name);
    World world;
    world.server.always = c.always;
    world.server.unreachable = !c.always;
    const auto error = error_from([&] { world.read({"/infra"}); });
    CHECK(error.code() == errors::secrets_unavailable);
    CHECK(error.message() == c.message);
    CHECK(world.server.asked.size() == 1);
}

TEST_CASE("writing makes a missing folder, and the second time changes nothing", "[infisical]") {
    World world;
    const auto id = world.source.project({}).id;
    world.client.set(id, "prod", "kavi", {{"FINGERPRINT_KEY", Secret("x")}}, {});
    CHECK(world.server.folders.at("prod:/kavi").raw.at("FINGERPRINT_KEY") == "x");
    const auto before = world.server.asked.size();
    world.client.set(id, "prod", "/kavi", {{"FINGERPRINT_KEY", Secret("x")}}, {});
    CHECK(world.server.asked.size() == before + 1);
}

TEST_CASE("values are compared as the server stores them", "[infisical]") {
    CHECK(api::stored_form("  padded \t") == "padded");
    CHECK(api::stored_form("line\n") == "line\n");
    CHECK(api::stored_form("line\r\n\n") == "line\n");
    CHECK(api::stored_form("a\r\nb") == "a\r\nb");
    CHECK(api::stored_form(" \n ") == "");
    CHECK(api::normal_folder("//infra/") == "/infra");
    CHECK(api::normal_folder("") == "/");
}

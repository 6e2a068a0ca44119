#include "world.hpp"

#include <kavi/base/process.hpp>

#include <utility>

#include <support/catch.hpp>

using namespace dns_test;

namespace {

const std::string head = R"(estate = "kavi"

[servers.bruno]
provider = "manual"
ipv4     = "192.0.2.1"
ssh      = { user = "root", host_key = "SHA256:aJntoQGSI1NOSZbif5YiDLJgEWR/L29TC1B3RZDxfpw" }

[services.web]
server = "bruno"

[zones."kua.cl"]
max_deletes = 2
)";

const std::string site = R"(
[domains."www.kua.cl"]
service = "web"
proxied = true

[[records]]
zone     = "kua.cl"
type     = "MX"
name     = "@"
content  = "mail.example.net"
priority = 10
)";

/// The executable, an estate and the lab's Cloudflare.
struct Shell {
    World world{"free"};
    std::filesystem::path estate = world.folder.path() / "estate/kavi.toml";

    explicit Shell(const std::string& text = head + site) { write(text); }

    void write(const std::string& text) { write_file_atomic(estate, text, 0644); }

    Finished kavi(std::vector<std::string> words,
                  const std::vector<std::pair<std::string, std::string>>& more = {}) {
        Command command;
        command.arguments = {KAVI_BINARY, "-c", estate.string(), "dns"};
        command.arguments.insert(command.arguments.end(), words.begin(), words.end());
        command.only_environment = true;
        command.environment = {{"HOME", world.folder.path()},
                               {"PATH", "/usr/bin:/bin"},
                               {"KAVI_LOOPBACK_ONLY", "1"},
                               {"CLOUDFLARE_BASE_URL", world.base_url},
                               {"CLOUDFLARE_API_TOKEN", world.token},
                               {"KAVI_DOH_URL", world.apis.url("doh") + "/dns-query"}};
        for (const auto& [name, value] : more) {
            const auto set =
                std::ranges::find(command.environment, name, &std::pair<std::string, std::string>::first);
            set->second = value;
        }
        command.timeout = std::chrono::seconds(60);
        auto finished = run_command(command);
        CHECK(finished.output.find(world.token) == std::string::npos);
        CHECK(finished.errors.find(world.token) == std::string::npos);
        UNSCOPED_INFO(join(words, " ") << " → " << finished.status << "\n"
                                       << finished.output << finished.errors);
        return finished;
    }
};

const std::vector<std::string> as_declared{"A www.kua.cl 192.0.2.1 1 proxied ; kavi:kavi",
                                           "MX kua.cl 10 mail.example.net 1 ; kavi:kavi"};

}  // namespace

TEST_CASE("kavi dns: from a difference to a synced zone, and back") {
    Shell shell;
    auto ran = shell.kavi({"diff"});
    CHECK(ran.status == 6);
    CHECK_THAT(ran.output,
               ContainsSubstring("+ A     www") && ContainsSubstring("192.0.2.1, proxied") &&
                   ContainsSubstring("new domain"));
    CHECK_THAT(ran.output, ContainsSubstring("+ MX    @"));

    ran = shell.kavi({"sync"});
    CHECK(ran.status == 10);
    CHECK_THAT(ran.errors, ContainsSubstring("--yes"));
    CHECK(shell.world.stranger->lines().empty());

    ran = shell.kavi({"sync", "--dry-run", "--exit-code", "--json"});
    CHECK(ran.status == 6);
    const auto json = Json::parse(ran.output);
    CHECK(json["schema"] == "kavi.dns.sync/1");
    CHECK(json["data"]["changed"] == false);
    CHECK(json["data"]["plan"]["digest"].get<std::string>().starts_with("sha256:"));
    CHECK(json["data"]["plan"]["actions"][1]["id"] == "dns/kua.cl/A/www");
    CHECK(shell.world.stranger->lines().empty());

    const auto saved = (shell.world.folder.path() / "plan.json").string();
    CHECK(shell.kavi({"sync", "-n", "--save-plan", saved}).status == 0);
    CHECK(shell.kavi({"sync", "--plan", saved}).status == 0);
    CHECK(shell.world.stranger->lines() == as_declared);
    CHECK(shell.kavi({"diff"}).status == 0);
    CHECK(shell.kavi({"sync", "--yes"}).status == 0);
    CHECK_THAT(shell.kavi({"sync", "--plan", saved}).errors,
               ContainsSubstring("the world has moved since the plan was saved"));

    shell.write(head);
    ran = shell.kavi({"sync", "--yes", "--json"});
    CHECK(ran.status == 0);
    CHECK(shell.world.stranger->lines().empty());
    const auto run = Json::parse(ran.output)["data"]["run"].get<std::string>();
    ran = shell.kavi({"undo", run, "--yes"});
    CHECK(ran.status == 0);
    CHECK(shell.world.stranger->lines() == as_declared);
    ran = shell.kavi({"undo", "20261125T000000Z-none", "--yes"});
    CHECK(ran.status == 2);
    CHECK_THAT(ran.errors,
               ContainsSubstring("no run 20261125T000000Z-none changed DNS records from this machine") &&
                   ContainsSubstring(run));
}

TEST_CASE("kavi dns: guards and mistakes have their exit codes") {
    Shell shell;
    SECTION("3: the estate file, before anything is asked") {
        shell.write(head + "[[records]]\nzone = \"kua.cl\"\ntype = \"TXT\"\nname = \"t\"\ncontent = \"\"\n");
        int status = 0;
        const auto requests = shell.world.requests_of([&] { status = shell.kavi({"sync", "--yes"}).status; });
        CHECK(status == 3);
        CHECK(requests.empty());
    }
    SECTION("2: a zone that isn't declared") {
        const auto ran = shell.kavi({"sync", "kau.cl"});
        CHECK(ran.status == 2);
        CHECK_THAT(
            ran.errors,
            ContainsSubstring("no zone kau.cl in the estate") && ContainsSubstring("did you mean kua.cl?"));
    }
    SECTION("4: no token, a wrong one") {
        CHECK(shell.kavi({"diff"}, {{"CLOUDFLARE_API_TOKEN", ""}}).status == 4);
        const auto ran = shell.kavi({"diff", "--json"}, {{"CLOUDFLARE_API_TOKEN", "wrong"}});
        CHECK(ran.status == 4);
        CHECK(Json::parse(ran.output)["errors"][0]["code"] == "KAVI-E0202");
    }
    SECTION("9: nobody answers") {
        CHECK(shell.kavi({"diff", "--timeout", "20s"}, {{"CLOUDFLARE_BASE_URL", "http://127.0.0.1:9"}})
                  .status == 9);
    }
    SECTION("7: somebody else's record, too many deletions; the plan can be looked at") {
        shell.world.stranger->add({{"type", "A"}, {"name", "www"}, {"content", "192.0.2.99"}, {"ttl", 1}});
        auto ran = shell.kavi({"sync", "--yes"});
        CHECK(ran.status == 7);
        CHECK_THAT(ran.errors, ContainsSubstring("A www.kua.cl stands in the way"));
        CHECK(shell.world.stranger->lines() == std::vector<std::string>{"A www.kua.cl 192.0.2.99 1"});
        ran = shell.kavi({"sync", "--dry-run"});
        CHECK(ran.status == 7);
        CHECK_THAT(ran.output, ContainsSubstring("+ MX    @"));
    }
    SECTION("1: Cloudflare fails for good") {
        shell.world.apis.add_fault(
            {.api = "cloudflare", .path = shell.world.stranger->path("/dns_records/batch"), .status = 400});
        CHECK(shell.kavi({"sync", "--yes"}).status == 1);
    }
}

TEST_CASE("kavi dns: zone files out and in") {
    Shell shell;
    shell.world.stranger->add({{"type", "TXT"},
                               {"name", "t"},
                               {"content", "\"say \\\"hi\\\"\""},
                               {"ttl", 300},
                               {"comment", "by hand"}});
    shell.world.stranger->add(
        {{"type", "A"}, {"name", "www"}, {"content", "192.0.2.1"}, {"ttl", 1}, {"proxied", true}});
    auto ran = shell.kavi({"export"});
    CHECK(ran.status == 0);
    CHECK(ran.output ==
          "$ORIGIN kua.cl.\nt\t300\tIN\tTXT\t\"say \\\"hi\\\"\" ; by hand\nwww\t1\tIN\tA\t192.0.2.1 ; "
          "cf_tags=cf-proxied:true\n");

    // What stands in the zone and is nobody's becomes declared, and then adopted.
    ran = shell.kavi({"import", "--write"});
    CHECK(ran.status == 0);
    CHECK_THAT(read_file(shell.estate),
               ContainsSubstring("content = \"say \\\"hi\\\"\"\nttl     = 300\ncomment = \"by hand\"\n"));
    CHECK(shell.kavi({"import"}).output.empty());
    CHECK(shell.kavi({"sync", "--yes"}).status == 0);
    CHECK(shell.world.stranger->find("TXT", "t.kua.cl")["comment"] == "by hand kavi:kavi");

    const auto file = (shell.world.folder.path() / "in.zone").string();
    write_file_atomic(
        file,
        "@ IN MX 10 mail.example.net.\n@ IN MX 20 mail2.example.net.\nl LOC 1 2 3 N 4 5 6 W 0m\n",
        0644);
    ran = shell.kavi({"import", file});
    CHECK(ran.status == 0);
    CHECK(ran.output ==
          "\n[[records]]\nzone    = \"kua.cl\"\ntype    = \"MX\"\nname    = \"@\"\ncontent = "
          "\"mail2.example.net\"\npriority = 20\n");
    CHECK_THAT(ran.errors, ContainsSubstring("passed over: line 3: type LOC isn't managed"));
}

TEST_CASE("kavi dns: the seed's own estate is synced, and then as declared") {
    Shell shell;
    shell.estate = KAVI_SOURCE_DIR "/config/kavi.toml";
    auto ran = shell.kavi({"sync", "--yes", "--json"});
    CHECK(ran.status == 0);
    const auto plan = Json::parse(ran.output)["data"]["plan"];
    CHECK(plan["actions"].size() == 9);  // eight names and ssl = "strict"
    CHECK(shell.world.stranger->lines() ==
          std::vector<std::string>{"A cdn.kua.cl 188.34.198.57 1 proxied ; kavi:kavi",
                                   "A docs.kua.cl 188.34.198.57 1 proxied ; kavi:kavi",
                                   "A git.kua.cl 188.34.198.57 1 ; kavi:kavi",
                                   "A media.kua.cl 188.34.198.57 1 proxied ; kavi:kavi",
                                   "A notes.kua.cl 188.34.198.57 1 proxied ; kavi:kavi",
                                   "A photos.kua.cl 144.217.76.53 1 proxied ; kavi:kavi",
                                   "A plex.kua.cl 144.217.76.53 1 proxied ; kavi:kavi",
                                   "A secrets.kua.cl 188.34.198.57 1 proxied ; kavi:kavi"});
    ran = shell.kavi({"diff"});
    CHECK(ran.status == 0);
    CHECK_THAT(ran.output, ContainsSubstring("kua.cl · 8 records: no difference"));
    CHECK(ran.output.find("note:") == std::string::npos);  // git publishes the origin on purpose
}

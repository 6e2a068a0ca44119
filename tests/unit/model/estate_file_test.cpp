#include "estate_support.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/model/estate_file.hpp>

#include <functional>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::model;
using namespace kavi::model::test;

namespace {

const std::filesystem::path seed = std::filesystem::path(KAVI_SOURCE_DIR) / "config/kavi.toml";

}  // namespace

TEST_CASE("the seed's estate has no problem, and everything in it arrives") {
    const auto loaded = load_estate(seed);
    CHECK(render_problems(loaded.problems).empty());
    const auto& estate = loaded.estate;
    CHECK(estate.name == "kavi");
    CHECK(estate.timezone == "America/Santiago");
    CHECK(estate.folder == seed.parent_path().string());
    CHECK(estate.operators.size() == 3);
    CHECK_FALSE(estate.operators.at("ci").age);
    CHECK(estate.secrets.sealed.at(1) == Place{"box", "kavi/secrets.sealed.age"});
    CHECK(estate.secrets.sealed.at(0).local());
    CHECK(estate.hetzner_token == SecretRef{SecretRef::Source::secret, "/infra", "HCLOUD_TOKEN"});
    const auto& bruno = estate.servers.at("bruno");
    CHECK(bruno.types == std::vector<std::string>{"cpx32", "cpx42"});
    CHECK(bruno.firewall.size() == 5);
    CHECK(bruno.firewall.at(3).protocol == "udp");
    CHECK(bruno.firewall.at(3).from == std::vector<std::string>{"0.0.0.0/0", "::/0"});
    CHECK(bruno.keep_images == 2);
    CHECK(bruno.baseline == BaselineMode::apply);
    CHECK(estate.servers.at("eva").baseline == BaselineMode::report);
    CHECK(estate.stacks.at("production").env ==
          SecretRef{SecretRef::Source::secret, "/services/production", ""});
    CHECK(estate.stacks.at("production").secrets.size() == 13);
    CHECK(estate.services.at("forgejo").needs == std::vector<Place>{{"box", "git"}});
    CHECK(estate.services.at("forgejo").probe->of_container());
    CHECK(estate.services.at("plex").probe->asked_on_server());
    CHECK(estate.domains.at("git.kua.cl").proxied == false);
    CHECK(estate.storages.at("box").keys.at("admin").source == SecretRef::Source::sealed);
    CHECK(estate.backup.rpo == std::chrono::hours(26));
    CHECK(estate.backup.items.at("git").mirror == "~/kavi/git");
    CHECK(estate.backup.items.at("redis").cli == std::vector<std::string>{"/bin/sh", "/etc/redis/redis.sh", "cli"});
    CHECK(estate.backup.items.at("images").kind == BackupItem::Kind::images);
    CHECK(estate.escrow.at("infisical-encryption-key").locations.size() == 4);
    CHECK(estate.recovery.drill_every == std::chrono::hours(24 * 31));
    CHECK(estate.notify->on.size() == 3);
    CHECK(loaded.stacks.at("production").services.size() == 9);
}

TEST_CASE("a small estate is small, and its defaults are a careful operator's") {
    const EstateFiles files{{{"kavi.toml", small_estate}, {"compose.yml", small_compose}}};
    CHECK(files.problems().empty());
    const auto estate = files.load().estate;
    CHECK(estate.timezone == "UTC");
    CHECK(estate.stacks.at("web").directory == "/opt/kavi/web");
    CHECK(estate.stacks.at("web").project == "web");
    CHECK(estate.servers.at("box").ssh.user == "root");
    CHECK(estate.domains.at("www.example.org").proxied);
    CHECK(estate.storages.at("disk").port == 23);
    CHECK(estate.backup.schedule == "daily 03:00");
}

TEST_CASE("each mistake is said with its place and what would be right") {
    struct Mistake {
        std::string from, to, said;
    };

    const auto mistake = GENERATE(values<Mistake>({
        {"service = \"app\"\n[",
         "service = \"app\"\nproxyed = false\n[",
         "kavi.toml:24:1: unknown key \"proxyed\" in [domains.\"www.example.org\"]\n"
         "   24 | proxyed = false\n"
         "      | ^^^^^^^ did you mean \"proxied\"?\n1 problem\n"},
        {"service = \"app\"",
         "service = \"apq\"",
         "kavi.toml:23:11: service \"apq\" is neither in a stack nor in [services]\n"
         "   23 | service = \"apq\"\n"
         "      |           ^^^^^ did you mean \"app\"?\n1 problem\n"},
        {"ipv4 = \"192.0.2.7\"",
         "provider = \"hetzer\"\ntype = \"cx22\"\nprotect = true",
         "kavi.toml:11:12: provider can't be \"hetzer\"\n   11 | provider = \"hetzer\"\n"
         "      |            ^^^^^^^^ did you mean \"hetzner\"?\n1 problem\n"},
        {"[services.app]",
         "[services.apq]",
         "service \"apq\" is in no stack and has no server\n   18 | [services.apq]\n      |           ^^^ "
         "did you mean \"app\"?"},
        {"server = \"box\"",
         "server = \"bax\"",
         "there is no server \"bax\"\n   15 | server = \"bax\"\n      |          ^^^^^ did you mean "
         "\"box\"?"},
        {"server = \"box\"\n", "", "kavi.toml:14:9: [stacks.web] needs \"server\""},
        {"ipv4 = \"192.0.2.7\"", "ipv4 = \"192.0.2.777\"", "\"192.0.2.777\" isn't an IPv4 address"},
        {"ipv4 = \"192.0.2.7\"",
         "ipv4 = 7",
         "kavi.toml:11:8: \"ipv4\" must be an IPv4 address, not a whole number"},
        {"ipv4 = \"192.0.2.7\"\n", "", "[servers.box] needs \"ipv4\": kavi doesn't make it"},
        {"tier = 2", "tier = 0", "0 isn't a whole number from 1 to 99"},
        {"kind = \"storage-box\"",
         "kind = \"storagebox\"",
         "kind can't be \"storagebox\"\n   25 | kind = \"storagebox\"\n      |        ^^^^^^^^^^^^ did you "
         "mean \"storage-box\"?"},
        {"[storage.disk]",
         "[storage.box]\nkind = \"local\"\npath = \"/x\"\n[storage.disk]",
         "\"box\" is a server already"},
        {"source = \"box:volume/data\"",
         "source = \"box:volume/dota\"",
         "no stack on box has a volume \"dota\""},
        {"source = \"box:volume/data\"",
         "source = \"box:data\"",
         "\"data\" must be an absolute path on box, or volume/NAME"},
        {"needs = [\"disk:notes\"]", "needs = [\"disk:/notes\"]", "\"/notes\" must be a path within disk"},
        {"needs = [\"disk:notes\"]\n",
         "",
         "service \"app\" would start on the bare directory while disk isn't mounted"},
        {"mounts = [\"disk\"]\n", "", "\"disk\" isn't mounted on box"},
        {"mount = {", "mount = { by = \"nfs\",", "by can't be \"nfs\""},
        {"[domains.\"www", "[domains.\"WWW", "\"WWW.example.org\" isn't a domain's name in small letters"},
        {"[zones.\"example.org\"]",
         "[zones.\"example.com\"]",
         "\"www.example.org\" is in no zone of this estate"},
        {"TOKEN = \"sealed:/TOKEN\"", "TOKAN = \"sealed:/TOKEN\"", "\"TOKEN\" isn't in [stacks.web.secrets]"},
        {"provider = \"sealed\"",
         "provider = \"infisical\"",
         "[secrets] needs \"url\": the provider is \"infisical\""},
        {"sealed = [\"secrets.age\"]",
         "sealed = [\"disk:secrets.age\"]",
         "[secrets] needs a local path in \"sealed\""},
        {"age1ljrx4zng", "age1ljrx4zmg", "isn't an age recipient"},
        {"ssh-ed25519 AAAA", "ssh-rsa AAAA", "isn't a public key as in"},
        {"stores = [\"disk\"]", "", "[backup] needs \"stores\""},
        {"kind = \"postgres\"\nservice = \"db\"",
         "kind = \"postgres\"\nsource = \"box:/x\"",
         "\"source\" means nothing here: its kind is a database"},
        {"kind = \"postgres\"\nservice = \"db\"",
         "kind = \"postgres\"\nservice = \"db\"\ncli = [\"x\"]",
         "\"cli\" means nothing here: its kind is a database"},
        {"kind = \"postgres\"\nservice = \"db\"",
         "kind = \"images\"\nsource = \"box:/x\"",
         "\"source\" means nothing here: its kind is \"images\""},
        {"compose = \"compose.yml\"", "compose = \"docker.yml\"", "there is no file \"docker.yml\""},
        {"estate = \"home\"", "estate = \"home", "kavi.toml:1:15: a text isn't closed on its line"},
        {"estate = \"home\"", "estate = home", "kavi.toml:1:10: this isn't a value; text stands in quotes"},
        {"estate = \"home\"\n", "", "kavi.toml: \"estate\" is missing"},
        {"estate = \"home\"\n",
         "estate = \"home\"\nestate = \"home\"\n",
         "cannot redefine existing string 'estate'"},
        {"estate = \"home\"", "estate = \"home\"\ntimezone = \"Santiago\"", "\"Santiago\" isn't a time zone"},
        {"[backup]", "[backup]\nrpo = \"26\"", "\"26\" isn't a duration"},
        {"[backup]", "[backup]\nschedule = \"daily 25:00\"", "\"daily 25:00\" isn't \"hourly\""},
        {"[backup]", "[backup]\nkeep = { dayly = 7 }", "unknown key \"dayly\" in [backup.keep]"},
        {"[servers.box]",
         "[servers.box]\ntype = \"cx22\"",
         "\"type\" means nothing here: the provider is \"manual\""},
        {"[servers.box]",
         "[servers.box]\nfirewall = [\"80/tcp\", \"99999/udp\"]",
         "\"99999/udp\" isn't ports like"},
        {"[servers.box]",
         "[servers.box]\nfirewall = [{ ports = \"22/tcp\", from = [\"10.0.0.0/33\"] }]",
         "\"10.0.0.0/33\" isn't a network"},
        {"[services.app]",
         "[services.app]\nprobe = { tcp = \"2222\" }",
         "\"2222\" isn't \"host:port\" or \":port\""},
        {"[services.app]",
         "[services.app]\nprobe = { htp = \":80\" }",
         "unknown key \"htp\" in [services.app.probe]"},
        {"[zones.",
         "[[records]]\nzone = \"example.org\"\ntype = \"A\"\nnaem = \"x\"\n[zones.",
         "unknown key \"naem\" in [[records]]"},
        {"[zones.",
         "[escrow.key]\nsecret = \"secret:/KEY\"\nlocations = [\"sealed\"]\n[zones.",
         "\"secret\" must be a sealed secret's reference"},
    }));
    CAPTURE(mistake.to);
    CHECK_THAT(changed(mistake.from, mistake.to).problems(), ContainsSubstring(mistake.said));
}

TEST_CASE("what isn't wrong but unwise is a warning") {
    struct Unwise {
        std::string from, to, said;
    };

    const auto unwise = GENERATE(values<Unwise>({
        {"[backup.items.data]\nkind = \"files\"\nsource = \"box:volume/data\"\n",
         "",
         "compose.yml:6:9: warning: nothing backs up \"data\"\n"
         "    6 | - data:/data\n"
         "      |   ^^^^^^^^^^ an item with source = \"box:volume/data\", or a reason in "
         "[backup.uncovered]\n1 warning\n"},
        {"[backup.items.db]\nkind = \"postgres\"\nservice = \"db\"\n",
         "",
         "warning: nothing backs up \"db\""},
        {"source = \"box:/mnt/disk/notes\"",
         "source = \"box:/mnt/disk/other\"",
         "warning: nothing backs up \"/mnt/disk/notes\""},
        {"[backup]",
         "[backup.uncovered]\ncache = \"x\"\n[backup]",
         "warning: no service keeps anything in \"cache\""},
        {"ssh = { host_key = \"SHA256:aJntoQGSI1NOSZbif5YiDLJgEWR/L29TC1B3RZDxfpw\" }\n",
         "",
         "warning: server \"box\" has no host key"},
        {"[operators.offline]\nage = \"age16xx676nd3tgqsenkmqh08ap94duv943q3eflf6rd4namdm8v7vssyxhl0z\"\n",
         "",
         "warning: there is one age recipient only"},
        {"[servers.box]",
         "[servers.box]\nfirewall = [\"80/tcp\"]",
         "warning: this firewall lets no SSH in (port 22)"},
        {"TOKEN = \"sealed:/TOKEN\"",
         "TOKEN = \"sealed:/TOKEN\", OLD = \"sealed:/OLD\"",
         "warning: no compose file uses ${KAVI_SECRETS}/OLD"},
    }));
    CAPTURE(unwise.to);
    const auto files = changed(unwise.from, unwise.to);
    CHECK_THAT(files.problems(), ContainsSubstring(unwise.said));
    CHECK(files.load().valid());
}

TEST_CASE("rules of Traefik and [domains] are held against each other, both ways") {
    struct Rule {
        std::string rule, said;
    };

    const auto rule = GENERATE(values<Rule>({
        {"Host(`www.example.com`)",
         "compose.yml:10:7: Traefik's Host(\"www.example.com\") is in no [domains] table"},
        {"Host(`www.example.com`)",
         "kavi.toml:22:10: no Traefik rule of service \"app\" has Host(`www.example.org`)"},
        {"Host(`WWW.example.org`) || Host(`a.example.org`)",
         "Host(\"a.example.org\") is in no [domains] table"},
        {"Host(``)", "kavi.toml:22:10: no Traefik rule of service \"app\""},
        {"PathPrefix(`/x`)", "compose knows the name as ${KAVI_DOMAIN_APP}"},
    }));
    CAPTURE(rule.rule);
    CHECK_THAT(changed("Host(`${KAVI_DOMAIN_APP}`)", rule.rule, "compose.yml").problems(),
               ContainsSubstring(rule.said));
    CHECK(changed("Host(`${KAVI_DOMAIN_APP}`)", "Host(`WWW.example.org`)", "compose.yml").problems().empty());
}

TEST_CASE("variables that nothing sets are found where no folder of secrets could") {
    const auto without = changed("image: app:1.0", "image: app:${VERSION:?is missing}", "compose.yml");
    CHECK_THAT(without.problems(),
               ContainsSubstring("compose.yml:3:12: nothing sets the variable VERSION: is missing"));
    auto with = without;
    with.files["kavi.toml"].replace(with.files["kavi.toml"].find("compose ="), 0, "env = \"secret:/web\"\n");
    CHECK(with.problems().empty());
}

TEST_CASE("binds: what travels with the compose file needs no backup, what is written on the host does") {
    const auto mount = [](const std::string& text) {
        return changed("- data:/data", "- data:/data\n      - " + text, "compose.yml");
    };
    CHECK(mount("./conf:/conf:ro").problems().empty());
    CHECK(mount("/var/run/docker.sock:/var/run/docker.sock").problems().empty());
    CHECK_THAT(mount("./state:/state").problems(),
               ContainsSubstring("nothing backs up \"/opt/kavi/web/state\""));
    CHECK_THAT(mount("/srv/media:/media").problems(), ContainsSubstring("source = \"box:/srv/media\""));
    auto tracked = mount("./app.conf:/app.conf");
    tracked.files["app.conf"] = "x";
    CHECK(tracked.problems().empty());
}

TEST_CASE("a literal credential is refused without being shown") {
    const std::string token = "Zq7Rk2Lm9Xv4Tn8Bw3Yc6Hf1Jd5Gs0PaQeUiOzRtKlMnBvCxSdFgHjKlWqEr12Xy";
    const auto [from, to] = GENERATE_COPY(table<std::string, std::string>({
        {"[zones.", "[hetzner]\ntoken = \"" + token + "\"\n[zones."},
        {"[zones.", "[hetzner]\ntoken = \"hunter2\"\n[zones."},
        {"TOKEN = \"sealed:/TOKEN\"", "TOKEN = \"hunter2\", tokne = 1"},
        {"[services.app]", "[stacks.web.vars]\nA = \"" + token + "\"\n[services.app]"},
        {"host = \"u1.example.net\"", "host = \"" + token + "\""},
        {"kind = \"storage-box\"", "kind = \"" + token + "\""},
        {"[zones.", "[hetzner]\ntokn = \"" + token + "\"\n[zones."},
    }));
    CAPTURE(to);
    const auto files = changed(from, to);
    CHECK_FALSE(files.load().valid());
    CHECK_THAT(files.problems(), !ContainsSubstring("hunter2") && !ContainsSubstring(token.substr(0, 12)));
}

TEST_CASE("hostile files are refused, not crashed on") {
    const auto problems_of = [](std::string text) {
        Problems problems;
        read_estate(problems.add_source("kavi.toml", std::move(text)), problems);
        return render_problems(problems.sorted());
    };
    CHECK_THAT(problems_of("a" + std::string(200'000, '.') + "a = 1"),
               ContainsSubstring("line 1 is longer than 16 KiB"));
    CHECK_THAT(problems_of(std::string(1024 * 1024 + 1, '\n')), ContainsSubstring("larger than 1 MiB"));
    CHECK_THAT(problems_of(std::string("a = 1\0", 6)), ContainsSubstring("NUL"));
    CHECK_THAT(problems_of("\xff\xfe = 1"), ContainsSubstring("UTF-8"));
    for (const auto* text : {"[[[",
                             "[[.a]]",
                             "[[ [",
                             "estate = [[[[",
                             "estate = {{}",
                             "\"\"\"",
                             "servers = 7",
                             "records = [1]",
                             "servers = { a = 1 }",
                             "backup = { items = [] }",
                             "estate = 2020-01-01",
                             "a.b.c.d = 1",
                             "[servers.\"\"]",
                             "[domains.\"-..-\"]"})
        CHECK_FALSE(problems_of(text).empty());
    std::string deep;
    for (int i = 0; i < 2000; ++i) deep += "a.";
    CHECK_THAT(problems_of(deep + "a = 1"), ContainsSubstring("nested too deeply"));
}

TEST_CASE("every prefix of the seed's file is read without a crash") {
    const auto text = read_file(seed);
    for (std::size_t size = 0; size < text.size(); size += 97) {
        Problems problems;
        read_estate(problems.add_source("kavi.toml", text.substr(0, size)), problems);
        static_cast<void>(render_problems(problems.sorted()));
    }
    SUCCEED();
}

TEST_CASE("what is shown can be read again, and is the same") {
    for (const auto& text :
         {read_file(seed),
          small_estate,
          std::string(
              "estate = \"x\"\n[servers.a]\nipv6 = \"2001:db8::1\"\nssh.host_key = "
              "\"SHA256:aJntoQGSI1NOSZbif5YiDLJgEWR/L29TC1B3RZDxfpw\"\nfirewall = [\"22/tcp\", { ports = "
              "[\"icmp\", \"80/tcp\"], from = \"10.0.0.0/8\" }]\n[zones.\"a.b\"]\n[[records]]\nzone = "
              "\"a.b\"\ntype = \"SRV\"\nname = \"_x._tcp\"\ndata = { port = 1, target = \"t.a.b\" }\n")}) {
        Problems problems;
        const auto first = read_estate(problems.add_source("first", text), problems).estate;
        const auto shown = show_toml(first);
        const auto second = read_estate(problems.add_source("second", shown), problems).estate;
        CHECK(render_problems(problems.sorted()).empty());
        CHECK(show_json(second) == show_json(first));
    }
}

TEST_CASE("origins: each value says its line, or that it is a default") {
    const auto loaded = load_estate(seed);
    const auto text = show_toml(loaded.estate, loaded.origins, "kavi.toml");
    CHECK_THAT(text, ContainsSubstring("timezone = \"America/Santiago\"  # kavi.toml:4\n"));
    CHECK_THAT(text, ContainsSubstring("port = 22      # default\n"));
}

TEST_CASE("an invalid estate can't be used, and says all of why") {
    const auto loaded = changed("tier = 2", "teir = 2\nxyz = 1").load();
    try {
        require_valid(loaded);
        FAIL("it was taken for valid");
    } catch (const Error& error) {
        CHECK(error.code() == errors::config_invalid);
        CHECK(error.message() == "/estate/kavi.toml has 2 problems");
        CHECK(error.causes().size() == 2);
        CHECK_THAT(error.causes().at(0), ContainsSubstring("kavi.toml:19:1: unknown key \"teir\""));
    }
    CHECK_THROWS_AS(load_estate("/nowhere/kavi.toml"), Error);
}

namespace {

/// Every object of the schema says what each of its keys is for, and takes no others.
void check_schema(const OrderedJson& schema, const std::string& path) {
    CAPTURE(path);
    if (schema.contains("properties")) {
        CHECK(schema.at("additionalProperties") == false);
        for (const auto& [key, inner] : schema.at("properties").items())
            check_schema(inner, path + "." + key);
    }
    for (const auto* part : {"items", "additionalProperties"})
        if (schema.contains(part) && schema.at(part).is_object())
            check_schema(schema.at(part), path + "." + part);
}

}  // namespace

TEST_CASE("the schema is draft 4 and covers what the reader knows") {
    const auto schema = estate_schema();
    CHECK(schema.at("$schema") == "http://json-schema.org/draft-04/schema#");
    CHECK(schema.at("required") == OrderedJson::array({"estate"}));
    check_schema(schema, "");
    const auto& server = schema.at("properties").at("servers").at("patternProperties").front();
    CHECK(server.at("properties").at("protect").at("default") == false);
    CHECK(server.at("properties").at("provider").at("enum") == OrderedJson::array({"hetzner", "manual"}));
    const auto shown = show_json(load_estate(seed).estate);
    for (const auto& [key, value] : shown.items()) CHECK(schema.at("properties").contains(key));
}

TEST_CASE("references and places are parsed as they are written") {
    CHECK(SecretRef::parse("secret:/a/b/NAME")->folder == "/a/b");
    CHECK(SecretRef::parse("secret:/NAME")->text() == "secret:/NAME");
    CHECK(SecretRef::parse_folder("secret:/")->folder == "/");
    CHECK(SecretRef::parse_folder("secret:/a/")->text() == "secret:/a");
    for (const auto* text : {"secret:NAME",
                             "secret:/",
                             "secret:/a/",
                             "sealed:/a/b",
                             "sealed:/",
                             "secret:/a//b",
                             "secret:/../x",
                             "SECRET:/x",
                             ""})
        CHECK_FALSE(SecretRef::parse(text));
    CHECK(Place::parse("box:kavi/x")->owner == "box");
    CHECK(Place::parse("./a:b")->local());
    CHECK_FALSE(Place::parse("box:"));
    CHECK_FALSE(Place::parse(":x"));
}

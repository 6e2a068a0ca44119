#include <kavi/base/files.hpp>
#include <kavi/model/compose.hpp>
#include <kavi/model/compose_merge.hpp>
#include <kavi/model/compose_parts.hpp>

#include <algorithm>
#include <map>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::model;
using namespace std::chrono_literals;

namespace {

const std::map<std::string, std::string, std::less<>> variables{
    {"TAG", "1.2"}, {"DATA", "/srv/data"}, {"PORT", "8443"}};

Variable look_up(std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? Variable{} : Variable{Variable::State::known, found->second};
}

struct Read {
    Problems problems;
    ComposeProject project;

    std::vector<std::string> said() const {
        std::vector<std::string> lines;
        for (const auto& problem : problems.sorted())
            lines.push_back(problem.file + ":" + std::to_string(problem.line) + ":" +
                            std::to_string(problem.column) + ": " + problem.message);
        return lines;
    }

    const ComposeService& service(const std::string& name) const { return project.services.at(name); }
};

Read read(const std::vector<std::string>& texts) {
    Read result;
    std::vector<ComposeText> files;
    for (std::size_t i = 0; i < texts.size(); ++i) files.push_back({i == 0 ? "a.yml" : "b.yml", texts[i]});
    result.project = read_compose("prod", files, look_up, result.problems);
    return result;
}

Read read_service_text(const std::string& inside) {
    return read({"services:\n  x:\n    image: i:1\n" + inside});
}

std::vector<std::string> problems_of(const std::string& text) {
    return read({text}).said();
}

using Lines = std::vector<std::string>;

std::string folder() {
    return std::string(KAVI_SOURCE_DIR) + "/config/services/production/";
}

}  // namespace

TEST_CASE("the production stack reads without a problem") {
    Problems problems;
    const auto project = read_compose(
        "production",
        {{"docker-compose.yml", read_file(folder() + "docker-compose.yml")}},
        [](std::string_view name) {
            if (name == "LOG_LEVEL") return Variable{Variable::State::known, "info"};
            if (name == "KAVI_DOMAIN_FORGEJO") return Variable{Variable::State::known, "git.kua.cl"};
            return Variable{Variable::State::later, ""};
        },
        problems);
    CHECK(render_problems(problems.sorted()) == "");
    CHECK(project.services.size() == 9);
    CHECK(project.volumes.at("postgres-data").real_name == "production_postgres-data");
    CHECK(project.networks.at("data").internal);
    const auto& forgejo = project.services.at("forgejo");
    CHECK(forgejo.restart == "on-failure");
    CHECK(forgejo.healthcheck->start_period == 60s);
    CHECK(forgejo.healthcheck->retries == 4);
    CHECK(forgejo.depends_on.at("postgres").condition == ComposeDependency::Condition::healthy);
    CHECK(traefik_hosts(forgejo.labels.at("traefik.http.routers.forgejo.rule")) == Lines{"git.kua.cl"});
    CHECK(forgejo.mounts.at(2).kind == ComposeMount::Kind::bind);
    CHECK_FALSE(forgejo.mounts.at(2).create_host_path);
    CHECK(forgejo.variables == std::set<std::string>{"KAVI_DOMAIN_FORGEJO", "KAVI_SECRETS", "LOG_LEVEL"});
    CHECK(project.services.at("infisical").secrets.at(0).target == "ENCRYPTION_KEY");
    CHECK(project.secrets.at("forgejo_secret_key").kavi_secret == "FORGEJO_SECRET_KEY");
    CHECK(project.secrets.at("cf_dns_api_token").kavi_secret == "CF_DNS_API_TOKEN");
    const auto missing =
        missing_variables(project, {"LOG_LEVEL", "KAVI_SECRETS", "S3_ACCESS_KEY", "S3_SECRET_KEY"});
    Lines names;
    for (const auto& use : missing) names.push_back(use.name);
    CHECK(names == Lines{"KAVI_DOMAIN_DOCS",
                         "KAVI_DOMAIN_FORGEJO",
                         "KAVI_DOMAIN_IMGPROXY",
                         "KAVI_DOMAIN_INFISICAL",
                         "KAVI_DOMAIN_KUANARY",
                         "KAVI_DOMAIN_OBSIDIAN",
                         "KAVI_STORAGE_OBJECTS",
                         "KUANARY_API_KEY"});
    CHECK(missing.back().message == "is a secret of /services/production");
    CHECK(missing.back().services == std::set<std::string>{"kuanary"});
    CHECK(missing.back().at.line == 194);
}

TEST_CASE("mounts in short and long form") {
    const auto result =
        read({"services:\n  x:\n    image: i:1\n    volumes:\n"
              "      - data:/data\n"
              "      - ./conf:/etc/conf:ro,z\n"
              "      - ${DATA:-/x:y}:/srv\n"
              "      - /anonymous\n"
              "      - {type: bind, source: /mnt/a, target: /a, read_only: true, bind: {create_host_path: "
              "false}}\n"
              "      - {type: tmpfs, target: /tmp}\n"
              "volumes: {data: {name: real}, other: {external: true}, third: }\n"});
    CHECK(result.said() == Lines{});
    const auto& mounts = result.service("x").mounts;
    REQUIRE(mounts.size() == 6);
    CHECK(mounts[0].kind == ComposeMount::Kind::volume);
    CHECK(mounts[0].source == "data");
    CHECK(mounts[1].kind == ComposeMount::Kind::bind);
    CHECK(mounts[1].read_only);
    CHECK(mounts[2].source == "/srv/data");
    CHECK(mounts[3].source.empty());
    CHECK(mounts[3].target == "/anonymous");
    CHECK_FALSE(mounts[4].create_host_path);
    CHECK(mounts[5].kind == ComposeMount::Kind::tmpfs);
    CHECK(result.project.volumes.at("data").real_name == "real");
    CHECK(result.project.volumes.at("other").real_name == "other");
    CHECK(result.project.volumes.at("other").external);
    CHECK(result.project.volumes.at("third").real_name == "prod_third");
}

TEST_CASE("ports in short and long form") {
    const auto result = read_service_text(
        "    ports:\n      - 80\n      - \"443:${PORT}/udp\"\n      - 127.0.0.1:8080:80\n      - "
        "\"[::1]:1:2\"\n"
        "      - 127.0.0.1::90\n      - 9000-9002:8000-8002\n      - {target: 53, published: \"5353\", "
        "protocol: udp}\n");
    CHECK(result.said() == Lines{});
    const auto shown = [](const ComposePort& port) {
        return port.host_ip + "|" + port.published + "|" + port.target + "|" + port.protocol;
    };
    Lines ports;
    for (const auto& port : result.service("x").ports) ports.push_back(shown(port));
    CHECK(ports == Lines{"||80|tcp",
                         "|443|8443|udp",
                         "127.0.0.1|8080|80|tcp",
                         "::1|1|2|tcp",
                         "127.0.0.1||90|tcp",
                         "|9000-9002|8000-8002|tcp",
                         "|5353|53|udp"});
}

TEST_CASE("commands as lists and as lines") {
    const auto result = read_service_text(
        "    entrypoint: sh -c \"echo '$$A' \\\"b\\\"\" 'c d' \"\"\n    command: [a, \"${TAG}\", 1]\n");
    CHECK(result.said() == Lines{});
    CHECK(*result.service("x").entrypoint == Lines{"sh", "-c", "echo '$A' \"b\"", "c d", ""});
    CHECK(*result.service("x").command == Lines{"a", "1.2", "1"});
    CHECK(split_command("a 'b") == std::nullopt);
    CHECK(*split_command("a\\nb \"x\\ty\" 'c\\d'") == Lines{"anb", "xty", "c\\d"});
}

TEST_CASE("environment, labels and env files as maps and as lists") {
    const auto map = read_service_text(
        "    environment: {A: 1, B: '${TAG}', C: }\n    labels: {l: v}\n    env_file: a.env\n    networks: "
        "[default]\n");
    const auto list = read_service_text(
        "    labels: [l=v]\n    networks: {default: }\n    environment: [A=1, 'B=${TAG}', C]\n    env_file: "
        "[a.env]\n");
    CHECK(map.said() == Lines{});
    CHECK(list.said() == Lines{});
    const std::map<std::string, std::optional<std::string>> expected{
        {"A", "1"}, {"B", "${TAG}"}, {"C", std::nullopt}};
    CHECK(map.service("x").environment == expected);
    CHECK(list.service("x").environment == expected);
    CHECK(map.service("x").variables == std::set<std::string>{"C", "TAG"});
    auto subtree = list.service("x").subtree;
    subtree["env_file"] = "a.env";
    CHECK(map.service("x").subtree == subtree);
    CHECK(list.service("x").label_positions.at("l").line == 4);
}

TEST_CASE("health checks") {
    const auto result =
        read({"services:\n"
              "  a: {image: i:1, healthcheck: {test: curl x, interval: 1m30s, timeout: 1.5s, retries: 3}}\n"
              "  b: {image: i:1, healthcheck: {test: [NONE]}}\n"
              "  c: {image: i:1, healthcheck: {disable: true}}\n"});
    CHECK(result.said() == Lines{});
    CHECK(result.service("a").healthcheck->test == Lines{"CMD-SHELL", "curl x"});
    CHECK(result.service("a").healthcheck->interval == 90s);
    CHECK(result.service("a").healthcheck->timeout == 1500ms);
    CHECK(result.service("b").healthcheck->disabled);
    CHECK(result.service("c").healthcheck->disabled);
    CHECK(compose_duration("1h2m3s4ms") == 3723004ms);
    CHECK(compose_duration("5") == std::nullopt);
    CHECK(compose_duration("-5s") == std::nullopt);
    CHECK(compose_duration("5 s") == std::nullopt);
}

TEST_CASE("numbers that YAML would change are warned of, and read as Compose reads them") {
    const auto result =
        read_service_text("    environment: {A: 1.10, B: 0755, C: '1.10', D: 1_000, E: TRUE, F: 3.11}\n");
    CHECK(result.said() == Lines{"a.yml:4:22: Compose reads 1.10 as \"1.1\"",
                                 "a.yml:4:31: Compose reads 0755 as \"493\"",
                                 "a.yml:4:51: Compose reads 1_000 as \"1000\"",
                                 "a.yml:4:61: Compose reads TRUE as \"true\""});
    CHECK_FALSE(result.problems.any_error());
    CHECK(result.service("x").environment.at("A") == "1.1");
    CHECK(result.service("x").environment.at("C") == "1.10");
    const auto typed = [](std::string text) {
        return typed_text({.kind = Value::Kind::text, .text = std::move(text), .plain = true});
    };
    CHECK(typed("1e3") == "1000");
    CHECK(typed("12345678901234567890123") == "1.2345678901234568e+22");
    CHECK(typed("1.2.3") == "1.2.3");
    CHECK(typed("-") == "-");
    CHECK(typed("v1") == "v1");
    CHECK(typed("0x1F") == "31");
    CHECK(typed("08") == "8");
    CHECK(typed(".5") == "0.5");
    CHECK(typed("2001-12-31") == "2001-12-31 00:00:00 +0000 UTC");
}

TEST_CASE("what kavi and Compose refuse") {
    struct Case {
        std::string text;
        Lines said;
    };

    const auto sample = GENERATE(values<Case>({
        {"include: [x.yml]\nservices: {a: {image: i:1}}\n", {"a.yml:1:10: kavi doesn't read \"include\""}},
        {"services: {a: {extends: b, image: i:1}}\n",
         {"a.yml:1:25: kavi doesn't read \"extends\": it couldn't tell what a service is made of"}},
        {"services: {a: {build: .}}\n", {"a.yml:1:12: service \"a\" has \"build\" but no \"image\""}},
        {"services: {a: {command: x}}\n", {"a.yml:1:12: service \"a\" has no \"image\""}},
        {"services: {a: {image: nginx}}\n",
         {"a.yml:1:23: the image nginx has no tag, so it means \"latest\""}},
        {"services: {a: {image: 'h:5000/nginx'}}\n",
         {"a.yml:1:23: the image h:5000/nginx has no tag, so it means \"latest\""}},
        {"services: {a: {image: 'nginx:latest'}}\n",
         {"a.yml:1:23: \"latest\" says nothing about which image runs"}},
        {"services: {a: {image: 'nginx@sha256:00'}}\n", {}},
        {"services: {a: {image: 'n:${TAG}', prots: []}}\n",
         {"a.yml:1:35: Compose knows no \"prots\" of a service"}},
        {"services: {a: {image: i:1, scale: 2}}\n",
         {"a.yml:1:35: \"scale\" must be 1: kavi keeps one container a service"}},
        {"services: {a: {image: i:1, command: 'echo ${1}'}}\n", {"a.yml:1:37: \"${1}\" names no variable"}},
        {"services: {a: {image: i:1, command: 'echo $1'}}\n", {}},
        {"services: {a: {image: i:1, command: 'a; b'}}\n",
         {"a.yml:1:37: Compose drops what follows the unquoted ; in \"command\""}},
        {"services: {a: {image: i:1, volumes: ['dx:/d']}}\nvolumes: {dd: }\n",
         {"a.yml:1:38: there is no volume \"dx\""}},
        {"services: {a: {image: i:1, secrets: [s]}}\n", {"a.yml:1:38: there is no secret \"s\""}},
        {"services: {a: {image: i:1, networks: [n]}}\n", {"a.yml:1:12: there is no network for a, \"n\""}},
        {"services: {a: {image: i:1, depends_on: [b]}}\n",
         {"a.yml:1:12: there is no service for a to depend on, \"b\""}},
        {"services: {a: {image: i:1, depends_on: {b: {condition: service_started, required: false}}}}\n", {}},
        {"services: {a: {image: i:1, depends_on: [b]}, b: {image: i:1, depends_on: [a]}}\n",
         {"a.yml:1:12: service \"a\" depends on itself in the end"}},
        {"services: {a: {image: i:1, depends_on: {a: {condition: healthy}}}}\n",
         {"a.yml:1:12: service \"a\" depends on itself in the end",
          "a.yml:1:56: \"healthy\" is no condition of a dependency"}},
        {"services: {a: {image: i:1, restart: sometimes}}\n",
         {"a.yml:1:37: \"sometimes\" is no restart policy"}},
        {"services: {a: {image: i:1, volumes: ['aa:bb:cc:dd']}}\n",
         {"a.yml:1:38: \"aa:bb:cc:dd\": too many colons",
          "a.yml:1:38: the target \"bb\" must be an absolute path",
          "a.yml:1:38: there is no volume \"aa\""}},
        {"services: {a: {image: i:1, volumes: ['c:/d']}}\n",
         {"a.yml:1:38: the target \"c:/d\" must be an absolute path"}},
        {"services: {a: {image: i:1, ports: ['80:http']}}\n", {"a.yml:1:36: this isn't a port"}},
        {"services: {a: {image: i:1, healthcheck: {test: [curl]}}}\n",
         {"a.yml:1:48: the first word of \"test\" must be NONE, CMD or CMD-SHELL"}},
        {"services: {a: {image: i:1, healthcheck: {interval: 5}}}\n", {"a.yml:1:52: \"5\" is no duration"}},
        {"services: {a: {image: i:1}}\nsecrets: {s: {}}\n",
         {"a.yml:2:11: secret \"s\" must have exactly one of \"file\" and \"environment\""}},
        {"services: {a: {image: [x]}}\n", {"a.yml:1:23: \"image\" must be text, not a list"}},
        {"services: [a]\n", {"a.yml:1:11: \"services\" must be a table, not a list"}},
        {"sevices: {}\n", {"a.yml:1:1: Compose knows no \"sevices\" of a compose file"}},
        {"x-only: 1\n", {"a.yml:1:1: there is no service in here"}},
    }));
    INFO(sample.text);
    CHECK(problems_of(sample.text) == sample.said);
}

TEST_CASE("a later file lies over an earlier one as Compose merges them") {
    const auto result =
        read({"services:\n"
              "  a:\n"
              "    image: i:1\n"
              "    command: [one]\n"
              "    environment: {A: 1, B: 2}\n"
              "    labels: [l=1, m=2]\n"
              "    volumes: ['v1:/data', './x:/x']\n"
              "    ports: ['80:80']\n"
              "    depends_on: [b]\n"
              "    networks: [one]\n"
              "    logging: {driver: json-file, options: {max-size: 1m}}\n"
              "    cap_add: [A]\n"
              "  b: {image: i:2}\n"
              "networks: {one: , two: }\n"
              "volumes: {v1: , w1: }\n",
              "services:\n"
              "  a:\n"
              "    image: i:3\n"
              "    command: [two]\n"
              "    environment: [B=3, C=4]\n"
              "    labels: {m: 3}\n"
              "    volumes: ['w1:/data']\n"
              "    ports: ['80:80', '443:443']\n"
              "    depends_on: {b: {condition: service_healthy}}\n"
              "    networks: {two: {aliases: [z]}}\n"
              "    logging: {driver: journald}\n"
              "    cap_add: [A, B]\n"
              "  c: {image: i:4}\n"});
    CHECK(result.said() == Lines{});
    const auto& a = result.service("a");
    CHECK(a.image == "i:3");
    CHECK(*a.command == Lines{"two"});
    CHECK(a.environment ==
          std::map<std::string, std::optional<std::string>>{{"A", "1"}, {"B", "3"}, {"C", "4"}});
    CHECK(a.labels == std::map<std::string, std::string>{{"l", "1"}, {"m", "3"}});
    REQUIRE(a.mounts.size() == 2);
    CHECK(a.mounts[0].source == "w1");
    CHECK(a.ports.size() == 2);
    CHECK(a.depends_on.at("b").condition == ComposeDependency::Condition::healthy);
    CHECK(a.networks == Lines{"one", "two"});
    CHECK(a.subtree["logging"] == Json{{"driver", "journald"}});
    CHECK(a.subtree["cap_add"] == Json{"A", "B"});
    CHECK(a.label_positions.at("m").file == 1);
    CHECK(result.project.services.contains("c"));
}

TEST_CASE("a list can't stand over a table") {
    CHECK(read({"services: {a: {image: i:1, healthcheck: {retries: 1}}}\n",
                "services: {a: {healthcheck: [x]}}\n"})
              .said() == Lines{"b.yml:1:29: a list can't stand over a table"});
}

TEST_CASE("hosts of a Traefik rule") {
    CHECK(traefik_hosts("Host(`a.b`)") == Lines{"a.b"});
    CHECK(traefik_hosts("(Host(`a`, \"b\") && PathPrefix(`/x`)) || Host ( `c` )") == Lines{"a", "b", "c"});
    CHECK(traefik_hosts("HostRegexp(`x`) || HostSNI(`y`) || myHost(`z`) || PathPrefix(`Host(\"no\")`)") ==
          Lines{});
    CHECK(traefik_hosts("Host(`a") == Lines{});
    CHECK(traefik_hosts("") == Lines{});
}

#include <kavi/base/error.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>
#include <kavi/model/compose.hpp>
#include <kavi/model/dotenv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include <support/catch.hpp>

/// What is written and read here, against Docker Compose itself where its plugin is at hand.
using namespace kavi;
using namespace kavi::model;

namespace {

bool compose_is_here() {
    const auto finished = run_command({.arguments = {"docker", "compose", "version"}});
    if (finished.status != 0) WARN("SKIPPED: the docker compose plugin isn't here");
    return finished.status == 0;
}

/// `docker compose config` of these files; nullopt: it refuses them.
std::optional<Json> compose_config(const std::vector<std::string>& texts, std::string_view env) {
    const TemporaryFolder folder;
    write_file_atomic(folder.path() / ".env", env, 0600);
    Command command{.arguments = {"docker", "compose", "--project-name", "p", "--env-file", ".env"},
                    .folder = folder.path()};
    for (std::size_t i = 0; i < texts.size(); ++i) {
        write_file_atomic(folder.path() / fmt::format("{}.yml", i), texts[i], 0600);
        command.arguments.insert(command.arguments.end(), {"-f", fmt::format("{}.yml", i)});
    }
    command.arguments.insert(command.arguments.end(), {"config", "--format", "json"});
    const auto finished = run_command(command);
    INFO(finished.errors);
    if (finished.status != 0) return std::nullopt;
    return parse_json(finished.output, "docker compose config");
}

/// Compose doubles dollars in what it prints.
std::string undoubled(std::string text) {
    for (auto at = text.find("$$"); at != std::string::npos; at = text.find("$$", at + 1)) text.erase(at, 1);
    return text;
}

std::string awkward(std::mt19937& random) {
    static const std::vector<std::string> parts{"'", "\"", "\\", "$",    "`",     "\n",  "\t",     "#", " #",
                                                "=", " ",  "!",  "${X}", "$(id)", "\\n", "\\0123", "ä", "a",
                                                "0", "%",  "{",  "}",    "$$",    "\\$", "\\\\",   "\r"};
    std::string value;
    for (std::size_t i = random() % 9; i > 0; --i) value += parts[random() % parts.size()];
    return value;
}

}  // namespace

TEST_CASE("Compose reads from a written dotenv file what was written") {
    if (!compose_is_here()) return;
    std::mt19937 random(21);
    NamedSecrets secrets;
    std::string compose = "services:\n  s:\n    image: i:1\n    environment:\n";
    for (int i = 0; i < 400; ++i) {
        const auto name = fmt::format("V{}", i);
        const NamedSecrets one{{name, Secret(awkward(random))}};
        try {
            write_secrets(SecretsForm::dotenv, one);
        } catch (const Error&) {
            continue;
        }
        secrets.merge(NamedSecrets(one));
        compose += fmt::format("      {}: \"${{{}}}\"\n", name, name);
    }
    const auto config = compose_config({compose}, write_secrets(SecretsForm::dotenv, secrets).reveal());
    REQUIRE(config);
    const auto& environment = (*config)["services"]["s"]["environment"];
    CHECK(environment.size() == secrets.size());
    for (const auto& [name, value] : secrets) {
        INFO(name);
        CHECK(undoubled(environment[name].get<std::string>()) == value.reveal());
    }
}

TEST_CASE("Compose and read_dotenv agree on files that people write") {
    if (!compose_is_here()) return;
    const auto text = GENERATE(as<std::string>(),
                               "A=plain value  # said\n",
                               "A=has#no comment\n",
                               "export A = 'single $X \\n \\'quoted\\''\n",
                               "A=\"line\\nbreak \\\"x\\\" \\$Y $$Z \\\\ \\0101 \\q\"\n",
                               "A=\n",
                               "A: yaml\n",
                               "A='two\nlines'\n",
                               "A=1\nA=2\r\n",
                               "\xef\xbb\xbf"
                               "A=bom\n",
                               "A=\"tab\\tand\\vmore\\a\"\n",
                               "A=' # kept '\n",
                               "A=x'y'\n",
                               "A='x\n",
                               "A!=1\n",
                               "A B=1\n",
                               "=1\n");
    INFO(text);
    std::optional<std::string> ours;
    try {
        ours = std::string(read_dotenv(text, "x").at("A").reveal());
    } catch (const Error&) {
    }
    const auto config = compose_config({"services: {s: {image: 'i:1', environment: {A: '${A}'}}}\n"}, text);
    std::optional<std::string> theirs;
    if (config) theirs = undoubled((*config)["services"]["s"]["environment"]["A"].get<std::string>());
    CHECK(ours == theirs);
}

TEST_CASE("Compose and interpolate agree, on what is no template too") {
    if (!compose_is_here()) return;
    const auto text = GENERATE(as<std::string>(),
                               "$FOO-bar",
                               "${BAR:-/non:-alphanumeric}",
                               "${missing-${FOO} ${FOO}}!",
                               "${FOO:+yes}/${BAR:+yes}/${BAR+yes}/${missing+yes}",
                               "${missing-myerror?msg}",
                               "${FOO?bar-baz}",
                               "${missing:-{\"a\": 1}}",
                               "$$FOO $$$FOO",
                               "${missing:-a$$b}",
                               "$1",
                               "a $",
                               "${A:}",
                               "${foo!}",
                               "${}",
                               "$}",
                               "${missing:?no}",
                               "${missing?no}",
                               "${BAR:?no}",
                               "${BAR?no}",
                               "${FOO:-${missing:?inner}}",
                               "${missing:-${also:-${BAR:-deep}}}",
                               "${missing:-a\nb}",
                               "${missing-}$",
                               "${missing:-a:b}",
                               "$${FOO}",
                               "${FOO:-a}${missing:-b}${FOO}",
                               "${missing:-${FOO:-x}-${BAR-y}}z");
    INFO(text);
    const auto look_up = [](std::string_view name) {
        if (name == "FOO") return Variable{Variable::State::known, "first"};
        if (name == "BAR") return Variable{Variable::State::known, ""};
        return Variable{};
    };
    const auto quoted = Json(text).dump();
    const auto config = compose_config({"services: {s: {image: 'i:1', environment: {A: " + quoted + "}}}\n"},
                                       "FOO=first\nBAR=\n");
    std::optional<std::string> theirs;
    if (config) theirs = undoubled((*config)["services"]["s"]["environment"]["A"].get<std::string>());
    const auto ours = interpolate(text, look_up);
    CHECK(ours.has_value() == theirs.has_value());
    if (ours && theirs) CHECK(*ours == *theirs);
}

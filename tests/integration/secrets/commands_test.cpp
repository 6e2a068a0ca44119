#include "estate.hpp"

#include <thread>

#include <fcntl.h>
#include <support/catch.hpp>
#include <unistd.h>

using namespace secrets_test;

namespace {

std::string lines(std::initializer_list<std::string_view> all) {
    std::string text;
    for (const auto line : all) text += std::string(line) + "\n";
    return text;
}

int status_of(const Finished& finished) {
    INFO(finished.errors);
    return finished.status;
}

}  // namespace

TEST_CASE("pull writes what the folder holds, in each format, and logs out", "[pull]") {
    const Estate estate;
    const auto dotenv =
        estate.kavi({"secrets", "pull", "--path", "/app", "--only", "HOST", "--only", "IMPORTED"});
    CAPTURE(dotenv.errors);
    CHECK(dotenv.status == 0);
    CHECK(dotenv.output == lines({"HOST='app.test'", "IMPORTED='from shared'"}));
    CHECK(estate.requests() == std::vector<std::string>{"POST /api/v1/auth/universal-auth/login",
                                                        "GET /api/v1/projects/slug/infrastructure",
                                                        "GET /api/v4/secrets",
                                                        "GET /api/v4/secrets",
                                                        "POST /api/v1/auth/token/revoke"});
    const auto json =
        estate.kavi({"secrets", "pull", "--path", "infra/", "--format", "json", "--prefix", "X_"});
    const auto object = parse_json(json.output, "pulled");
    CHECK(string_or(object, "X_HCLOUD_TOKEN") == "canary-hcloud");
    CHECK(string_or(object, "X_PEM") == "-----BEGIN X-----\nabc\n-----END X-----\n");

    const auto file = (estate.folder / "out.env").string();
    CHECK(estate.kavi({"secrets", "pull", "--path", "/app", "--recursive", "--to", file}).status == 0);
    const auto shell = run_command(
        {.arguments = {
             "sh", "-c", ". \"$0\"; printf '%s|%s|%s' \"$URL\" \"$PASSWORD\" \"$IMPORTED\"", file}});
    CHECK(shell.output == "https://app.test/$x|canary\"$x `y` é|from shared");
}

TEST_CASE("what pull can't do it says with the right code", "[pull]") {
    Estate estate;

    struct Case {
        std::vector<std::string> words;
        int status;
        std::string said;
    };

    const std::vector<Case> cases{
        {{"--path", "/infar"}, 3, "did you mean /infra?"},
        {{"--path", "/infra", "--only", "HCLOUD_TOKN"}, 3, "did you mean HCLOUD_TOKEN?"},
        {{"--json"}, 2, "kavi secrets pull --format json"},
        {{"--format", "toml"}, 2, "toml"},
    };
    for (const auto& c : cases) {
        auto words = c.words;
        words.insert(words.begin(), {"secrets", "pull"});
        const auto finished = estate.kavi(words);
        CHECK(status_of(finished) == c.status);
        CHECK_THAT(finished.output + finished.errors, ContainsSubstring(c.said));
    }
    estate.write_estate("", "infrastructur");
    const auto project = estate.kavi({"secrets", "pull", "--path", "/infra"});
    CHECK(project.status == 3);
    CHECK_THAT(project.errors, ContainsSubstring("did you mean 'infrastructure'?"));
    estate.write_estate();
    estate.environment["INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"] = "wrong";
    CHECK(estate.kavi({"secrets", "pull", "--path", "/infra"}).status == 4);
    estate.environment.erase("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET");
    CHECK(estate.kavi({"secrets", "pull", "--path", "/infra"}).status == 4);
}

TEST_CASE("run hands secrets to the command, and its exit code and signals to the caller", "[run]") {
    const Estate estate;
    const auto run = [&](std::string script) {
        return estate.kavi({"secrets", "run", "--path", "/app", "--", "sh", "-c", std::move(script)});
    };
    const auto said = run("printf %s \"$URL\"");
    CHECK(status_of(said) == 0);
    CHECK(said.output == "https://app.test/$x");
    CHECK(run("exit 7").status == 7);
    CHECK(run("kill -TERM $$").status == 128 + 15);
    CHECK(estate.kavi({"secrets", "run", "--path", "/gone", "--", "true"}).status == 125);
    CHECK(estate.kavi({"secrets", "run", "--path", "/app", "--", "no-such-command"}).status == 125);
    CHECK(run("printf %s \"$(printf '%s' \"$INFISICAL_UNIVERSAL_AUTH_CLIENT_ID\")\"").output == "kavi-id");
}

TEST_CASE("set writes from standard input or a file, and the same value again is nothing", "[set]") {
    const Estate estate;
    const auto set = estate.kavi({"secrets", "set", "/infra/NEW", "--json"}, "value\n");
    CHECK(status_of(set) == 0);
    const auto report = parse_json(set.output, "report");
    CHECK(report["data"]["plan"]["actions"][0]["verb"] == "create");
    CHECK(estate.kavi({"secrets", "pull", "--path", "/infra", "--only", "NEW"}).output == "NEW='value'\n");
    CHECK(parse_json(estate.kavi({"secrets", "set", "/infra/NEW", "--json"}, "value").output,
                     "report")["data"]["changed"] == false);
    write_file_atomic(estate.folder / "pem", "a\nb\n", 0600);
    CHECK(estate
              .kavi({"secrets",
                     "set",
                     "NEW",
                     "--path",
                     "/infra",
                     "--from-file",
                     (estate.folder / "pem").string()})
              .status == 0);
    CHECK(parse_json(estate.kavi({"secrets", "pull", "--path", "/infra", "--format", "json"}).output,
                     "pulled")["NEW"] == "a\nb\n");

    CHECK(estate.kavi({"secrets", "unset", "/infra/NEW"}).status == 10);
    CHECK(estate.kavi({"secrets", "unset", "/infra/NEW", "--yes"}).status == 0);
    CHECK(estate.kavi({"secrets", "unset", "/infra/NEW", "--yes"}).status == 3);
    CHECK(estate.kavi({"secrets", "set", "/infra/EMPTY"}, "").status == 2);
}

TEST_CASE("seal makes the keys, mirrors one to Infisical, and the second time does nothing", "[seal]") {
    const Estate estate;
    CHECK(estate.kavi({"secrets", "seal", "--dry-run", "--exit-code"}).status == 6);
    CHECK_FALSE(std::filesystem::exists(estate.folder / "secrets.sealed.age"));
    CHECK(estate.kavi({"secrets", "seal"}).status == 10);
    CHECK(status_of(estate.kavi({"secrets", "seal", "--yes"})) == 0);
    const auto file = estate.sealed_file();
    CHECK(estate.kavi({"secrets", "seal", "--yes", "--dry-run", "--exit-code"}).status == 0);
    CHECK(estate.sealed_file() == file);
    const auto mirror = estate.kavi({"secrets", "pull", "--path", "/kavi", "--format", "json"});
    const auto sealed = estate.kavi({"secrets", "unseal", "KAVI_FINGERPRINT_KEY"});
    CHECK(string_or(parse_json(mirror.output, "mirror"), "FINGERPRINT_KEY") == sealed.output);

    CHECK(estate.kavi({"secrets", "set", "--sealed", "BOX_ADMIN_KEY"}, "a\nkey\n").status == 0);
    CHECK(estate.kavi({"secrets", "unseal", "BOX_ADMIN_KEY"}).output == "a\nkey\n");
    const auto summary = parse_json(estate.kavi({"secrets", "unseal", "--json"}).output, "summary");
    CHECK(summary["data"]["number"] == 2);
    CHECK(summary["data"]["secrets"].size() == 4);
}

TEST_CASE("diff names what differs between environments, and a file, by fingerprints", "[diff]") {
    const Estate estate;
    REQUIRE(estate.kavi({"secrets", "seal", "--yes"}).status == 0);
    const auto same = estate.kavi({"secrets", "diff", "prod", "--path", "/infra"});
    CHECK(status_of(same) == 0);
    CHECK(same.output == "prod and prod are the same: 2 secrets\n");
    write_file_atomic(estate.folder / "env", "HCLOUD_TOKEN=canary-other\nMORE=x\n", 0600);
    const auto differs =
        estate.kavi({"secrets", "diff", "--file", (estate.folder / "env").string(), "--path", "/infra"});
    CHECK(status_of(differs) == 6);
    CHECK_THAT(differs.output, ContainsSubstring("  ~ /infra/HCLOUD_TOKEN"));
    CHECK_THAT(differs.output, ContainsSubstring("  > /infra/MORE"));
    CHECK_THAT(differs.output, ContainsSubstring("  < /infra/PEM"));
    CHECK(differs.output.find("canary") == std::string::npos);
    CHECK(estate.kavi({"secrets", "diff", "prd", "--path", "/infra"}).status == 3);
    CHECK(estate.kavi({"secrets", "diff"}).status == 2);
}

TEST_CASE("escrow places what is missing, opens each copy and tells a wrong one", "[escrow]") {
    const Estate estate;
    estate.write_estate(
        "[escrow.infisical-encryption-key]\nsecret = \"sealed:/INFISICAL_ENCRYPTION_KEY\"\n"
        "locations = [\"sealed\", \"copy.age\", \"attested:the safe 2020-01-01\"]\n");
    REQUIRE(estate.kavi({"secrets", "set", "--sealed", "INFISICAL_ENCRYPTION_KEY"}, "canary-escrowed-key")
                .status == 0);
    const auto first = estate.kavi({"secrets", "escrow", "verify"});
    CHECK(status_of(first) == 8);
    CHECK_THAT(first.output, ContainsSubstring("missing              copy.age"));
    CHECK_THAT(first.output, ContainsSubstring("stale                attested:the safe 2020-01-01"));
    CHECK_THAT(first.output, ContainsSubstring("escrow 1/3"));
    CHECK(status_of(estate.kavi({"secrets", "escrow", "place", "--yes"})) == 0);
    CHECK_THAT(estate.kavi({"secrets", "escrow", "verify"}).output,
               ContainsSubstring("good                 copy.age"));
    const auto opened = run_command({.arguments = {"age",
                                                   "-d",
                                                   "-i",
                                                   (estate.folder / "age.key").string(),
                                                   (estate.folder / "copy.age").string()}});
    CHECK(opened.output == "canary-escrowed-key");

    const auto wrong = seal::age_seal(
        Secret("another"), std::vector<seal::Recipient>{seal::parse_recipient(estate.identity.recipient())});
    write_file_atomic(estate.folder / "copy.age", wrong, 0600);
    const auto differs = estate.kavi({"secrets", "escrow", "verify", "--json"});
    CHECK(differs.status == 12);
    CHECK(differs.output.find("canary") == std::string::npos);
}

namespace {

/// Looks for canaries in the arguments of all processes, and in the environment of kavi's children, until it
/// goes.
class Watcher {
  public:
    ~Watcher() { stop(); }

    std::vector<std::string> stop() {
        if (thread_.joinable()) {
            thread_.request_stop();
            thread_.join();
        }
        return found_;
    }

  private:
    void look() {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const auto name = entry.path().filename().string();
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            const FileDescriptor file(::open((entry.path() / "cmdline").c_str(), O_RDONLY | O_CLOEXEC));
            std::string text(65536, '\0');
            const auto size = ::read(file.get(), text.data(), text.size());
            text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
            if (text.find("canary") != std::string::npos) found_.push_back(std::move(text));
        }
    }

    std::vector<std::string> found_;
    std::jthread thread_{[this](const std::stop_token& stop) {
        while (!stop.stop_requested()) look();
    }};
};

std::vector<std::string> files_with_canary(const std::filesystem::path& folder) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file() || entry.path().filename() == "wanted.env") continue;
        if (read_file(entry.path()).find("canary") != std::string::npos)
            found.push_back(entry.path().string());
    }
    return found;
}

}  // namespace

TEST_CASE("secrets show up only where they are asked for", "[canary]") {
    const Estate estate;
    Watcher watcher;
    const std::vector<std::pair<std::vector<std::string>, std::string>> commands{
        {{"secrets", "seal", "--yes", "-vv"}, ""},
        {{"secrets", "seal", "--yes", "--json"}, ""},
        {{"secrets", "set", "/infra/OTHER", "-vv"}, "canary-other"},
        {{"secrets", "set", "/infra/OTHER", "--json-events"}, "canary-changed"},
        {{"secrets", "set", "/infra/bad:name", "-vv"}, "canary-bad"},
        {{"secrets", "set", "--sealed", "BOX_ADMIN_KEY", "-vv", "--json"}, "canary-box\nkey\n"},
        {{"secrets", "pull", "--path", "/infra", "--to", (estate.folder / "wanted.env").string(), "-vv"}, ""},
        {{"secrets", "pull", "--path", "/infra", "--only", "GONE", "-vv"}, ""},
        {{"secrets", "unseal", "-vv"}, ""},
        {{"secrets", "unseal", "--json"}, ""},
        {{"secrets", "unset", "/infra/OTHER", "--yes", "-vv"}, ""},
        {{"secrets", "run", "--path", "/app", "-vv", "--", "true"}, ""},
    };
    for (const auto& [words, input] : commands) {
        const auto finished = estate.kavi(words, input);
        CAPTURE(words, finished.output, finished.errors);
        CHECK((finished.output + finished.errors).find("canary") == std::string::npos);
    }
    CHECK(watcher.stop().empty());
    CHECK(files_with_canary(estate.folder).empty());
}

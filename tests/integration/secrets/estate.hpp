#pragma once

#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/secrets/sealed_bundle.hpp>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include <apis/lab_apis.hpp>

/// A small estate on disk, the lab's Infisical in this process, and the kavi executable.
namespace secrets_test {

using namespace kavi;

inline lab::InfisicalSeed seed_of(lab::InfisicalAge age) {
    lab::InfisicalSeed seed{.age = age};
    lab::ProjectSeed project{.slug = "infrastructure"};
    project.secrets = {{"prod", "/infra", "HCLOUD_TOKEN", "canary-hcloud", "the project's token"},
                       {"prod", "/infra", "PEM", "-----BEGIN X-----\nabc\n-----END X-----\n", ""},
                       {"prod", "/app", "URL", "https://${HOST}/$x", ""},
                       {"prod", "/app", "HOST", "app.test", ""},
                       {"prod", "/app/db", "PASSWORD", "canary\"$x `y` é", ""},
                       {"prod", "/shared", "IMPORTED", "from shared", ""},
                       {"prod", "/shared", "HOST", "hidden by the folder's own", ""}};
    project.imports = {{"prod", "/app", "prod", "/shared"}};
    seed.projects = {project};
    seed.identities = {{.name = "kavi",
                        .client_id = "kavi-id",
                        .client_secret = "canary-client-secret",
                        .roles = {{"infrastructure", "member"}}}};
    return seed;
}

class Estate {
  public:
    explicit Estate(lab::InfisicalAge age = lab::InfisicalAge::july_2026) : apis_(config(age)) {
        apis_.start();
        write_file_atomic(folder / "id", seal::write_ssh_private_key(key).reveal(), 0600);
        write_file_atomic(folder / "age.key", std::string(identity.text().reveal()) + "\n", 0600);
        environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                       {"HOME", folder.string()},
                       {"LC_ALL", "C.UTF-8"},
                       {"KAVI_LOOPBACK_ONLY", "1"},
                       {"KAVI_CONFIG", (folder / "kavi.toml").string()},
                       {"KAVI_SSH_KEY", (folder / "id").string()},
                       {"KAVI_IDENTITY", (folder / "age.key").string()},
                       {"TMPDIR", (folder / "tmp").string()},
                       {"INFISICAL_API_URL", apis_.url("infisical")},
                       {"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "kavi-id"},
                       {"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "canary-client-secret"}};
        std::filesystem::create_directories(folder / "tmp");
        write_estate();
    }

    /// kavi.toml, with further lines at its end.
    void write_estate(std::string_view more = {}, std::string_view project = "infrastructure") const {
        const auto text =
            "estate = \"test\"\n[operators.ana]\nssh = \"" + key.public_key.line() + "\"\nage = \"" +
            identity.recipient() +
            "\"\n[secrets]\nprovider = \"infisical\"\nurl = \"https://secrets.test\"\nproject = \"" +
            std::string(project) +
            "\"\nenvironment = \"prod\"\nsealed = [\"secrets.sealed.age\"]\n"
            "[hetzner]\ntoken = \"secret:/infra/HCLOUD_TOKEN\"\n" +
            std::string(more);
        write_file_atomic(folder / "kavi.toml", text, 0644);
    }

    Finished kavi(std::vector<std::string> words, std::string input = {}) const {
        words.insert(words.begin(), KAVI_EXECUTABLE);
        return run_command({.arguments = std::move(words),
                            .input = std::move(input),
                            .environment = {environment.begin(), environment.end()},
                            .only_environment = true,
                            .timeout = std::chrono::seconds(60)});
    }

    std::string sealed_file() const { return read_file(folder / "secrets.sealed.age"); }

    /// Requests that the lab's Infisical got, "POST /api/v1/…", without queries.
    std::vector<std::string> requests() const {
        std::vector<std::string> lines;
        for (const auto& line : split(read_file_if_there(log_).value_or(""), '\n')) {
            if (line.empty()) continue;
            const auto entry = parse_json(line, "the request log");
            const auto path = string_or(entry, "path");
            lines.push_back(string_or(entry, "method") + " " + path.substr(0, path.find('?')));
        }
        return lines;
    }

    lab::LabApis& apis() { return apis_; }

    TemporaryFolder temporary;
    std::filesystem::path folder = temporary.path();
    seal::X25519Identity identity = seal::X25519Identity::generate();
    seal::SshPrivateKey key = seal::generate_ssh_key("ana");
    std::map<std::string, std::string> environment;
    std::atomic<bool> answers = true;

  private:
    lab::LabApisConfig config(lab::InfisicalAge age) {
        lab::LabApisConfig config;
        config.request_log = log_;
        config.infisical_reachable = [this] { return answers.load(); };
        config.infisical = seed_of(age);
        return config;
    }

    std::filesystem::path log_ = folder / "requests.jsonl";
    lab::LabApis apis_;
};

}  // namespace secrets_test

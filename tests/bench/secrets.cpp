#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>
#include <kavi/seal/age_keys.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <apis/lab_apis.hpp>

// bench_secrets KAVI: `secrets pull` of 1,000 secrets in 50 folders, beside curl making the same requests.
// Writes secrets.json. Bar: within 1.1 times curl.

using namespace kavi;

namespace {

constexpr int folders = 50, secrets_each = 20, rounds = 7;

lab::LabApisConfig config(const std::filesystem::path& log, bool imports) {
    lab::ProjectSeed project{.slug = "infrastructure"};
    for (int folder = 0; folder < folders; ++folder)
        for (int secret = 0; secret < secrets_each; ++secret)
            project.secrets.push_back({"prod",
                                       fmt::format("/app/f{}", folder),
                                       fmt::format("F{}_SECRET_{}", folder, secret),
                                       std::string(48, 'x'),
                                       ""});
    for (int folder = 1; imports && folder < folders; ++folder)
        project.imports.push_back({"prod", fmt::format("/app/f{}", folder), "prod", "/app/f0"});
    lab::LabApisConfig config;
    config.request_log = log;
    config.infisical.projects = {project};
    config.infisical.identities = {
        {.client_id = "id", .client_secret = "secret", .roles = {{"infrastructure", "member"}}}};
    return config;
}

double seconds(const Command& command) {
    const auto began = std::chrono::steady_clock::now();
    const auto finished = run_command(command);
    if (finished.status != 0) throw std::runtime_error(finished.errors);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double best(const Command& command) {
    double least = 1e9;
    for (int round = 0; round < rounds; ++round) least = std::min(least, seconds(command));
    return least;
}

/// The requests that kavi made, as one curl would make them: those that depend on each other one after the
/// other, the lists side by side on kept connections. The token and the project are known already, in curl's
/// favour.
std::string curl_script(const std::vector<std::string>& lists,
                        const std::string& url,
                        const std::string& token,
                        const std::string& body) {
    std::string parallel = "curl -sf --parallel --parallel-max 8 -H 'Authorization: Bearer " + token + "'";
    for (const auto& list : lists) parallel += " -o /dev/null '" + url + list + "'";
    const auto login = "curl -sf -o /dev/null -H 'Content-Type: application/json' -d '" + body + "' " + url +
                       "/api/v1/auth/universal-auth/login";
    const auto project = "curl -sf -o /dev/null -H 'Authorization: Bearer " + token + "' " + url +
                         "/api/v1/projects/slug/infrastructure";
    return login + " && " + project + " && " + parallel + " && " + login;  // the last stands for the log-out
}

OrderedJson measure(const char* kavi, bool imports) {
    const TemporaryFolder folder;
    const auto log = folder.path() / "log";
    lab::LabApis apis(config(log, imports));
    apis.start();
    const auto url = apis.url("infisical");
    const auto identity = seal::X25519Identity::generate();
    write_file_atomic(folder.path() / "kavi.toml",
                      "estate = \"bench\"\n[operators.ana]\nage = \"" + identity.recipient() +
                          "\"\n[secrets]\nprovider = \"infisical\"\nurl = \"https://x\"\nproject = "
                          "\"infrastructure\"\nsealed = [\"s.age\"]\n",
                      0600);
    const Command pull{.arguments = {kavi,
                                     "secrets",
                                     "pull",
                                     "--path",
                                     "/app",
                                     "--recursive",
                                     "--to",
                                     (folder.path() / "env").string()},
                       .environment = {{"KAVI_CONFIG", (folder.path() / "kavi.toml").string()},
                                       {"KAVI_LOOPBACK_ONLY", "1"},
                                       {"INFISICAL_API_URL", url},
                                       {"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "id"},
                                       {"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "secret"}}};
    seconds(pull);
    std::vector<std::string> lists;
    int requests = 0;
    const auto text = read_file(log);
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        const auto entry = parse_json(std::string_view(text).substr(at, end - at), "log");
        ++requests;
        const auto path = string_or(entry, "path"), query = string_or(entry, "query");
        if (path.starts_with("/api/v4/secrets") || path.starts_with("/api/v2/folders"))
            lists.push_back(query.empty() ? path : path + "?" + query);
    }
    const std::string login = R"({"clientId":"id","clientSecret":"secret"})";
    const auto token_answer = run_command({.arguments = {"curl",
                                                         "-sf",
                                                         "-H",
                                                         "Content-Type: application/json",
                                                         "-d",
                                                         login,
                                                         url + "/api/v1/auth/universal-auth/login"}});
    const auto token = string_or(parse_json(token_answer.output, "token"), "accessToken");
    const auto mine = best(pull);
    const auto curl = best({.arguments = {"sh", "-c", curl_script(lists, url, token, login)}});
    std::printf("%s imports: kavi %.3f s with %d requests, curl %.3f s, ratio %.2f\n",
                imports ? "with" : "without",
                mine,
                requests,
                curl,
                mine / curl);
    return {{"imports", imports},
            {"kavi_s", mine},
            {"curl_s", curl},
            {"ratio", mine / curl},
            {"requests", requests}};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const OrderedJson report{measure(argv[1], false), measure(argv[1], true)};
    write_file_atomic("secrets.json", report.dump(1) + "\n", 0644);
    return std::ranges::all_of(report,
                               [](const auto& row) { return row["ratio"].template get<double>() <= 1.1; })
               ? 0
               : 1;
}

#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>

#include <algorithm>

#include <estate/estate_copy.hpp>
#include <estate/estate_names.hpp>
#include <estate/lab_secrets.hpp>
#include <machines/sshd_machines.hpp>
#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

const std::filesystem::path seed = std::filesystem::path(KAVI_SOURCE_DIR) / "config/kavi.toml";

}  // namespace

TEST_CASE("the lab reads names out of the estate file") {
    const auto names = read_estate_names(seed);
    CHECK(names.servers.size() == 3);
    CHECK(names.find_server("bruno")->type == "cpx32");
    CHECK(names.find_server("eva")->host_key.starts_with("SHA256:"));
    CHECK(names.boxes.at(0).users.at("prune") == "u000000-sub2");
    CHECK(names.boxes.at(0).mount_user == "u000000-sub4");
    CHECK(std::ranges::binary_search(names.references, "sealed:/BOX_ADMIN_KEY"));
    const auto photos = std::ranges::find(names.domains, "photos.kua.cl", &EstateNames::Domain::name);
    REQUIRE(photos != names.domains.end());
    CHECK(names.server_of(*photos)->name == "eva");
    const auto git = std::ranges::find(names.domains, "git.kua.cl", &EstateNames::Domain::name);
    CHECK(names.server_of(*git)->name == "bruno");
}

TEST_CASE("what isn't TOML is refused by name") {
    const TemporaryFolder folder;
    write_file_atomic(folder.path() / "kavi.toml", "[[[", 0644);
    CHECK_THROWS_WITH(read_estate_names(folder.path() / "kavi.toml"),
                      ContainsSubstring("can't be read as TOML"));
}

TEST_CASE("images and variables are read out of a compose file") {
    const auto names = read_compose_names(seed.parent_path() / "services/production/docker-compose.yml");
    CHECK(names.images.size() == 9);
    CHECK(std::ranges::find(names.images, "codeberg.org/forgejo/forgejo:11.0.9-rootless") !=
          names.images.end());
    CHECK(std::ranges::binary_search(names.variables, "KUANARY_API_KEY"));
}

TEST_CASE("every secret that the estate names has a value, in the place that it's named in") {
    const LabSecrets secrets(read_estate_names(seed), {{"HCLOUD_TOKEN", "given"}});
    const auto find = [&](const std::string& path, const std::string& key) -> std::string {
        for (const auto& one : secrets.in_infisical())
            if (one.path == path && one.key == key) return one.value;
        return "";
    };
    CHECK(find("/infra", "HCLOUD_TOKEN") == "given");
    CHECK(find("/services/production", "KUANARY_API_KEY").size() == 32);
    CHECK(find("/services/production", "SMTP_PORT") == "587");
    CHECK(find("/services/production", "LOG_LEVEL").empty());         // a var of the stack
    CHECK(find("/services/production", "KAVI_DOMAIN_DOCS").empty());  // kavi's own
    CHECK(find("/services/production/files", "IMGPROXY_KEY").size() == 64);
    CHECK(secrets.sealed().at("INFISICAL_DB_CONNECTION_URI").starts_with("postgresql://infisical:"));
    for (const auto& one : secrets.in_infisical()) CHECK_FALSE(secrets.sealed().contains(one.key));
}

TEST_CASE("the copy of the estate differs in keys alone, and is one commit") {
    const TemporaryFolder folder;
    write_file_atomic(folder.path() / "from/kavi.toml", "host_key = \"SHA256:old\"\nname = \"x\"\n", 0644);
    write_file_atomic(folder.path() / "from/services/a.yml", "old\n", 0644);
    copy_estate(folder.path() / "from/kavi.toml",
                folder.path() / "to",
                {{"SHA256:old", "SHA256:new"}, {"", "never"}});
    CHECK(read_file(folder.path() / "to/kavi.toml") == "host_key = \"SHA256:new\"\nname = \"x\"\n");
    CHECK(read_file(folder.path() / "to/services/a.yml") == "old\n");
    const auto log = run_command(
        {.arguments = {"git", "-C", (folder.path() / "to").string(), "rev-list", "--count", "HEAD"}});
    CHECK(trim(log.output) == "1");
}

TEST_CASE("the host key is found in user data of either form") {
    const std::string key =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB\n-----END OPENSSH PRIVATE KEY-----\n";
    CHECK(private_key_in("#cloud-config\nssh_keys:\n  ed25519_private: |\n    -----BEGIN OPENSSH PRIVATE "
                         "KEY-----\n    AAAA\n"
                         "    BBBB\n    -----END OPENSSH PRIVATE KEY-----\n") == key);
    CHECK(private_key_in("{\"ed25519_private\":\"-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\nBBBB\\n"
                         "-----END OPENSSH PRIVATE KEY-----\\n\"}") == key);
    CHECK_FALSE(private_key_in("#cloud-config\n{}\n"));
    CHECK(public_keys_in("keys: ['ssh-ed25519 AAAAC3Nz/+x= ana']") ==
          std::vector<std::string>{"ssh-ed25519 AAAAC3Nz/+x="});
}

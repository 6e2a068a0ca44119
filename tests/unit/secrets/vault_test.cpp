#include "support/catch.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/secrets/secrets.hpp>

using namespace kavi;
using namespace kavi::secrets;
using model::SecretRef;

namespace {

using Causes = std::vector<std::string>;

SecretRef in_folder(std::string folder, std::string name) {
    return {SecretRef::Source::secret, std::move(folder), std::move(name)};
}

SecretRef sealed(std::string name) {
    return {SecretRef::Source::sealed, "/", std::move(name)};
}

SecretVault::Parts parts() {
    SecretVault::Parts parts;
    parts.description = "Infisical (infrastructure/prod)";
    parts.folders["/infra"].emplace("HCLOUD_TOKENS", Secret("t"));
    parts.folder_names = {"/", "/infra", "/services/production"};
    parts.sealed = model::NamedSecrets{};
    parts.sealed->emplace("POSTGRES_PASSWORD", Secret("p"));
    parts.uses = {{in_folder("/infra", "HCLOUD_TOKEN"), "hetzner.token"},
                  {in_folder("/services/productoin", ""), "stacks.production.env"},
                  {sealed("POSTGRES_PASSWROD"), "stacks.production.secrets.POSTGRES_PASSWORD"},
                  {sealed("POSTGRES_PASSWORD"), "stacks.other.secrets.POSTGRES_PASSWORD"}};
    return parts;
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

}  // namespace

TEST_CASE("what is missing is named with its use and the nearest name, all at once", "[vault]") {
    const SecretVault vault(parts());
    const auto uses = parts().uses;
    const auto missing = vault.missing(uses);
    REQUIRE(missing.size() == 3);
    CHECK(missing[0].message() ==
          "the secret HCLOUD_TOKEN isn't in /infra in Infisical (infrastructure/prod)");
    CHECK(missing[0].causes() ==
          Causes{"hetzner.token of the estate file names it", "did you mean HCLOUD_TOKENS?"});
    CHECK(missing[0].advice() == "kavi secrets set /infra/HCLOUD_TOKEN");
    CHECK(missing[1].message() == "Infisical (infrastructure/prod) has no folder /services/productoin");
    CHECK(missing[1].causes() ==
          Causes{"stacks.production.env of the estate file names it", "did you mean /services/production?"});
    CHECK(missing[2].message() == "the secret POSTGRES_PASSWROD isn't in the sealed copy");
    CHECK(missing[2].advice() == "kavi secrets set --sealed POSTGRES_PASSWROD");
    for (const auto& error : missing) CHECK(error.code() == errors::secret_missing);
}

TEST_CASE("secrets are found where their reference says", "[vault]") {
    const SecretVault vault(parts());
    CHECK(vault.get(in_folder("/infra", "HCLOUD_TOKENS")).reveal() == "t");
    CHECK(vault.get(sealed("POSTGRES_PASSWORD")).reveal() == "p");
    CHECK(vault.find(in_folder("/", "POSTGRES_PASSWORD")) == nullptr);
    CHECK(vault.folder("/infra").size() == 1);
}

TEST_CASE("without an open sealed copy its secrets are unknown, not missing", "[vault]") {
    auto closed = parts();
    closed.sealed = std::nullopt;
    closed.why_not_sealed = "no identity was given";
    const SecretVault vault(closed);
    CHECK_FALSE(vault.sealed_opened());
    CHECK(vault.missing(closed.uses).size() == 2);
    const auto error = error_from([&] { vault.get(sealed("POSTGRES_PASSWORD")); });
    CHECK(error.code() == errors::sealed_unreadable);
    CHECK(error.message() == "sealed:/POSTGRES_PASSWORD lies in a sealed copy, and none could be opened");
    CHECK(error.causes() == Causes{"no identity was given"});
}

TEST_CASE("each purpose has a key of its own", "[vault]") {
    const auto error = error_from([] { SecretVault(parts()).key("stack"); });
    CHECK(error.message() == "the fingerprint key isn't there");
    CHECK(error.advice() == "kavi secrets seal makes it, once");

    auto with = parts();
    with.sealed->emplace("KAVI_FINGERPRINT_KEY", Secret("key"));
    const SecretVault vault(with);
    const auto stack = vault.key("stack"), dns = vault.key("dns");
    CHECK(stack.key.size() == 32);
    CHECK(stack.id.size() == 8);
    CHECK(stack.id != dns.id);
    CHECK_FALSE(stack.key == dns.key);
    CHECK(stack.fingerprint("value").size() == 32);
    CHECK(stack.fingerprint("value") == vault.key("stack").fingerprint("value"));
    CHECK(stack.fingerprint("value") != dns.fingerprint("value"));
    // Recorded on hosts: another result would make every service look changed.
    CHECK(stack.id == "3764597d");
    CHECK(stack.fingerprint("value") == "7fc62061bcca76f4e87475e024ff15a2");

    auto mirrored = parts();
    mirrored.sealed = std::nullopt;
    mirrored.folders["/kavi"].emplace("FINGERPRINT_KEY", Secret("key"));
    CHECK(SecretVault(mirrored).key("stack").id == stack.id);
}

TEST_CASE("every use of a secret in the estate is known with its place", "[vault]") {
    model::Estate estate;
    estate.hetzner_token = in_folder("/infra", "HCLOUD_TOKEN");
    estate.servers["bruno"].ssh.key = "secret:/infra/SSH_KEY";
    estate.servers["eva"].ssh.key = "agent";
    auto& stack = estate.stacks["production"];
    stack.env = in_folder("/services/production", "");
    stack.secrets["FILE"] = sealed("FILE");
    auto& box = estate.storages["box"];
    box.name = "box";
    box.keys["admin"] = sealed("BOX_ADMIN_KEY");
    estate.notify = model::Notify{in_folder("/infra", "NOTIFY_URL"), {}};
    std::vector<std::string> lines;
    const auto uses = uses_of(estate);
    for (const auto& use : uses) lines.push_back(use.where + " " + use.ref.folder + " " + use.ref.name);
    CHECK(lines == std::vector<std::string>{"hetzner.token /infra HCLOUD_TOKEN",
                                            "servers.bruno.ssh.key /infra SSH_KEY",
                                            "stacks.production.env /services/production ",
                                            "stacks.production.secrets.FILE / FILE",
                                            "storage.box.keys.admin / BOX_ADMIN_KEY",
                                            "notify.url /infra NOTIFY_URL"});
    CHECK(folders_needed(uses) == std::vector<std::string>{"/infra", "/kavi", "/services/production"});
}

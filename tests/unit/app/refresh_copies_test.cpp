#include <commands/secrets_sealing.hpp>
#include <network.hpp>

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::app;

namespace {

const std::string server_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgOGMZT3kx4lmjDbq4yeNhSGLX5G66b5afdd400So8x";

class NoPrompt final : public Prompt {
  public:
    bool can_ask() const override { return false; }

    std::optional<std::string> ask(std::string_view) override { return std::nullopt; }
};

/// An estate whose only source of secrets its sealed copy is, and an operator.
struct Fixture {
    TemporaryFolder folder;
    seal::X25519Identity identity = seal::X25519Identity::generate();
    seal::SshPrivateKey key = seal::generate_ssh_key("ana");
    std::map<std::string, std::string, std::less<>> variables{
        {"XDG_STATE_HOME", folder.path().string()}, {"KAVI_IDENTITY", path("identity")}, {"KAVI_SSH_KEY", path("key")}, {"KAVI_LOOPBACK_ONLY", "1"}};
    Voice voice;

    Fixture() {
        write_file_atomic(path("identity"), identity.text().reveal(), 0600);
        write_file_atomic(path("key"), seal::write_ssh_private_key(key).reveal(), 0600);
        write_file_atomic(path("kavi.toml"),
                          "estate = \"kavi\"\n[secrets]\nprovider = \"sealed\"\nsealed = [\"secrets.sealed.age\"]\n[operators.ana]\nssh = \"" +
                              key.public_key.line() + "\"\nage = \"" + identity.recipient() + "\"\n",
                          0600);
        secrets::SealedBundle bundle{.estate = "kavi", .sequence = 4, .created = "2026-11-24T13:20:00Z"};
        bundle.operators = {{"ana", key.public_key.line(), identity.recipient()}};
        bundle.sealed.emplace("KAVI_FINGERPRINT_KEY", Secret("0123456789abcdef0123456789abcdef"));
        secrets::KeySigner signer(key);
        write_file_atomic(path("secrets.sealed.age"), secrets::seal_bundle(bundle, signer, {}), 0600);
    }

    std::string path(std::string_view name) const { return (folder.path() / name).string(); }

    std::string file() const { return read_file(path("secrets.sealed.age")); }

    secrets::SealedBundle bundle() const {
        const std::vector<seal::Identity> identities{identity};
        return secrets::open_bundle(file(), identities, {"kavi", {key.public_key}, std::nullopt}, "the copy").bundle;
    }

    /// One deploy's end.
    std::optional<std::string> refresh(std::map<std::string, std::string> signers) {
        const Environment environment(variables);
        const GlobalOptions options;
        SystemClock clock;
        StringSink out, err;
        Output output({.sink = out}, {.sink = err}, voice);
        NoPrompt prompt;
        Session session({.environment = environment, .options = options, .clock = clock, .output = output, .prompt = prompt, .stop = {}});
        const auto loaded = model::load_estate(path("kavi.toml"));
        model::require_valid(loaded);
        Network network(session);
        SecretsAccess access(session, loaded, network.http());
        return refresh_copies(session, {.loaded = loaded, .access = access, .network = network, .backup_signers = std::move(signers)});
    }
};

}  // namespace

TEST_CASE("after a deploy the sealed copy has the keys that sign backups", "[refresh]") {
    Fixture fixture;
    CHECK(fixture.refresh({{"bruno", server_key}}) == "the sealed copy is up to date: keys that sign backups");
    const auto bundle = fixture.bundle();
    CHECK(bundle.sequence == 5);
    CHECK(bundle.backup_signers == std::map<std::string, std::vector<std::string>>{{"bruno", {server_key}}});
    CHECK(bundle.sealed.size() == 1);
}

TEST_CASE("nothing is written where nothing is new", "[refresh]") {
    Fixture fixture;
    const auto before = fixture.file();
    CHECK_FALSE(fixture.refresh({}));
    CHECK(fixture.file() == before);
    fixture.refresh({{"bruno", server_key}});
    const auto after = fixture.file();
    CHECK_FALSE(fixture.refresh({{"bruno", server_key}}));
    CHECK(fixture.file() == after);
}

TEST_CASE("who can't sign, or can't open the copy, gets a line and the copy stays", "[refresh]") {
    {
        Fixture fixture;
        const auto before = fixture.file();
        fixture.variables.erase("KAVI_SSH_KEY");
        CHECK(fixture.refresh({{"bruno", server_key}}) == "the sealed copy couldn't be brought up to date: there is no key to sign the sealed copy with");
        CHECK(fixture.file() == before);
    }
    Fixture fixture;
    write_file_atomic(fixture.path("identity"), seal::X25519Identity::generate().text().reveal(), 0600);
    fixture.variables.erase("KAVI_SSH_KEY");
    const auto before = fixture.file();
    const auto line = fixture.refresh({{"bruno", server_key}});
    REQUIRE(line);
    CHECK(line->starts_with("the sealed copy couldn't be brought up to date: "));
    CHECK(fixture.file() == before);
}

TEST_CASE("a new set of operators is never sealed on the side", "[refresh]") {
    Fixture fixture;
    const auto before = fixture.file();
    const auto other = seal::X25519Identity::generate();
    write_file_atomic(fixture.path("kavi.toml"), read_file(fixture.path("kavi.toml")) + "[operators.bo]\nage = \"" + other.recipient() + "\"\n", 0600);
    CHECK(fixture.refresh({{"bruno", server_key}}) == "the sealed copy is out of date: kavi secrets seal");
    CHECK(fixture.file() == before);
}

#include "support/catch.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/secrets/generate.hpp>
#include <kavi/secrets/sealed_store.hpp>

#include <set>

using namespace kavi;
using namespace kavi::secrets;

namespace {

using Causes = std::vector<std::string>;

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

struct Person {
    seal::X25519Identity identity = seal::X25519Identity::generate();
    seal::SshPrivateKey key;

    explicit Person(std::string_view name) : key(seal::generate_ssh_key(name)) {}

    SealedOperator as_operator() const {
        return {key.public_key.comment, key.public_key.line(), identity.recipient()};
    }

    std::vector<seal::Identity> identities() const { return {identity}; }
};

struct World {
    Person ana{"ana"}, bo{"bo"}, mallory{"mallory"};
    Anchors anchors{"kavi", {ana.key.public_key, bo.key.public_key}, std::nullopt};

    SealedBundle bundle(std::int64_t sequence = 1) const {
        SealedBundle bundle;
        bundle.estate = "kavi";
        bundle.sequence = sequence;
        bundle.created = "2026-11-24T13:20:00Z";
        bundle.operators = {ana.as_operator(), bo.as_operator()};
        bundle.sealed.emplace("KAVI_FINGERPRINT_KEY", Secret("key"));
        bundle.sealed.emplace("POSTGRES_PASSWORD", Secret("pässword \"\\\n"));
        bundle.folders["/infra"].emplace("TOKEN", Secret("t" + std::to_string(sequence)));
        return bundle;
    }

    static std::string sealed_by(const Person& person, const SealedBundle& bundle) {
        KeySigner signer(person.key);
        return seal_bundle(bundle, signer, {});
    }
};

/// Places in memory.
class FakePlaces final : public SealedPlaces {
  public:
    std::map<std::string, std::string> files;
    std::set<std::string> down;

    std::optional<std::string> read(const model::Place& place, std::stop_token) override {
        asked.push_back(place.text());
        if (down.contains(place.text())) throw Error(errors::network_failed, "nobody answers");
        const auto found = files.find(place.text());
        return found == files.end() ? std::nullopt : std::optional(found->second);
    }

    void write(const model::Place& place, std::string_view bytes, std::stop_token) override {
        files[place.text()] = bytes;
    }

    std::vector<std::string> asked;
};

const std::vector<model::Place> three_places{{"box", "kavi/s.age"}, {"", "s.age"}, {"eva", "/var/s.age"}};

}  // namespace

TEST_CASE("a sealed copy opens for each operator, signature and all", "[sealed]") {
    World world;
    const auto file = World::sealed_by(world.ana, world.bundle());
    CHECK(file.find("password") == std::string::npos);
    for (const auto& person : {world.ana, world.bo}) {
        const auto opened = open_bundle(file, person.identities(), world.anchors, "s.age");
        CHECK(same_content(opened.bundle, world.bundle()));
        CHECK(opened.bundle.sequence == 1);
        CHECK(opened.bundle.description() == "the sealed copy of 2026-11-24 13:20 UTC");
        CHECK(opened.signer == world.ana.key.public_key);
    }
    CHECK_THROWS_AS(open_bundle(file, world.mallory.identities(), world.anchors, "s.age"), seal::AgeError);
}

TEST_CASE("anybody can seal for the operators, but only an operator is believed", "[sealed]") {
    World world;
    const auto forged = World::sealed_by(world.mallory, world.bundle());
    const auto error =
        error_from([&] { open_bundle(forged, world.ana.identities(), world.anchors, "s.age"); });
    CHECK(error.code() == errors::integrity);
    CHECK(error.message() == "the sealed copy s.age isn't to be believed");
    const auto fingerprint = world.mallory.key.public_key.fingerprint();
    CHECK(error.causes() == Causes{fingerprint + " signed it, who is no operator of the estate file"});
    CHECK(error.advice() == "if you know that key as an operator's, say so: --confirm " + fingerprint);

    auto confirmed = world.anchors;
    confirmed.confirmed = fingerprint;
    CHECK(open_bundle(forged, world.ana.identities(), confirmed, "s.age").bundle.sequence == 1);
}

TEST_CASE("a bundle that was changed after signing, and another estate's, aren't believed", "[sealed]") {
    World world;
    const auto file = World::sealed_by(world.ana, world.bundle());
    auto document = parse_json(seal::age_open(file, world.ana.identities()).reveal(), "document");
    const auto reseal = [&] {
        return seal::age_seal(Secret(document.dump()), recipients_of(world.bundle().operators));
    };
    const auto why = [&] {
        return error_from([&] { open_bundle(reseal(), world.ana.identities(), world.anchors, "s.age"); })
            .causes();
    };
    auto bundle = document["bundle"].get<std::string>();
    document["bundle"] = bundle.replace(bundle.find("kavi"), 4, "kawi");
    CHECK(why() == Causes{"its signature doesn't hold"});
    document["kavi.sealed"] = 2;
    CHECK(why() == Causes{"it isn't a sealed copy of kavi's, or of a newer kavi"});

    auto other = world.bundle();
    other.estate = "lab";
    const auto error = error_from([&] {
        open_bundle(World::sealed_by(world.ana, other), world.ana.identities(), world.anchors, "s.age");
    });
    CHECK(error.causes() == Causes{"it is of the estate 'lab', not of 'kavi'"});
}

TEST_CASE("age and ssh-keygen open and check a sealed copy without kavi", "[sealed][tool]") {
    World world;
    const TemporaryFolder folder;
    const auto identity = folder.path() / "id", signature = folder.path() / "sig",
               allowed = folder.path() / "allowed";
    write_file_atomic(identity, std::string(world.ana.identity.text().reveal()) + "\n", 0600);
    const auto opened = run_command({.arguments = {"age", "-d", "-i", identity.string()},
                                     .input = World::sealed_by(world.ana, world.bundle())});
    REQUIRE(opened.status == 0);
    const auto document = parse_json(opened.output, "document");
    write_file_atomic(signature, document["signature"].get<std::string>(), 0600);
    write_file_atomic(allowed, "ana " + world.ana.key.public_key.line() + "\n", 0600);
    const auto verified = run_command({.arguments = {"ssh-keygen",
                                                     "-Y",
                                                     "verify",
                                                     "-f",
                                                     allowed.string(),
                                                     "-I",
                                                     "ana",
                                                     "-n",
                                                     "kavi.sealed@kua.cl",
                                                     "-s",
                                                     signature.string()},
                                       .input = document["bundle"].get<std::string>()});
    CHECK(verified.status == 0);
}

TEST_CASE("a value that JSON can't carry is refused by name", "[sealed]") {
    World world;
    auto bundle = world.bundle();
    bundle.sealed.insert_or_assign("BINARY", Secret("\xff\xfe"));
    const auto error = error_from([&] { World::sealed_by(world.ana, bundle); });
    CHECK(error.code() == errors::secret_unfit);
    CHECK(error.message() == "BINARY can't be sealed: its value isn't UTF-8 text");
}

TEST_CASE("the local working copy is enough, and asks no network", "[sealed]") {
    World world;
    FakePlaces places;
    places.files = {{"s.age", World::sealed_by(world.ana, world.bundle(1))},
                    {"box:kavi/s.age", World::sealed_by(world.ana, world.bundle(2))}};
    const auto identities = world.ana.identities();
    const ReadSealed request{
        .places = three_places, .access = places, .identities = identities, .anchors = world.anchors};
    const auto copies = read_sealed(request, {});
    CHECK(copies.best->bundle.sequence == 1);
    CHECK(places.asked == std::vector<std::string>{"s.age"});
    CHECK(copies.content().sealed->size() == 2);
}

TEST_CASE("of all places the newest copy counts, and one that can't be reached is a warning", "[sealed]") {
    World world;
    FakePlaces places;
    const auto newest = World::sealed_by(world.bo, world.bundle(7));
    places.files = {{"s.age", World::sealed_by(world.ana, world.bundle(3))}, {"box:kavi/s.age", newest}};
    places.down = {"eva:/var/s.age"};
    const auto identities = world.ana.identities();
    ReadSealed request{.places = three_places,
                       .access = places,
                       .identities = identities,
                       .anchors = world.anchors,
                       .all_places = true};
    const auto copies = read_sealed(request, {});
    CHECK(copies.best->bundle.sequence == 7);
    CHECK(copies.best_place == "box:kavi/s.age");
    CHECK(copies.up_to_date == std::vector<std::string>{"box:kavi/s.age"});
    CHECK(copies.warnings == std::vector<std::string>{"eva:/var/s.age can't be reached: nobody answers"});

    request.only = model::Place{"", "s.age"};
    const auto older = error_from([&] { read_sealed(request, {}); });
    CHECK(older.code() == errors::plan_stale);
    CHECK(older.message() == "the sealed copy s.age is older than another");
    CHECK(older.causes() == Causes{"box:kavi/s.age holds number 7, this is number 3"});
}

TEST_CASE("a forged copy is passed over where a good one lies, else it ends the run", "[sealed]") {
    World world;
    FakePlaces places;
    places.files = {{"s.age", World::sealed_by(world.mallory, world.bundle(9))},
                    {"box:kavi/s.age", World::sealed_by(world.ana, world.bundle(2))}};
    const auto identities = world.ana.identities();
    ReadSealed request{.places = three_places,
                       .access = places,
                       .identities = identities,
                       .anchors = world.anchors,
                       .all_places = true};
    const auto copies = read_sealed(request, {});
    CHECK(copies.best->bundle.sequence == 2);
    REQUIRE(copies.warnings.size() == 1);
    CHECK_THAT(copies.warnings[0], ContainsSubstring("s.age isn't to be believed"));

    request.all_places = false;
    CHECK(error_from([&] { read_sealed(request, {}); }).code() == errors::integrity);
}

TEST_CASE("why there is no copy is said", "[sealed]") {
    World world;
    FakePlaces places;
    const auto none = std::vector<seal::Identity>(), mine = world.mallory.identities();
    const auto why = [&](const std::vector<seal::Identity>& identities) {
        return read_sealed({.places = three_places,
                            .access = places,
                            .identities = identities,
                            .anchors = world.anchors},
                           {})
            .why_not;
    };
    CHECK(why(mine) == "no sealed copy lies in s.age, box:kavi/s.age, eva:/var/s.age");
    places.files["s.age"] = World::sealed_by(world.ana, world.bundle());
    CHECK(why(mine) == "none of the identities at hand opens s.age");
    CHECK(why(none) == "no identity is at hand that could open s.age");
}

TEST_CASE("local places are files beside the estate file, private and whole", "[sealed]") {
    const TemporaryFolder folder;
    LocalPlaces places(folder.path());
    const model::Place here{"", "deep/s.age"};
    CHECK_FALSE(places.read(here, {}));
    places.write(here, "bytes", {});
    CHECK(places.read(here, {}) == "bytes");
    const auto mode = std::filesystem::status(folder.path() / "deep/s.age").permissions();
    CHECK((mode & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK(error_from([&] {
              places.read({"box", "s.age"}, {});
          }).message() == "box:s.age can't be reached from here");
}

TEST_CASE("an agent's key signs as well as a file's", "[sealed][tool]") {
    const TemporaryFolder folder;
    const auto key = seal::generate_ssh_key("ana");
    const auto path = folder.path() / "id", socket = folder.path() / "agent";
    write_file_atomic(path, seal::write_ssh_private_key(key).reveal(), 0600);
    const auto started = run_command({.arguments = {"ssh-agent", "-a", socket.string()}});
    REQUIRE(started.status == 0);
    const auto pid_at = started.output.find("SSH_AGENT_PID=") + 14;
    const auto pid = started.output.substr(pid_at, started.output.find(';', pid_at) - pid_at);
    REQUIRE(run_command({.arguments = {"ssh-add", "-q", path.string()},
                         .environment = {{"SSH_AUTH_SOCK", socket.string()}}})
                .status == 0);
    const auto keys = keys_of_agent(socket.string(), {});
    REQUIRE(keys.size() == 1);
    CHECK(keys[0] == key.public_key);
    AgentSigner signer(keys[0], socket.string());
    CHECK(seal::verify_sshsig(signer.sign("kavi", "message", {}), "kavi", "message") == key.public_key);
    run_command({.arguments = {"kill", pid}});

    const auto error = error_from([&] { signer.sign("kavi", "message", {}); });
    CHECK(error.code() == errors::credentials_missing);
    CHECK(error.message() == "the SSH agent didn't sign with " + key.public_key.fingerprint());
}

TEST_CASE("what can be made at random is made in the shape its reader expects", "[generate]") {
    struct Case {
        const char *name, *start, *end;
        std::size_t size;
    };

    const auto& c = GENERATE(values<Case>({
        {"KAVI_FINGERPRINT_KEY", "", "=", 44},
        {"INFISICAL_ENCRYPTION_KEY", "", "", 32},
        {"INFISICAL_AUTH_SECRET", "", "=", 44},
        {"INFISICAL_DB_CONNECTION_URI", "postgres://infisical:", "@postgres:5432/infisical", 21 + 32 + 24},
        {"INFISICAL_REDIS_URL", "redis://:", "@redis:6379", 9 + 32 + 11},
        {"POSTGRES_PASSWORD", "", "", 32},
    }));
    CAPTURE(c.name);
    const auto value = generate(recipe_of(c.name)), other = generate(recipe_of(c.name));
    CHECK(value.size() == c.size);
    CHECK(value.reveal().starts_with(c.start));
    CHECK(value.reveal().ends_with(c.end));
    CHECK(value.reveal().find('%') == std::string_view::npos);
    CHECK_FALSE(value == other);
    CHECK(recipe_of("BOX_ADMIN_KEY") == Recipe::none);
    CHECK(recipe_of("NOTIFY_URL") == Recipe::none);
}

TEST_CASE("keys that sign backups come back as they were; older copies have none", "[sealed]") {
    World world;
    auto bundle = world.bundle();
    CHECK(open_bundle(World::sealed_by(world.ana, bundle), world.bo.identities(), world.anchors, "s.age").bundle.backup_signers.empty());
    bundle.backup_signers = {{"bruno", {world.ana.key.public_key.line(), world.bo.key.public_key.line()}}, {"eva", {world.bo.key.public_key.line()}}};
    const auto opened = open_bundle(World::sealed_by(world.ana, bundle), world.bo.identities(), world.anchors, "s.age").bundle;
    CHECK(opened.backup_signers == bundle.backup_signers);
    CHECK(same_content(opened, bundle));
    CHECK_FALSE(same_content(opened, world.bundle()));
}

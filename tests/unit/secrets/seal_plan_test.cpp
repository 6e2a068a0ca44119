#include "fake_infisical.hpp"
#include "support/catch.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/ops/secrets/seal.hpp>

#include <set>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::FakeInfisical;
using model::SecretRef;

namespace {

class FakePlaces final : public secrets::SealedPlaces {
  public:
    std::map<std::string, std::string> files;
    std::set<std::string> down;

    std::optional<std::string> read(const model::Place& place, std::stop_token) override {
        check(place);
        const auto found = files.find(place.text());
        return found == files.end() ? std::nullopt : std::optional(found->second);
    }

    void write(const model::Place& place, std::string_view bytes, std::stop_token) override {
        check(place);
        files[place.text()] = bytes;
    }

  private:
    void check(const model::Place& place) const {
        if (down.contains(place.text())) throw Error(errors::network_failed, "nobody answers");
    }
};

/// An estate with Infisical, two operators and two places; `seal` is one run of `kavi secrets seal`.
struct World {
    seal::X25519Identity identity = seal::X25519Identity::generate();
    seal::SshPrivateKey key = seal::generate_ssh_key("ana");
    model::Estate estate;
    FakeInfisical server;
    api::Infisical client{server, "https://secrets.test", api::InfisicalUniversalAuth{"id", Secret("right")}};
    secrets::InfisicalSource source{client, {.project = "infrastructure", .environment = "prod"}};
    FakePlaces places;
    std::vector<seal::Identity> identities{identity};
    int signatures = 0;
    bool key_there = true;
    std::vector<std::string> write_warnings;

    World() {
        estate.name = "kavi";
        estate.operators["ana"] = {"ana", key.public_key.line(), identity.recipient()};
        estate.secrets.sealed = {{"", "s.age"}, {"box", "s.age"}};
        estate.hetzner_token = SecretRef{SecretRef::Source::secret, "/infra", "HCLOUD_TOKEN"};
        auto& files = estate.stacks["production"].secrets;
        files["POSTGRES_PASSWORD"] = {SecretRef::Source::sealed, "/", "POSTGRES_PASSWORD"};
        files["INFISICAL_ENCRYPTION_KEY"] = {SecretRef::Source::sealed, "/", "INFISICAL_ENCRYPTION_KEY"};
        auto& box = estate.storages["box"];
        box.name = "box";
        box.keys["admin"] = {SecretRef::Source::sealed, "/", "BOX_ADMIN_KEY"};
        server.folders["prod:/infra"] = {{{"HCLOUD_TOKEN", "hcloud"}}};
    }

    secrets::SealedCopies copies() {
        auto anchors = secrets::anchors_of(estate);
        return secrets::read_sealed({.places = estate.secrets.sealed,
                                     .access = places,
                                     .identities = identities,
                                     .anchors = anchors,
                                     .all_places = true},
                                    {});
    }

    SealPlan plan(const SealedEdit& edit = {}) {
        auto* infisical =
            estate.secrets.provider == model::SecretsConfig::Provider::infisical ? &source : nullptr;
        const auto seen = observe_seal(estate, infisical, copies(), {});
        return plan_seal(estate, seen, edit, std::chrono::system_clock::time_point());
    }

    run::Report apply(const SealPlan& planned) {
        SealHandler handler({.places = places,
                             .signer = [this]() -> std::unique_ptr<secrets::Signer> {
                                 if (!key_there) throw Error(errors::credentials_missing, "there is no key");
                                 ++signatures;
                                 return std::make_unique<secrets::KeySigner>(key);
                             },
                             .infisical = &client,
                             .project_id = "12f544cc-c125-4aef-b2a3-23f139ba9a96",
                             .environment = "prod"});
        const run::Handlers handlers{{std::string(SealHandler::kind), &handler}};
        run::NoBoundary boundary;
        run::Listener listener;
        ManualClock clock{{}};
        auto report = run::execute(planned.plan, handlers, boundary, listener, clock, {});
        write_warnings = handler.warnings();
        return report;
    }

    void lose_key() { key_there = false; }

    run::Report seal(const SealedEdit& edit = {}) { return apply(plan(edit)); }

    secrets::SealedBundle bundle() { return copies().best->bundle; }
};

std::vector<std::string> ids(const SealPlan& planned) {
    std::vector<std::string> all;
    for (const auto& action : planned.plan.actions) all.push_back(action.id);
    return all;
}

}  // namespace

TEST_CASE("the first seal makes what can be random, mirrors the fingerprint key, and the second does nothing",
          "[seal]") {
    World world;
    const auto planned = world.plan();
    CHECK(ids(planned) == std::vector<std::string>{"sealed-copy/s.age",
                                                   "secret/sealed:/KAVI_FINGERPRINT_KEY",
                                                   "secret/sealed:/INFISICAL_ENCRYPTION_KEY",
                                                   "secret/sealed:/POSTGRES_PASSWORD",
                                                   "sealed-copy/box:s.age",
                                                   "secret/secret:/kavi/FINGERPRINT_KEY"});
    CHECK(planned.plan.notes ==
          std::vector<std::string>{"still missing: sealed:/BOX_ADMIN_KEY (storage.box.keys.admin): "
                                   "kavi secrets set --sealed BOX_ADMIN_KEY"});
    CHECK(planned.plan.actions[1].question == plan::Question::none);
    CHECK(planned.plan.actions[2].question == plan::Question::yes_no);
    CHECK(world.apply(planned).exit() == Exit::ok);

    CHECK(world.places.files.at("s.age") == world.places.files.at("box:s.age"));
    CHECK(world.signatures == 1);
    const auto bundle = world.bundle();
    CHECK(bundle.sequence == 1);
    CHECK(bundle.folders.at("/infra").at("HCLOUD_TOKEN").reveal() == "hcloud");
    CHECK(world.server.folders.at("prod:/kavi").raw.at("FINGERPRINT_KEY") ==
          bundle.sealed.at("KAVI_FINGERPRINT_KEY").reveal());

    CHECK(ids(world.plan()).empty());
}

TEST_CASE("plans that make the same secrets have the same digest, and no value in them", "[seal]") {
    World world;
    world.seal();
    world.estate.stacks["production"].secrets["OTHER_PASSWORD"] = {
        SecretRef::Source::sealed, "/", "OTHER_PASSWORD"};
    const auto one = world.plan(), two = world.plan();
    CHECK(plan::digest(one.plan) == plan::digest(two.plan));
    world.server.folders["prod:/infra"].raw["HCLOUD_TOKEN"] = "canary-value";
    const auto third = world.plan();
    CHECK(plan::digest(third.plan) != plan::digest(one.plan));
    CHECK(plan::to_json(third.plan).dump().find("canary-value") == std::string::npos);
    CHECK(third.plan.find("sealed-copy/s.age")->reason == "secrets: 1 new, 1 changed");
}

TEST_CASE("a place that missed a copy gets the same file, and one that is down is a warning", "[seal]") {
    World world;
    world.places.down = {"box:s.age"};
    auto planned = world.plan();
    CHECK(planned.warnings == std::vector<std::string>{"box:s.age can't be reached: nobody answers"});
    world.apply(planned);
    world.places.down.clear();
    planned = world.plan();
    CHECK(ids(planned) == std::vector<std::string>{"sealed-copy/box:s.age"});
    CHECK(planned.plan.actions[0].reason == "as in s.age");
    world.apply(planned);
    CHECK(world.places.files.at("s.age") == world.places.files.at("box:s.age"));
    CHECK(world.signatures == 1);

    world.server.folders["prod:/infra"].raw["HCLOUD_TOKEN"] = "new";
    planned = world.plan();
    world.places.down = {"box:s.age"};
    CHECK(world.apply(planned).exit() == Exit::ok);
    CHECK(world.write_warnings ==
          std::vector<std::string>{"box:s.age didn't get the new copy: nobody answers"});
}

TEST_CASE("with Infisical down the copy keeps its folders as they were", "[seal]") {
    World world;
    world.seal();
    world.server.unreachable = true;
    const auto planned = world.plan(
        {.set = {{{SecretRef::Source::sealed, "/", "BOX_ADMIN_KEY"}, Secret("pem")}}, .unset = {}});
    CHECK(planned.warnings ==
          std::vector<std::string>{
              "Infisical at https://secrets.test can't be reached: the copy keeps its folders as they were"});
    world.apply(planned);
    CHECK(world.bundle().folders.at("/infra").at("HCLOUD_TOKEN").reveal() == "hcloud");
    CHECK(world.bundle().sealed.at("BOX_ADMIN_KEY").reveal() == "pem");
}

TEST_CASE("what was made isn't done before a copy holds it", "[seal]") {
    World world;
    world.lose_key();
    const auto report = world.seal();
    CHECK(report.exit() == Exit::credentials);
    CHECK(report.count(run::Done::How::done) == 0);
    CHECK(world.places.files.empty());
}

TEST_CASE("a fingerprint key that another operator made is taken over", "[seal]") {
    World world;
    world.server.folders["prod:/kavi"] = {{{"FINGERPRINT_KEY", "theirs"}}};
    world.seal();
    CHECK(world.bundle().sealed.at("KAVI_FINGERPRINT_KEY").reveal() == "theirs");
    CHECK(ids(world.plan()).empty());
}

TEST_CASE("a copy that can't be opened is never written over", "[seal]") {
    World world;
    world.seal();
    world.identities.clear();
    try {
        world.plan();
        FAIL("it was planned");
    } catch (const Error& error) {
        CHECK(error.code() == errors::sealed_unreadable);
        CHECK(error.message() ==
              "a sealed copy is there that can't be opened, and a new one would lose what is in it");
    }
}

TEST_CASE("changed operators must be confirmed by that word, and a removed one can't open the next copy",
          "[seal]") {
    World world;
    const auto carla = seal::X25519Identity::generate();
    world.estate.operators["carla"] = {"carla", std::nullopt, carla.recipient()};
    world.seal();
    const std::vector<seal::Identity> carlas{carla};
    CHECK_NOTHROW(seal::age_open(world.places.files.at("s.age"), carlas));

    world.estate.operators.erase("carla");
    const auto planned = world.plan();
    const auto* action = planned.plan.find("sealed-copy/s.age");
    REQUIRE(action);
    CHECK(action->question == plan::Question::type_name);
    CHECK(action->confirm_name == "operators");
    CHECK(action->reason == "operators: - carla");
    CHECK_THAT(planned.plan.notes.at(1), ContainsSubstring("carla could read all 4 secrets"));
    world.apply(planned);
    CHECK_THROWS_AS(seal::age_open(world.places.files.at("s.age"), carlas), Error);
}

TEST_CASE("an estate without Infisical has its folders in the copy alone", "[seal]") {
    World world;
    world.estate.secrets.provider = model::SecretsConfig::Provider::sealed;
    world.estate.stacks["production"].secrets["APP_PASSWORD"] = {
        SecretRef::Source::secret, "/app", "APP_PASSWORD"};
    const auto planned = world.plan(
        {.set = {{{SecretRef::Source::secret, "/infra", "HCLOUD_TOKEN"}, Secret("mine")}}, .unset = {}});
    CHECK(planned.plan.find("secret/secret:/app/APP_PASSWORD") != nullptr);
    world.apply(planned);
    CHECK(world.server.asked.empty());
    CHECK(world.bundle().folders.at("/infra").at("HCLOUD_TOKEN").reveal() == "mine");
    CHECK(world.bundle().folders.at("/app").at("APP_PASSWORD").size() == 32);
    CHECK(ids(world.plan()).empty());
}

namespace {

const std::string first_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKT5GYEwjvVC6eWZ+7TrEq86AjmZNM4DxR4bP9ox8zaT";
const std::string second_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgOGMZT3kx4lmjDbq4yeNhSGLX5G66b5afdd400So8x";

SealPlan plan_with_signers(World& world, std::map<std::string, std::string> signers) {
    auto seen = observe_seal(world.estate, &world.source, world.copies(), {});
    seen.backup_signers = std::move(signers);
    return plan_seal(world.estate, seen, {}, std::chrono::system_clock::time_point());
}

}  // namespace

TEST_CASE("keys that sign backups get into the copy, and none ever goes", "[seal]") {
    World world;
    world.seal();
    const auto planned = plan_with_signers(world, {{"bruno", first_key}});
    CHECK(ids(planned) == std::vector<std::string>{"sealed-copy/s.age", "sealed-copy/box:s.age"});
    CHECK(planned.plan.actions[0].reason == "keys that sign backups");
    CHECK(planned.plan.actions[0].question == plan::Question::none);
    CHECK(world.apply(planned).exit() == Exit::ok);
    CHECK(world.bundle().backup_signers == std::map<std::string, std::vector<std::string>>{{"bruno", {first_key}}});

    CHECK(plan_with_signers(world, {{"bruno", first_key}}).plan.empty());
    CHECK(ids(world.plan()).empty());
    world.server.folders["prod:/infra"].raw["HCLOUD_TOKEN"] = "new";
    world.seal();
    world.apply(plan_with_signers(world, {{"bruno", second_key}, {"eva", first_key}}));
    CHECK(world.bundle().backup_signers ==
          std::map<std::string, std::vector<std::string>>{{"bruno", {first_key, second_key}}, {"eva", {first_key}}});
}

TEST_CASE("what is no public key doesn't get among those that sign backups", "[seal]") {
    World world;
    world.seal();
    for (const auto* line : {"", "ssh-ed25519", "x\n" , "ssh-ed25519 AAAA"}) CHECK(plan_with_signers(world, {{"bruno", line}}).plan.empty());
}

#include "support/catch.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/secrets/secrets.hpp>

using namespace kavi;
using namespace kavi::secrets;
using Provider = model::SecretsConfig::Provider;

namespace {

using Causes = std::vector<std::string>;

class FakeSource final : public SecretsSource {
  public:
    std::optional<Error> fails;
    FolderSecrets content;
    std::vector<std::string> wanted;

    FolderSecrets folders(std::span<const std::string> asked, std::stop_token) override {
        wanted.assign(asked.begin(), asked.end());
        if (fails) throw *fails;
        return content;
    }

    FolderSecrets tree(const std::string&, std::stop_token) override { return {}; }

    std::vector<std::string> folder_names(std::stop_token) override { return {"/infra"}; }

    std::string description() const override { return "Infisical (infrastructure/prod)"; }
};

struct World {
    model::Estate estate;
    FakeSource infisical;
    SealedContent sealed;

    World() {
        infisical.content["/infra"].emplace("A", Secret("fresh"));
        sealed.description = "the sealed copy of 2026-11-24 13:20 UTC";
        sealed.sealed = model::NamedSecrets{};
        sealed.folders["/infra"].emplace("A", Secret("copied"));
    }

    OpenRequest request() {
        return {.estate = estate,
                .infisical = &infisical,
                .sealed = sealed,
                .uses = {{{model::SecretRef::Source::secret, "/infra", "A"}, "hetzner.token"}}};
    }

    static std::string value(const OpenedSecrets& opened) {
        return std::string(opened.vault.get({model::SecretRef::Source::secret, "/infra", "A"}).reveal());
    }

    void close_sealed(std::string why) {
        sealed.sealed = std::nullopt;
        sealed.folders.clear();
        sealed.why_not = std::move(why);
    }

    void infisical_down() {
        infisical.fails = Error(errors::secrets_unavailable, "Infisical at https://x can't be reached");
    }
};

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

TEST_CASE("which secrets are used when Infisical is down follows one table", "[open]") {
    const bool yes = true, no = false;

    struct Case {
        const char* name;
        Situation situation;
        Choice choice;
    };

    // provider, Infisical answers, --sealed, CI, copy readable, recovering, would change
    const auto& c = GENERATE_COPY(values<Case>({
        {"it answers", {Provider::infisical, yes, no, no, yes, no, yes}, Choice::infisical},
        {"it answers in CI", {Provider::infisical, yes, no, yes, no, no, yes}, Choice::infisical},
        {"--sealed doesn't ask it", {Provider::infisical, yes, yes, no, yes, no, yes}, Choice::sealed},
        {"--sealed without a copy", {Provider::infisical, yes, yes, no, no, no, no}, Choice::unavailable},
        {"down, looking", {Provider::infisical, no, no, no, yes, no, no}, Choice::sealed},
        {"down, a change", {Provider::infisical, no, no, no, yes, no, yes}, Choice::refuse},
        {"down, a change, --sealed", {Provider::infisical, no, yes, no, yes, no, yes}, Choice::sealed},
        {"down, recovering", {Provider::infisical, no, no, no, yes, yes, yes}, Choice::sealed},
        {"down, no copy", {Provider::infisical, no, no, no, no, no, no}, Choice::unavailable},
        {"down, no copy, recovering", {Provider::infisical, no, no, no, no, yes, yes}, Choice::unavailable},
        {"down in CI", {Provider::infisical, no, no, yes, yes, no, no}, Choice::unavailable},
        {"down in CI, recovering", {Provider::infisical, no, no, yes, yes, yes, yes}, Choice::unavailable},
        {"down in CI, --sealed that it can open",
         {Provider::infisical, no, yes, yes, yes, no, yes},
         Choice::sealed},
        {"an estate without it", {Provider::sealed, no, no, no, yes, no, yes}, Choice::sealed},
        {"an estate without it, in CI", {Provider::sealed, no, no, yes, yes, no, yes}, Choice::sealed},
        {"an estate without it, no copy", {Provider::sealed, no, no, no, no, no, no}, Choice::unavailable},
    }));
    CAPTURE(c.name);
    CHECK(choose_source(c.situation) == c.choice);
}

TEST_CASE("Infisical is asked for the folders in use, the fingerprint key's and those named", "[open]") {
    World world;
    auto request = world.request();
    request.folders = {"/extra", "/infra"};
    const auto opened = open_secrets(request, {});
    CHECK(world.infisical.wanted == std::vector<std::string>{"/extra", "/infra", "/kavi"});
    CHECK(opened.source == Choice::infisical);
    CHECK(World::value(opened) == "fresh");
    CHECK(opened.warnings.empty());
    opened.allow_change();
}

TEST_CASE("the sealed copy stands in for looking, and a change is refused", "[open]") {
    World world;
    world.infisical_down();
    const auto opened = open_secrets(world.request(), {});
    CHECK(opened.source == Choice::sealed);
    CHECK(World::value(opened) == "copied");
    CHECK(opened.warnings ==
          std::vector<std::string>{
              "Infisical doesn't answer: the sealed copy of 2026-11-24 13:20 UTC stands in"});
    const auto error = error_from([&] { opened.allow_change(); });
    CHECK(error.code() == errors::sealed_needed);
    CHECK(error.causes() ==
          Causes{"Infisical at https://x can't be reached",
                 "the sealed copy of 2026-11-24 13:20 UTC may be older than what Infisical holds"});
    CHECK(error.advice() == "bring Infisical back first, or say --sealed to go on with the sealed copy");
}

TEST_CASE("the option --sealed asks nobody, and may change", "[open]") {
    World world;
    world.infisical_down();
    auto request = world.request();
    request.sealed_flag = true;
    request.infisical = nullptr;
    const auto opened = open_secrets(request, {});
    CHECK(World::value(opened) == "copied");
    CHECK(world.infisical.wanted.empty());
    opened.allow_change();
}

TEST_CASE("recovering may change with Infisical down", "[open]") {
    World world;
    world.infisical_down();
    auto request = world.request();
    request.recovering = true;
    open_secrets(request, {}).allow_change();
}

TEST_CASE("without a copy, or in CI, a dead Infisical ends the run", "[open]") {
    World world;
    world.infisical_down();
    auto request = world.request();
    request.ci = true;
    const auto in_ci = error_from([&] { open_secrets(request, {}); });
    CHECK(in_ci.code() == errors::secrets_unavailable);
    CHECK(in_ci.causes() == Causes{"this is CI, where the sealed copy doesn't stand in by itself"});

    world.close_sealed("no sealed copy lies in any of its places");
    const auto without = error_from([&] { open_secrets(world.request(), {}); });
    CHECK(without.code() == errors::secrets_unavailable);
    CHECK(without.causes() == Causes{"no sealed copy stands in: no sealed copy lies in any of its places"});
}

TEST_CASE("other failures of Infisical aren't papered over by the copy", "[open]") {
    World world;
    world.infisical.fails = Error(errors::credentials_refused, "refused");
    CHECK(error_from([&] { open_secrets(world.request(), {}); }).code() == errors::credentials_refused);

    auto request = world.request();
    request.infisical = nullptr;
    const auto error = error_from([&] { open_secrets(request, {}); });
    CHECK(error.code() == errors::credentials_missing);
    CHECK(error.message() == "there are no credentials for Infisical");
}

TEST_CASE("two fingerprint keys are warned of, and the sealed one holds", "[open]") {
    World world;
    world.infisical.content["/kavi"].emplace("FINGERPRINT_KEY", Secret("one"));
    world.sealed.sealed->emplace("KAVI_FINGERPRINT_KEY", Secret("another"));
    const auto opened = open_secrets(world.request(), {});
    REQUIRE(opened.warnings.size() == 1);
    CHECK(opened.vault.key("stack").id == derive_purpose_key(Secret("another"), "stack").id);
}

#include "estate.hpp"

#include <support/catch.hpp>

using namespace secrets_test;

namespace {

Finished pull(const Estate& estate, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"secrets", "pull", "--path", "/infra", "--only", "HCLOUD_TOKEN"});
    return estate.kavi(more);
}

constexpr auto token_line = "HCLOUD_TOKEN='canary-hcloud'\n";

}  // namespace

TEST_CASE("with Infisical down the sealed copy stands in, but not in CI and not without one", "[down]") {
    Estate estate;
    estate.answers = false;
    CHECK(pull(estate).status == 9);
    estate.answers = true;
    REQUIRE(estate.kavi({"secrets", "seal", "--yes"}).status == 0);
    estate.answers = false;

    const auto standing_in = pull(estate);
    CHECK(standing_in.status == 0);
    CHECK(standing_in.output == token_line);
    CHECK_THAT(standing_in.errors,
               ContainsSubstring("warning: Infisical doesn't answer: the sealed copy of "));
    CHECK(pull(estate, {"--ci", "github"}).status == 9);
    const auto before = estate.requests().size();
    CHECK(pull(estate, {"--sealed"}).output == token_line);
    CHECK(estate.requests().size() == before);

    estate.environment.erase("KAVI_IDENTITY");
    const auto unopened = pull(estate);
    CHECK(unopened.status == 9);
    CHECK_THAT(unopened.errors, ContainsSubstring("none of the identities at hand opens secrets.sealed.age"));
}

TEST_CASE("a sealed copy that no operator signed is refused, and so is a damaged one", "[down]") {
    Estate estate;
    REQUIRE(estate.kavi({"secrets", "seal", "--yes"}).status == 0);
    const auto good = estate.sealed_file();
    secrets::KeySigner mallory(seal::generate_ssh_key("mallory"));
    const auto anchors = secrets::Anchors{"test", {estate.key.public_key}, std::nullopt};
    auto opened = secrets::open_bundle(good, std::vector<seal::Identity>{estate.identity}, anchors, "it");
    write_file_atomic(
        estate.folder / "secrets.sealed.age", secrets::seal_bundle(opened.bundle, mallory, {}), 0600);
    const auto forged = pull(estate, {"--sealed"});
    CHECK(forged.status == 12);
    CHECK_THAT(forged.errors, ContainsSubstring("who is no operator of the estate file"));

    for (const auto at : {good.size() / 4, good.size() / 2, good.size() - 1}) {
        auto damaged = good;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        write_file_atomic(estate.folder / "secrets.sealed.age", damaged, 0600);
        const auto finished = pull(estate, {"--sealed"});
        CAPTURE(at, finished.errors);
        CHECK((finished.status == 12 || finished.status == 9));
        CHECK(finished.output.empty());
    }
    write_file_atomic(estate.folder / "secrets.sealed.age", good.substr(0, good.size() - 20), 0600);
    CHECK(pull(estate, {"--sealed"}).status == 12);
}

TEST_CASE("files with keys that others can read are refused", "[identity]") {
    const Estate estate;
    std::filesystem::permissions(estate.folder / "age.key", std::filesystem::perms(0644));
    const auto finished = pull(estate);
    CHECK(finished.status == 4);
    CHECK_THAT(finished.errors, ContainsSubstring("age.key can be read by others"));
}

TEST_CASE("a seal that is killed anywhere is finished by the next one", "[faults]") {
    for (const auto* where : {"*:1", "*:2", "*:3", "*:4", "*:5", "*:6", "*:7", "*:8"}) {
        Estate estate;
        estate.environment["KAVI_CRASH_AT"] = where;
        const auto killed = estate.kavi({"secrets", "seal", "--yes"});
        CAPTURE(where, killed.errors);
        estate.environment.erase("KAVI_CRASH_AT");
        CHECK(estate.kavi({"secrets", "seal", "--yes"}).status == 0);
        CHECK(estate.kavi({"secrets", "seal", "--yes", "--dry-run", "--exit-code"}).status == 0);
        const auto mirror = estate.kavi({"secrets", "pull", "--path", "/kavi", "--format", "json"});
        CHECK(string_or(parse_json(mirror.output, "mirror"), "FINGERPRINT_KEY") ==
              estate.kavi({"secrets", "unseal", "KAVI_FINGERPRINT_KEY"}).output);
    }
}

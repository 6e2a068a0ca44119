#include "memory_store.hpp"

#include <kavi/ops/agent/backup_stores.hpp>
#include <kavi/seal/sshsig.hpp>

#include <support/catch.hpp>

using namespace kavi;
using agent_test::MemoryStore;
using agent_test::Stores;

namespace {

const ops::BackupRequest request{
    .estate = "kavi", .server = "bruno", .recipients = {}, .stores = {}, .items = {}};

const std::string zeros(64, '0');

ops::Artefact artefact(const std::string& run,
                       const std::string& part,
                       std::uint64_t plain,
                       std::uint64_t bytes = 10) {
    return {.item = "databases",
            .kind = "postgres",
            .part = part,
            .file = run + "/databases." + part + ".pgdump.zst.age",
            .bytes = bytes,
            .sha256 = zeros,
            .plain_bytes = plain,
            .plain_sha256 = zeros};
}

/// Puts a manifest with its signature into the store; gives the digest.
std::string put(MemoryStore& store,
                const seal::SshPrivateKey& key,
                const std::string& run,
                std::int64_t sequence,
                std::vector<ops::Artefact> artefacts) {
    const auto bytes = ops::write_manifest({.estate = "kavi",
                                            .server = "bruno",
                                            .run = run,
                                            .sequence = sequence,
                                            .started = "2026-11-25T06:00:00Z",
                                            .finished = "2026-11-25T06:01:00Z",
                                            .kavi = "0.1.0",
                                            .artefacts = std::move(artefacts)});
    store.files["kavi/bruno/" + run + "/manifest.json"] = bytes;
    store.files["kavi/bruno/" + run + "/manifest.json.sig"] =
        seal::sign_sshsig(key, ops::backup_namespace, bytes);
    return ops::manifest_digest(bytes);
}

const std::string first = "20261123T060000Z-0001", second = "20261124T060000Z-0002";

}  // namespace

TEST_CASE("a run goes on behind the newest manifest that this server signed") {
    const auto key = seal::generate_ssh_key("bruno"), other = seal::generate_ssh_key("eva");
    Stores stores{"box"};
    auto& box = *stores.memory[0];
    SECTION("there is none") {
        const auto past = ops::read_past(stores.all, request, key.public_key);
        CHECK(past.sequence == 0);
        CHECK(past.digest.empty());
        CHECK(past.last("databases", "infisical", "postgres") == 0);
    }
    SECTION("two") {
        put(box, key, first, 1, {artefact(first, "infisical", 100), artefact(first, "forgejo", 70)});
        const auto digest = put(box,
                                key,
                                second,
                                2,
                                {artefact(second, "infisical", 200, 30), artefact("images", "x", 1000, 900)});
        const auto past = ops::read_past(stores.all, request, key.public_key);
        CHECK(past.sequence == 2);
        CHECK(past.digest == digest);
        CHECK(past.total == 30);  // without the image, which stays
        CHECK(past.last("databases", "infisical", "postgres") == 200);
        CHECK(past.last("databases", "forgejo", "postgres") == 70);  // it failed in the second run
        CHECK(past.last("databases", "forgejo", "postgres-globals") == 0);
    }
    SECTION("somebody else's beside it counts for nothing") {
        const auto digest = put(box, key, first, 1, {artefact(first, "infisical", 100)});
        put(box, other, second, 900, {artefact(second, "infisical", 5)});
        const auto past = ops::read_past(stores.all, request, key.public_key);
        CHECK(past.sequence == 1);
        CHECK(past.digest == digest);
        CHECK(past.last("databases", "infisical", "postgres") == 100);
    }
    SECTION("a server that was made anew goes on with the chain, and believes nothing else") {
        put(box, other, first, 7, {artefact(first, "infisical", 100)});
        const auto digest = put(box, other, second, 8, {artefact(second, "infisical", 5)});
        const auto past = ops::read_past(stores.all, request, key.public_key);
        CHECK(past.sequence == 8);
        CHECK(past.digest == digest);
        CHECK(past.total == 0);
        CHECK(past.last("databases", "infisical", "postgres") == 0);
    }
    SECTION("a number that no server gets to is no number") {
        put(box, other, first, std::int64_t{1} << 50, {artefact(first, "infisical", 100)});
        CHECK(ops::read_past(stores.all, request, key.public_key).sequence == 0);
    }
    SECTION("another server's manifest, put here") {
        put(box, key, first, 1, {artefact(first, "infisical", 100)});
        box.files["kavi/bruno/" + second + "/manifest.json"] =
            box.files["kavi/bruno/" + first + "/manifest.json"];
        box.files["kavi/bruno/" + second + "/manifest.json.sig"] =
            box.files["kavi/bruno/" + first + "/manifest.json.sig"];
        CHECK(ops::read_past(stores.all, request, key.public_key).sequence == 1);
    }
}

TEST_CASE("the newest of several stores counts") {
    const auto key = seal::generate_ssh_key("bruno");
    Stores stores{"box", "vault"};
    put(*stores.memory[0], key, first, 1, {artefact(first, "infisical", 100)});
    put(*stores.memory[1], key, first, 1, {artefact(first, "infisical", 100)});
    const auto digest = put(*stores.memory[0], key, second, 2, {artefact(second, "infisical", 200)});
    const auto past = ops::read_past(stores.all, request, key.public_key);
    CHECK(past.sequence == 2);
    CHECK(past.digest == digest);
    CHECK(past.last("databases", "infisical", "postgres") == 200);
}

TEST_CASE("a shared file counts where every store has it whole") {
    ops::StoredPast past;
    auto image = artefact("images", "x", 50);
    past.artefacts = {image};
    Stores stores{"box", "vault"};
    past.files["box"] = {{image.file, 10}};
    past.files["vault"] = {{image.file, 10}};
    CHECK(past.everywhere(image.file, stores.all) == &past.artefacts[0]);
    CHECK(past.everywhere(image.file.substr(0, 3), stores.all) == &past.artefacts[0]);  // by its beginning
    CHECK(past.everywhere("images/other", stores.all) == nullptr);
    CHECK(past.is_taken(image.file));
    SECTION("cut off in one") {
        past.files["vault"][image.file] = 9;
    }
    SECTION("gone from one") {
        past.files["vault"].clear();
    }
    CHECK(past.everywhere(image.file, stores.all) == nullptr);
    stores.all[1].failure = Error(errors::store_failed, "gone");
    CHECK(past.everywhere(image.file, stores.all) == &past.artefacts[0]);
}

TEST_CASE("space is asked for before anything is written") {
    ops::StoredPast past;
    past.total = 1'000'000;
    Stores stores{"box", "vault"};
    stores.memory[0]->free = store::Space{.total = 5'000'000, .free = 1'199'999};
    SECTION("one of two is full") {
        ops::require_space(stores.all, past);
        CHECK(stores.all[0].failure->code() == errors::store_full);
        CHECK(stores.all[0].failure->message() == "box has 1.2 MB free");
        CHECK(stores.all[0].failure->causes() == std::vector<std::string>{"the last run took 1.0 MB"});
        CHECK(stores.all[1].lives());
    }
    SECTION("both are") {
        stores.memory[1]->free = store::Space{.total = 5'000'000, .free = 0};
        CHECK_THROWS_WITH(ops::require_space(stores.all, past), "vault has 0 B free");
    }
    SECTION("it is just enough") {
        stores.memory[0]->free->free = 1'200'000;
        ops::require_space(stores.all, past);
        CHECK(stores.all[0].lives());
    }
}

#include "memory_store.hpp"

#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/zstd.hpp>

#include <support/catch.hpp>

using namespace kavi;
using agent_test::Stores;

namespace {

const std::string path = "kavi/bruno/20261125T060000Z-4f2a/databases.sql.zst.age";

struct Keys {
    seal::X25519Identity identity = seal::X25519Identity::generate();
    std::vector<seal::Recipient> recipients{seal::parse_recipient(identity.recipient())};

    std::string open(const std::string& stored) const {
        const std::vector<seal::Identity> identities{identity};
        const auto compressed = seal::age_open(stored, identities);
        seal::ZstdReader reader(seal::read_from(compressed.reveal()));
        std::string plain;
        while (const auto bytes = reader.next()) plain += *bytes;
        return plain;
    }
};

/// Larger than all queues together, and not compressible.
std::string much() {
    return random_bytes(std::size_t{12} << 20);
}

}  // namespace

TEST_CASE("what is stored opens to what was given, in every store the same") {
    const Keys keys;
    Stores stores{"box", "vault"};
    stores.memory[1]->hashes = false;  // it is read back
    const auto plain = GENERATE(std::string(), std::string("x"), much());
    ops::ArtefactWriter writer(path, keys.recipients, stores.all);
    writer.write(plain);
    const auto stored = writer.finish();
    CHECK(keys.open(stores.memory[0]->files.at(path)) == plain);
    CHECK(stores.memory[0]->files == stores.memory[1]->files);
    CHECK(stored.plain_bytes == plain.size());
    CHECK(stored.plain_sha256 == hex(sha256(plain)));
    CHECK(stored.bytes == stores.memory[0]->files.at(path).size());
    CHECK(stored.sha256 == hex(sha256(stores.memory[0]->files.at(path))));
    CHECK(stores.all[0].bytes == stored.bytes);
}

TEST_CASE("what isn't finished leaves nothing") {
    const Keys keys;
    Stores stores{"box"};
    {
        ops::ArtefactWriter writer(path, keys.recipients, stores.all);
        writer.write(much());
    }
    CHECK(stores.memory[0]->files.empty());
    CHECK(stores.memory[0]->begun == 0);
    CHECK(stores.all[0].lives());
}

TEST_CASE("a store that fails is out, the others go on") {
    const Keys keys;
    Stores stores{"box", "vault"};
    auto& bad = *stores.memory[0];
    std::string why = "the box said no";
    SECTION("while it is written") {
        bad.breaks_after = 100'000;
    }
    SECTION("at the end") {
        bad.breaks_at_finish = true;
    }
    SECTION("before anything") {
        bad.files[path] = "old", why = path + " is there already";
    }
    SECTION("it keeps something else") {
        bad.garbles = true, why = path + " isn't in box as it was sent";
    }
    SECTION("it keeps something else and can't hash") {
        bad.garbles = true, bad.hashes = false, why = path + " isn't in box as it was sent";
    }
    const auto plain = much();
    ops::ArtefactWriter writer(path, keys.recipients, stores.all);
    writer.write(plain);
    writer.finish();
    CHECK(stores.all[0].failure->message() == why);
    CHECK(stores.all[0].bytes == 0);
    CHECK((bad.files.empty() || bad.files.at(path) == "old"));
    CHECK(bad.begun == 0);
    CHECK(stores.all[1].lives());
    CHECK(keys.open(stores.memory[1]->files.at(path)) == plain);
}

TEST_CASE("with no store left the work ends at once") {
    const Keys keys;
    Stores stores{"box"};
    auto& box = *stores.memory[0];
    box.error = Error(errors::store_full, "box is full");
    SECTION("while it is written") {
        box.breaks_after = 0;
        ops::ArtefactWriter writer(path, keys.recipients, stores.all);
        const auto piece = random_bytes(1 << 20);
        // For ever, if nobody said so.
        CHECK_THROWS_WITH(
            [&] {
                for (;;) writer.write(piece);
            }(),
            "box is full");
    }
    SECTION("at the end") {
        box.breaks_at_finish = true;
        ops::ArtefactWriter writer(path, keys.recipients, stores.all);
        writer.write("something");
        CHECK_THROWS_WITH(writer.finish(), "box is full");
    }
    CHECK(stores.all[0].failure->code() == errors::store_full);
    CHECK(box.files.empty());
    CHECK(box.begun == 0);
}

TEST_CASE("an interruption is no store's failure") {
    const Keys keys;
    Stores stores{"box", "vault"};
    stores.memory[0]->breaks_after = 0;
    stores.memory[0]->error = Error(errors::interrupted, "interrupted");
    ops::ArtefactWriter writer(path, keys.recipients, stores.all);
    CHECK_THROWS_WITH(
        [&] {
            writer.write(much());
            writer.finish();
        }(),
        "interrupted");
    CHECK(stores.all[0].lives());
    CHECK(stores.memory[1]->files.empty());
    CHECK(stores.memory[1]->begun == 0);
}

#include <kavi/base/hash.hpp>
#include <kavi/ops/agent/unpack.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/zstd.hpp>

#include <fmt/format.h>

#include <stdexcept>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <support/memory_store.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

std::string compressed(const std::string& plain) {
    std::string out;
    seal::ZstdWriter writer(seal::append_to(out));
    writer.write(plain);
    writer.finish();
    return out;
}

/// One artefact in a store.
struct World {
    explicit World(const std::string& plain, const std::string& content) {
        const std::vector<seal::Identity> identities{identity};
        const std::vector<seal::Recipient> recipients{seal::parse_recipient(identity.recipient())};
        const auto stored = seal::age_seal(Secret(content), recipients);
        auto header = seal::unwrap_header(stored, identities);
        sealed = {.artefact = {.item = "databases",
                               .kind = "postgres",
                               .part = "infisical",
                               .file = "RUN/file",
                               .bytes = stored.size(),
                               .sha256 = hex(sha256(stored)),
                               .plain_bytes = plain.size(),
                               .plain_sha256 = hex(sha256(plain))},
                  .header_size = header.header_size,
                  .file_key = std::move(header.file_key)};
        store.files["kavi/bruno/RUN/file"] = stored;
    }

    explicit World(const std::string& plain) : World(plain, compressed(plain)) {}

    std::string& stored() { return store.files["kavi/bruno/RUN/file"]; }

    std::string unpacked() {
        std::string out;
        unpack(store, "kavi/bruno/RUN/file", sealed, seal::append_to(out), {}, stop.get_token());
        return out;
    }

    Error failure() {
        return test::error_of([&] { unpacked(); });
    }

    seal::X25519Identity identity = seal::X25519Identity::generate();
    test::MemoryStore store;
    SealedArtefact sealed;
    std::stop_source stop;
};

std::string noise(std::size_t size) {
    std::string text(size, '\0');
    unsigned state = 1;
    for (auto& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return text;
}

constexpr auto message = "the backup of infisical of databases (RUN/file) isn't what its manifest says";

}  // namespace

TEST_CASE("an artefact is fetched, opened and decompressed") {
    for (const auto& plain :
         {std::string(), std::string("x"), noise(65536), noise(3 << 20), std::string(8 << 20, 'a')}) {
        World world(plain);
        CHECK(world.unpacked() == plain);
    }
}

TEST_CASE("whatever differs from the manifest is told") {
    World world(noise(300000));
    auto& artefact = world.sealed.artefact;
    SECTION("the hash of what is stored") {
        const auto real = artefact.sha256;
        artefact.sha256 = std::string(64, '0');
        CHECK(test::causes(world.failure()) ==
              fmt::format("the SHA-256 of what is stored is {}, not {}", real, artefact.sha256));
    }
    SECTION("the hash of the content") {
        const auto real = artefact.plain_sha256;
        artefact.plain_sha256 = std::string(64, '0');
        CHECK(test::causes(world.failure()) ==
              fmt::format("the SHA-256 of its content is {}, not {}", real, artefact.plain_sha256));
    }
    SECTION("more content than the manifest says is never taken") {
        artefact.plain_bytes = 1000;
        std::string out;
        const auto error = test::error_of(
            [&] { unpack(world.store, "kavi/bruno/RUN/file", world.sealed, seal::append_to(out), {}, {}); });
        CHECK(test::causes(error) == "its content has more than 1000 bytes");
        CHECK(out.size() <= 1000);
    }
    SECTION("less content") {
        artefact.plain_bytes += 1;
        CHECK(test::causes(world.failure()) == "its content has 300000 bytes, not 300001");
    }
    SECTION("one byte anywhere") {
        for (const auto at : {std::size_t{world.sealed.header_size},
                              world.sealed.header_size + 16,
                              world.stored().size() / 2,
                              world.stored().size() - 1}) {
            World other(noise(300000));
            other.stored()[at] = static_cast<char>(other.stored()[at] ^ 1);
            const auto error = other.failure();
            CHECK(error.message() == message);
            CHECK(error.code() == errors::integrity);
            CHECK(test::causes(error) ==
                  "the age file is damaged or truncated: a chunk can't be authenticated");
        }
    }
    SECTION("another artefact's key") {
        World other(noise(300000));
        world.sealed.file_key = other.sealed.file_key;
        CHECK(world.failure().message() == message);
    }
    SECTION("cut off within the header") {
        world.stored().resize(world.sealed.header_size - 1);
        CHECK(test::causes(world.failure()) == "it ends within its header");
    }
    SECTION("cut off between two chunks") {
        world.stored().resize(world.sealed.header_size + 16 + 65552);
        CHECK(test::causes(world.failure()) == "the age file is truncated");
    }
    SECTION("gone") {
        world.store.files.clear();
        CHECK(world.failure().code() == errors::store_missing);
    }
}

TEST_CASE("what is compressed badly is told, too") {
    const auto plain = noise(300000);
    auto content = compressed(plain);
    SECTION("damaged before it was sealed") {
        content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
        const auto error = World(plain, content).failure();
        CHECK(error.message() == message);
        CHECK(error.causes().front() == "compressed data is damaged");
    }
    SECTION("cut off") {
        content.resize(content.size() - 10);
        CHECK(test::causes(World(plain, content).failure()) == "compressed data is damaged | it is cut off");
    }
    SECTION("not compressed at all") {
        CHECK(World(plain, plain).failure().causes().front() == "compressed data is damaged");
    }
}

TEST_CASE("a consumer that fails, a store that fails and a stop end it at once, with what they say") {
    World world(noise(20 << 20));
    const auto failing = [](std::string_view) { throw std::runtime_error("full"); };
    CHECK_THROWS_WITH(unpack(world.store, "kavi/bruno/RUN/file", world.sealed, failing, {}, {}), "full");
    world.stop.request_stop();
    CHECK(world.failure().code() == errors::interrupted);
    world.store.before = [](const std::string&, const std::string&) {
        throw Error(errors::store_failed, "the line is broken");
    };
    CHECK(World(noise(10)).unpacked() == noise(10));
    CHECK(world.failure().message() == "the line is broken");
}

TEST_CASE("progress counts what is stored") {
    World world(noise(1 << 20));
    std::uint64_t last = 0;
    std::string out;
    unpack(world.store,
           "kavi/bruno/RUN/file",
           world.sealed,
           seal::append_to(out),
           [&](std::uint64_t bytes) { last = bytes; },
           {});
    CHECK(last == world.stored().size());
}

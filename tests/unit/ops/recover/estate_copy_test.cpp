#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/ops/recover/estate_copy.hpp>

#include <filesystem>

#include <support/catch.hpp>
#include <support/memory_store.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

/// An operator, their estate in a folder, and a store.
struct World {
    TemporaryFolder folder;
    seal::X25519Identity identity = seal::X25519Identity::generate();
    secrets::KeySigner signer{seal::generate_ssh_key("ana@laptop")};
    test::MemoryStore store;
    model::Estate estate;

    World() {
        estate.name = "kavi";
        estate.folder = (folder.path() / "estate").string();
        estate.operators["ana"] = {.name = "ana", .ssh = signer.key().line(), .age = identity.recipient()};
        estate.secrets.sealed = {*model::Place::parse("secrets.sealed.age"), *model::Place::parse("eva:/var/lib/x")};
        write("kavi.toml", "estate = \"kavi\"\n");
        write("services/production/docker-compose.yml", "services: {}\n");
        write("secrets.sealed.age", "sealed\n");
    }

    void write(const std::string& name, std::string_view bytes) const {
        write_file_atomic(std::filesystem::path(estate.folder) / name, bytes, 0644);
    }

    Catalog catalog(const ManifestSigners& signers) {
        return read_catalog(store, {.estate = "kavi", .server = "estate", .signers = signers});
    }

    Catalog catalog() { return catalog(estate_copy_signers(estate)); }

    /// True: a copy was stored.
    bool keep(const std::string& run) {
        const auto archive = archive_estate(estate, {});
        const EstateCopyRequest request{estate, archive, run, "2026-11-25T06:00:00Z", "0.1.0"};
        const auto seen = catalog();
        if (estate_copy_is_current(seen, request)) return false;
        store_estate_copy(store, seen, request, signer, {});
        return true;
    }

    FetchedEstate fetch(const std::string& name, const Catalog& seen) {
        const std::vector<seal::Identity> identities{identity};
        return fetch_estate_copy(store, seen, identities, folder.path() / name, {});
    }
};

ErrorCode code_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("nothing was thrown");
    return errors::internal;
}

}  // namespace

TEST_CASE("the estate's files come back as they were, the sealed copy among them") {
    World world;
    REQUIRE(world.keep("20261125T060000Z-0001"));
    const auto fetched = world.fetch("back", world.catalog());
    CHECK(fetched.run == "20261125T060000Z-0001");
    CHECK(fetched.time == "2026-11-25T06:00:00Z");
    CHECK(read_file(fetched.config_file) == "estate = \"kavi\"\n");
    CHECK(read_file(world.folder.path() / "back/services/production/docker-compose.yml") == "services: {}\n");
    CHECK(read_file(world.folder.path() / "back/secrets.sealed.age") == "sealed\n");
}

TEST_CASE("a copy is stored only when files or recipients changed, and the newest counts") {
    World world;
    CHECK(world.keep("20261125T060000Z-0001"));
    CHECK_FALSE(world.keep("20261125T070000Z-0002"));
    world.write("kavi.toml", "estate = \"kavi\" # changed\n");
    CHECK(world.keep("20261125T080000Z-0003"));
    world.estate.operators["bob"] = {.name = "bob", .ssh = {}, .age = seal::X25519Identity::generate().recipient()};
    CHECK(world.keep("20261125T090000Z-0004"));
    const auto seen = world.catalog();
    CHECK(seen.runs.size() == 3);
    CHECK(seen.faults.empty());
    CHECK(read_file(world.fetch("back", seen).config_file) == "estate = \"kavi\" # changed\n");
}

TEST_CASE("what git ignores stays, what isn't committed yet travels") {
    World world;
    const auto git = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"git", "-C", world.estate.folder, "-c", "user.name=t", "-c", "user.email=t@example.net"});
        REQUIRE(run_command({.arguments = words, .input = {}, .folder = {}}).status == 0);
    };
    git({"init", "-q"});
    world.write("notes.txt", "not tracked");
    git({"add", "kavi.toml", "services"});
    git({"commit", "-qm", "estate"});
    world.write("kavi.toml", "estate = \"kavi\" # being edited\n");
    CHECK(archive_estate(world.estate, {}).files == 3);  // the sealed copy isn't tracked, and goes along
    world.keep("20261125T060000Z-0001");
    CHECK(read_file(world.fetch("back", world.catalog()).config_file) == "estate = \"kavi\" # being edited\n");
    CHECK_FALSE(std::filesystem::exists(world.folder.path() / "back/notes.txt"));
}

TEST_CASE("a copy that isn't what an operator signed is refused") {
    World world;
    world.keep("20261125T060000Z-0001");
    const std::string run = "kavi/estate/20261125T060000Z-0001";

    SECTION("by somebody who holds the store's key and the recipients") {
        const ManifestSigners others{seal::generate_ssh_key("mallory").public_key};
        CHECK(code_of([&] { world.fetch("back", world.catalog(others)); }).id == errors::backup_untrusted.id);
    }
    SECTION("a flipped byte of the artefact") {
        world.store.files[run + "/estate.tar.zst.age"].back() ^= 1;
        CHECK(code_of([&] { world.fetch("back", world.catalog()); }).exit == Exit::integrity);
    }
    SECTION("another operator's identity") {
        world.identity = seal::X25519Identity::generate();
        CHECK(code_of([&] { world.fetch("back", world.catalog()); }).id == errors::sealed_unreadable.id);
    }
    SECTION("the folder is there already") {
        CHECK(code_of([&] { world.fetch("estate", world.catalog()); }).id == errors::file_unwritable.id);
    }
    SECTION("nothing was ever stored") {
        world.store.files.clear();
        CHECK(code_of([&] { world.fetch("back", world.catalog()); }).id == errors::backup_missing.id);
    }
    CHECK_FALSE(std::filesystem::exists(world.folder.path() / "back"));
}

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/verify_listing.hpp>

#include <algorithm>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <unit/ops/backup/backups.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::BackupWriter;
using kavi::test::error_of;
using kavi::test::MemoryStore;

namespace {

const std::string monday = "20261123T060000Z-0001", tuesday = "20261124T060000Z-0002";

struct TwoDays {
    TwoDays() {
        for (const auto& run : {monday, tuesday})
            writer.write(run, {{"redis", "", "redis of " + run}, {"notes", "", std::string(5000, 'n')}});
    }

    std::vector<VerifyFinding> checksums(std::stop_token stop = {}) {
        const auto catalog = writer.catalog();
        store.calls.clear();
        asked.clear();
        return verify_checksums(
            store,
            catalog,
            {choose(catalog, "redis"), choose(catalog, "notes"), choose(catalog, "notes")},
            [&](const Artefact& artefact) { asked.push_back(artefact.item); },
            std::move(stop));
    }

    std::string& file(const std::string& run, const std::string& item) {
        return store.files["kavi/bruno/" + run + "/" + item + ".tar.zst.age"];
    }

    MemoryStore store;
    BackupWriter writer{store};
    std::vector<std::string> asked;
};

}  // namespace

TEST_CASE("level 0 finds what the listing shows, for the runs and items asked for") {
    TwoDays days;
    CHECK(verify_listing(days.writer.catalog()).empty());
    days.file(monday, "redis") += "longer";
    days.store.files.erase("kavi/bruno/" + tuesday + "/notes.tar.zst.age");
    const auto catalog = days.writer.catalog();
    const auto all = verify_listing(catalog);
    REQUIRE(all.size() == 2);
    CHECK(all[0].message == tuesday + "/notes.tar.zst.age is missing");
    CHECK(all[0].run == tuesday);
    CHECK(all[0].item == "notes");
    CHECK(all[1].message == monday + "/redis.tar.zst.age has 36 bytes, its manifest says 30");
    CHECK(verify_listing(catalog, {monday}).size() == 1);
    CHECK(verify_listing(catalog, {}, {"notes"}).size() == 1);
    CHECK(verify_listing(catalog, {monday}, {"notes"}).empty());
}

TEST_CASE("level 1 asks the store for its own sum, each file once") {
    TwoDays days;
    CHECK(days.checksums().empty());
    CHECK(days.store.calls ==
          std::vector<std::string>{"sha256 kavi/bruno/" + tuesday + "/redis.tar.zst.age",
                                   "sha256 kavi/bruno/" + tuesday + "/notes.tar.zst.age"});
    CHECK(days.asked == std::vector<std::string>{"redis", "notes"});
}

TEST_CASE("level 1 reads back where the store can't sum") {
    TwoDays days;
    days.store.hashes = false;
    CHECK(days.checksums().empty());
    CHECK(std::ranges::count(days.store.calls, "read kavi/bruno/" + tuesday + "/notes.tar.zst.age") == 1);
    days.file(tuesday, "notes")[4999] ^= 1;
    CHECK(days.checksums().size() == 1);
}

TEST_CASE("level 1 finds other bytes of the same size, and what has gone meanwhile") {
    TwoDays days;
    const auto before = hex(sha256(days.file(tuesday, "redis")));
    days.file(tuesday, "redis")[3] ^= 1;
    const auto findings = days.checksums();
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].message == tuesday + "/redis.tar.zst.age isn't what was stored");
    CHECK(findings[0].causes == std::vector{"its SHA-256 is " + hex(sha256(days.file(tuesday, "redis"))) +
                                            ", its manifest says " + before});
    const auto catalog = days.writer.catalog();
    days.store.files.erase("kavi/bruno/" + tuesday + "/notes.tar.zst.age");
    const auto gone =
        verify_checksums(days.store, catalog, {choose(catalog, "notes")}, [](const Artefact&) {}, {});
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].message == tuesday + "/notes.tar.zst.age is missing");
}

TEST_CASE("a store that fails isn't a damaged backup") {
    TwoDays days;
    std::stop_source stop;
    stop.request_stop();
    CHECK(error_of([&] { days.checksums(stop.get_token()); }).code() == errors::interrupted);
    days.store.before = [](const std::string& call, const std::string&) {
        if (call == "sha256") throw Error(errors::network_failed, "no route");
    };
    CHECK(error_of([&] { days.checksums(); }).code() == errors::network_failed);
}

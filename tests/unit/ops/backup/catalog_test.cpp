#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/catalog.hpp>

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

const std::string monday = "20261123T060000Z-0001", tuesday = "20261124T060000Z-0002",
                  wednesday = "20261125T060000Z-0003";

std::string path(const std::string& file) {
    return "kavi/bruno/" + file;
}

std::vector<std::string> names(const std::vector<StoredRun>& runs) {
    std::vector<std::string> all;
    for (const auto& run : runs) all.push_back(run.run);
    return all;
}

std::string faults(const Catalog& catalog) {
    std::string text;
    for (const auto& fault : catalog.faults) text += fault.run + ": " + fault.message + "\n";
    return text;
}

/// Three days of bruno; Redis failed on Tuesday, one of the databases on Wednesday.
struct ThreeDays {
    ThreeDays() {
        writer.write(monday,
                     {{"databases", "app", "a1"}, {"databases", "infisical", "i1"}, {"redis", "", "r1"}});
        writer.write(tuesday,
                     {{"databases", "app", "a22"}, {"databases", "infisical", "i22"}},
                     {{"redis", "", "no answer"}});
        writer.write(wednesday,
                     {{"databases", "app", "a333"}, {"redis", "", "r333"}},
                     {{"databases", "infisical", "pg_dump: 1"}});
    }

    MemoryStore store;
    BackupWriter writer{store};
};

}  // namespace

TEST_CASE("a catalog has the good runs, newest first, and nothing to complain about") {
    ThreeDays days;
    const auto catalog = days.writer.catalog();
    CHECK(names(catalog.runs) == std::vector{wednesday, tuesday, monday});
    CHECK(catalog.all_runs() == std::vector{wednesday, tuesday, monday});
    CHECK(catalog.store == "box");
    CHECK(catalog.refused.empty());
    CHECK(catalog.unnamed.empty());
    CHECK(catalog.unfinished.empty());
    CHECK(catalog.gaps.empty());
    CHECK(faults(catalog).empty());
    CHECK(catalog.find(tuesday)->flaws.empty());
    CHECK(catalog.find("20261122T060000Z-0000") == nullptr);
    CHECK(std::ranges::count(days.store.calls, "list kavi/bruno") == 1);
    CHECK(days.store.calls.size() == 8);  // list, unfinished, and two reads a run
}

TEST_CASE("an empty store has an empty catalog") {
    MemoryStore store;
    const auto catalog = BackupWriter(store).catalog();
    CHECK(catalog.runs.empty());
    CHECK(catalog.all_runs().empty());
    CHECK(error_of([&] { choose(catalog, "databases"); }).message() ==
          "there is no whole backup of databases");
}

TEST_CASE("only the newest manifests are read where that is enough") {
    ThreeDays days;
    const auto catalog = days.writer.catalog(1);
    CHECK(names(catalog.runs) == std::vector{wednesday});
    CHECK(catalog.unread == std::vector{tuesday, monday});
    CHECK(catalog.unnamed.empty());
    CHECK(days.store.calls.size() == 4);
}

TEST_CASE("what is missing or has another size is a flaw of its run") {
    ThreeDays days;
    days.store.files.erase(path(monday + "/redis.tar.zst.age"));
    days.store.files[path(monday + "/databases.app.tar.zst.age")] += "x";
    const auto catalog = days.writer.catalog();
    CHECK(catalog.find(monday)->flaws ==
          std::map<std::string, std::string>{
              {monday + "/redis.tar.zst.age", "is missing"},
              {monday + "/databases.app.tar.zst.age", "has 3 bytes, its manifest says 2"}});
    CHECK(catalog.find(tuesday)->flaws.empty());
    CHECK_FALSE(catalog.find(monday)->has_whole("databases"));
    CHECK(catalog.find(monday)->has_whole("databases", "infisical"));
    CHECK_FALSE(catalog.find(monday)->has_whole("redis"));
}

TEST_CASE("manifests that don't count are refused, each with its reason") {
    ThreeDays days;
    const auto foreign = seal::generate_ssh_key("somebody");
    auto& files = days.store.files;
    const auto own = days.writer.key;
    const auto reason = [&](const std::string& run) {
        const auto catalog = days.writer.catalog();
        const auto found = std::ranges::find(catalog.refused, run, &RefusedRun::run);
        REQUIRE(found != catalog.refused.end());
        CHECK(catalog.runs.size() == 2);
        CHECK(catalog.find(run) == nullptr);
        return std::pair(found->why.code(), found->why.message());
    };
    const auto good = files;
    SECTION("a foreign key") {
        files[path(tuesday + "/manifest.json.sig")] =
            seal::sign_sshsig(foreign, backup_namespace, files[path(tuesday + "/manifest.json")]);
        CHECK(reason(tuesday) ==
              std::pair(errors::backup_untrusted,
                        "the manifest of run " + tuesday + " isn't signed by a known server"));
    }
    SECTION("no signature") {
        files.erase(path(tuesday + "/manifest.json.sig"));
        CHECK(reason(tuesday) ==
              std::pair(errors::backup_untrusted, "the manifest of run " + tuesday + " isn't signed"));
    }
    SECTION("changed bytes") {
        files[path(tuesday + "/manifest.json")][10] ^= 1;
        CHECK(reason(tuesday) ==
              std::pair(errors::integrity,
                        "the signature of the manifest of run " + tuesday + " doesn't fit it"));
    }
    SECTION("another day's manifest") {
        for (const auto* file : {"/manifest.json", "/manifest.json.sig"})
            files[path(tuesday + file)] = files[path(monday + file)];
        CHECK(reason(tuesday) ==
              std::pair(errors::integrity, "the manifest of run " + tuesday + " belongs elsewhere"));
    }
    SECTION("a well signed manifest that makes no sense") {
        files[path(tuesday + "/manifest.json")] = "{}";
        files[path(tuesday + "/manifest.json.sig")] = seal::sign_sshsig(own, backup_namespace, "{}");
        CHECK(reason(tuesday) ==
              std::pair(errors::integrity, "the manifest of run " + tuesday + " isn't a usable manifest"));
    }
    SECTION("one larger than any manifest") {
        files[path(tuesday + "/manifest.json")] = std::string((16u << 20) + 1, ' ');
        CHECK(reason(tuesday) ==
              std::pair(errors::integrity,
                        "the signature of the manifest of run " + tuesday + " doesn't fit it"));
    }
    SECTION("one that went away meanwhile") {
        days.store.before = [&](const std::string& call, const std::string& at) {
            if (call == "read" && at == path(tuesday + "/manifest.json"))
                throw Error(errors::store_missing, "gone");
        };
        CHECK(reason(tuesday) ==
              std::pair(errors::integrity,
                        "the manifest of run " + tuesday + " went away while it was being read"));
    }
}

TEST_CASE("a store that fails isn't a store without backups") {
    ThreeDays days;
    days.store.before = [&](const std::string& call, const std::string&) {
        if (call == "read") throw Error(errors::store_failed, "the box is busy");
    };
    CHECK(error_of([&] { days.writer.catalog(); }).message() == "the box is busy");
}

TEST_CASE("folders without a manifest are unfinished; files that no manifest names are told") {
    ThreeDays days;
    auto& files = days.store.files;
    files[path("20261122T060000Z-00aa/databases.app.pgdump.zst.age")] = "x";
    days.store.parts[path("20261121T060000Z-00bb/.part-1")] = "x";
    files[path(tuesday + "/extra")] = "x";
    files[path("images/0123.tar.zst.age")] = "x";
    files[path("notes.txt")] = "x";
    const auto catalog = days.writer.catalog();
    CHECK(catalog.unfinished == std::vector<std::string>{"20261122T060000Z-00aa", "20261121T060000Z-00bb"});
    CHECK(catalog.unnamed ==
          std::vector{path(tuesday + "/extra"), path("images/0123.tar.zst.age"), path("notes.txt")});
    CHECK(catalog.parts.size() == 1);

    SECTION("but not where a manifest that can't be read may name them") {
        files[path(monday + "/manifest.json.sig")] = "";
        CHECK(days.writer.catalog().unnamed == std::vector{path(tuesday + "/extra"), path("notes.txt")});
    }
}

TEST_CASE("images that many runs share are one file, named by each") {
    MemoryStore store;
    BackupWriter writer(store);
    writer.write(monday, {{"images", "postgres:16", "img", "images/aa.tar.zst.age"}});
    writer.write(tuesday, {{"images", "postgres:16", "img", "images/aa.tar.zst.age"}});
    CHECK(writer.catalog().unnamed.empty());
    store.files.erase(path("images/aa.tar.zst.age"));
    const auto catalog = writer.catalog();
    for (const auto& run : catalog.runs) CHECK(run.flaws.at("images/aa.tar.zst.age") == "is missing");
}

TEST_CASE("the chain of manifests shows what is missing and what was put in") {
    ThreeDays days;
    const auto files_of = [](const std::string& run) {
        return [prefix = path(run)](const auto& entry) { return entry.first.starts_with(prefix); };
    };
    SECTION("a run taken out of the middle") {
        std::erase_if(days.store.files, files_of(tuesday));
        const auto catalog = days.writer.catalog();
        REQUIRE(catalog.gaps.size() == 1);
        CHECK(catalog.gaps[0].before == monday);
        CHECK(catalog.gaps[0].after == wednesday);
        CHECK(catalog.gaps[0].missing == 1);
        CHECK(faults(catalog).empty());
    }
    SECTION("a manifest taken away, with or without its signature") {
        days.store.files.erase(path(tuesday + "/manifest.json"));
        CHECK(faults(days.writer.catalog()) ==
              tuesday + ": its manifest is missing, and the signature of it is there\n");
        days.store.files.erase(path(tuesday + "/manifest.json.sig"));
        CHECK(faults(days.writer.catalog()) ==
              tuesday + ": its manifest is missing, and the sequence of the others counts it\n");
        CHECK(days.writer.catalog().unfinished == std::vector{tuesday});
    }
    SECTION("a run that was cut off is no fault of the chain") {
        days.store.files[path("20261124T070000Z-00cc/redis.tar.zst.age")] = "x";
        CHECK(faults(days.writer.catalog()).empty());
    }
    SECTION("the newest taken away leaves no gap: its age tells") {
        std::erase_if(days.store.files, files_of(wednesday));
        CHECK(days.writer.catalog().gaps.empty());
    }
    SECTION("one written again by the server's own key") {
        auto manifest = days.writer.catalog().find(tuesday)->manifest;
        manifest.warnings.push_back("other bytes");
        days.writer.write_manifest(manifest);
        CHECK(faults(days.writer.catalog()) ==
              wednesday + ": it names another manifest before it than that of run " + tuesday + "\n");
    }
    SECTION("a sequence that goes back") {
        auto manifest = days.writer.catalog().find(wednesday)->manifest;
        manifest.sequence = 2;
        days.writer.write_manifest(manifest);
        CHECK(faults(days.writer.catalog()) ==
              wednesday + ": its sequence 2 doesn't follow 2 of run " + tuesday + "\n");
    }
}

TEST_CASE("an item is chosen from the newest run that has it whole") {
    ThreeDays days;
    const auto catalog = days.writer.catalog();
    CHECK(choose(catalog, "redis").run->run == wednesday);
    CHECK(choose(catalog, "databases").run->run == tuesday);
    CHECK(choose(catalog, "databases").artefacts.size() == 2);
    CHECK(choose(catalog, "databases", "app").run->run == wednesday);
    CHECK(choose(catalog, "databases", "infisical").run->run == tuesday);
    CHECK(choose(catalog, "databases", "infisical").artefacts[0].bytes == 3);
    CHECK(artefact_path(catalog, choose(catalog, "redis").artefacts[0]) ==
          path(wednesday + "/redis.tar.zst.age"));

    CHECK(choose(catalog, "redis", "", *run_time(tuesday)).run->run == monday);
    CHECK(choose(catalog, "databases", "app", *run_time(tuesday)).run->run == tuesday);
    CHECK(choose(catalog, "databases", "app", *run_time(tuesday) - std::chrono::seconds(1)).run->run ==
          monday);
}

TEST_CASE("what can't be chosen says what there is instead") {
    ThreeDays days;
    auto catalog = days.writer.catalog();
    const auto none = error_of([&] { choose(catalog, "forgejo"); });
    CHECK(none.code() == errors::backup_missing);
    CHECK(none.message() == "there is no whole backup of forgejo");
    CHECK(none.advice() == "see what there is: kavi backup list forgejo");

    const auto before =
        error_of([&] { choose(catalog, "redis", "", *run_time(monday) - std::chrono::hours(1)); });
    CHECK(before.message() == "there is no whole backup of redis from 2026-11-23T05:00:00Z or before");

    const auto failed = error_of([&] { choose_run(catalog, tuesday, "redis"); });
    CHECK(failed.message() == "run " + tuesday + " doesn't have redis whole");
    CHECK(test::causes(failed) == "in run " + tuesday + " it failed: no answer");
    CHECK(choose_run(catalog, wednesday, "databases", "app").artefacts.size() == 1);
    CHECK_THROWS_AS(choose_run(catalog, wednesday, "databases", "infisical"), Error);
    CHECK(error_of([&] { choose_run(catalog, "20261122T060000Z-00aa", "redis"); }).message() ==
          "there is no run 20261122T060000Z-00aa of bruno");

    days.store.files.erase(path(monday + "/redis.tar.zst.age"));
    days.store.files.erase(path(wednesday + "/manifest.json.sig"));
    catalog = days.writer.catalog();
    const auto damaged = error_of([&] { choose(catalog, "redis"); });
    CHECK(test::causes(damaged) == "in run " + tuesday + " it failed: no answer | run " + wednesday +
                                       " doesn't count: the manifest of run " + wednesday + " isn't signed");
    CHECK(error_of([&] { choose_run(catalog, wednesday, "redis"); }).code() == errors::backup_untrusted);
}

TEST_CASE("notes of verified runs are files' names") {
    const VerifiedNote note{.run = monday,
                            .item = "my.item-1",
                            .level = 2,
                            .ok = true,
                            .at = *parse_iso8601("2026-11-25T07:15:00Z")};
    const std::string file = "verified/20261125T071500Z.20261123T060000Z-0001.level2.ok.my.item-1.json";
    CHECK(note_file(note) == file);
    CHECK(parse_note_file(file) == note);
    for (const std::string other : {"verified/x.json",
                                    "verified/20261125T071500Z.20261123T060000Z-0001.level4.ok.redis.json",
                                    "verified/20261125T071500Z.20261123T060000Z-0001.level2.maybe.redis.json",
                                    "verified/20261125T071500Z.20261123T060000Z-0001.level2.ok..json",
                                    "verified/20261125T071500Z.20261123T060000Z-0001.level2.ok.json",
                                    "elsewhere/20261125T071500Z.20261123T060000Z-0001.level2.ok.redis.json"})
        CHECK_FALSE(parse_note_file(other));

    ThreeDays days;
    days.store.files[path(file)] = "{}";
    const auto catalog = days.writer.catalog();
    CHECK(catalog.verified == std::vector{note});
    CHECK(catalog.unnamed.empty());
}

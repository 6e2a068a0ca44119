#include <kavi/base/error_codes.hpp>
#include <kavi/ops/status/backups.hpp>

#include <support/catch.hpp>
#include <unit/ops/backup/backups.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono;
using kavi::test::BackupWriter;
using kavi::test::MemoryStore;

namespace {

const std::string monday = "20261123T060000Z-0001", tuesday = "20261124T060000Z-0002",
                  wednesday = "20261125T060000Z-0003";
constexpr auto now = sys_seconds(sys_days(2026y / November / 25)) + hours(9);

void note(MemoryStore& store, const std::string& item, int level, bool ok, sys_seconds at) {
    store.files["kavi/bruno/" +
                note_file({.run = tuesday, .item = item, .level = level, .ok = ok, .at = at})] = "{}";
}

/// Three days; Redis failed on Wednesday.
struct Stored {
    Stored() {
        writer.write(monday, {{"redis", "", "r"}, {"notes", "", "n"}});
        writer.write(tuesday, {{"redis", "", "r"}, {"notes", "", "n"}});
        writer.write(wednesday, {{"notes", "", "n"}}, {{"redis", "", "no answer"}});
    }

    BackupAge age(const std::string& item) const { return backup_ages(writer.catalog(), {item}).front(); }

    MemoryStore store;
    BackupWriter writer{store};
};

model::LoadedEstate estate_with(const std::vector<std::string>& items) {
    model::LoadedEstate loaded;
    loaded.estate.backup.rpo = hours(26);
    for (const auto& item : items) loaded.estate.backup.items[item] = {.name = item};
    return loaded;
}

Check check_of(const std::string& item, StatusObservation seen) {
    seen.now = now;
    return backup_checks(estate_with({item}), seen).at(0);
}

}  // namespace

TEST_CASE("an item's age is that of its newest whole backup") {
    Stored stored;
    CHECK(stored.age("notes").newest == run_time(wednesday));
    CHECK(stored.age("notes").trouble.empty());
    CHECK(stored.age("notes").store == "box");
    CHECK(stored.age("redis").newest == run_time(tuesday));
    CHECK(stored.age("redis").trouble == "redis: no answer");
    CHECK_FALSE(stored.age("wiki").newest);
    CHECK(stored.age("wiki").trouble == "run " + wednesday + " hasn't got it");

    stored.store.files.erase("kavi/bruno/" + wednesday + "/notes.tar.zst.age");
    CHECK(stored.age("notes").newest == run_time(tuesday));
    CHECK(stored.age("notes").trouble == wednesday + "/notes.tar.zst.age is missing");

    stored.store.files.erase("kavi/bruno/" + wednesday + "/manifest.json.sig");
    CHECK(stored.age("redis").trouble == "the manifest of run " + wednesday + " isn't signed");
    stored.store.files.clear();
    CHECK(stored.age("notes").trouble == "there is no backup");
}

TEST_CASE("the last success of each level counts, and whether the last look found damage") {
    Stored stored;
    CHECK(stored.age("notes").verified.empty());
    note(stored.store, "notes", 1, true, now - days(3));
    note(stored.store, "notes", 1, true, now - days(2));
    note(stored.store, "notes", 3, true, now - days(9));
    note(stored.store, "redis", 1, false, now - days(1));
    CHECK(stored.age("notes").verified == std::map<int, sys_seconds>{{1, now - days(2)}, {3, now - days(9)}});
    CHECK_FALSE(stored.age("notes").failed);
    CHECK(stored.age("redis").failed == 1);
    note(stored.store, "redis", 2, true, now - hours(1));
    CHECK_FALSE(stored.age("redis").failed);
}

TEST_CASE("status says how old a backup is, and what is wrong with that") {
    const BackupAge fresh{.item = "notes", .store = "box", .newest = now - hours(3)};
    auto verified = fresh;
    verified.verified = {{1, now - days(2)}, {3, now - days(12)}};
    auto late = fresh;
    late.newest = now - hours(30);
    auto failing = fresh;
    failing.trouble = "notes: tar ended with 2";
    auto damaged = fresh;
    damaged.failed = 1;
    const BackupAge none{.item = "notes", .store = "box", .trouble = "there is no backup"};
    auto elsewhere = late;
    elsewhere.store = "safe";

    struct Case {
        StatusObservation seen;
        Verdict verdict;
        std::string text, next;
    };

    const Error silent = Error(errors::network_failed, "it can't be reached").fix("look at it");
    const Case cases[] = {
        {{.backups = {fresh}}, Verdict::ok, "3 h old; never verified", ""},
        {{.backups = {verified}}, Verdict::ok, "3 h old; verified at level 3 12 days ago, 1 2 days ago", ""},
        {{.backups = {late}},
         Verdict::degraded,
         "30 h old, more than 26 h; never verified",
         "kavi backup notes"},
        {{.backups = {failing}},
         Verdict::degraded,
         "3 h old (notes: tar ended with 2); never verified",
         "kavi backup notes"},
        {{.backups = {damaged}},
         Verdict::degraded,
         "3 h old; verifying it at level 1 found damage in box",
         "kavi backup verify notes"},
        {{.backups = {none}}, Verdict::degraded, "no backup; never verified", "kavi backup notes"},
        {{.backups = {fresh, elsewhere}},
         Verdict::degraded,
         "3 h old in box; 30 h old in safe, more than 26 h; never verified",
         "kavi backup notes"},
        {{.silent_stores = {{"box", silent}}}, Verdict::unknown, "box: it can't be reached", "look at it"},
        {{.backups = {late}, .silent_stores = {{"safe", silent}}},
         Verdict::unknown,
         "30 h old, more than 26 h; safe: it can't be reached; never verified",
         "look at it"},
    };
    for (const auto& example : cases) {
        const auto check = check_of("notes", example.seen);
        CHECK(check.kind == "backup");
        CHECK(check.text == example.text);
        CHECK(name_of(check.verdict) == name_of(example.verdict));
        CHECK(check.next == example.next);
    }
}

TEST_CASE("items that nobody looked for are left out, and those that no store has") {
    auto loaded = estate_with({"notes", "git"});
    loaded.estate.backup.items["git"].kind = model::BackupItem::Kind::git;
    CHECK(backup_checks(loaded, {}).empty());
    CHECK(backup_checks(loaded, {.silent_stores = {{"box", Error(errors::network_failed, "x")}}}).size() ==
          1);
}

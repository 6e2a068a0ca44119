#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/retention.hpp>

#include <algorithm>
#include <random>
#include <set>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono;
using kavi::test::error_of;

namespace {

constexpr auto noon = sys_seconds(sys_days(2026y / November / 25)) + hours(12);

std::string run_at(sys_seconds time) {
    return time_stamp(time) + "-0000";
}

/// A run that has these items whole, and for which those failed.
StoredRun run(sys_seconds time,
              const std::set<std::string>& items,
              const std::set<std::string>& failed = {}) {
    StoredRun made{.run = run_at(time), .time = time, .manifest = {}, .digest = {}};
    for (const auto& item : items)
        made.manifest.artefacts.push_back({.item = item, .kind = "files", .file = made.run + "/" + item});
    for (const auto& item : failed) made.manifest.failures.push_back({item, "", "it failed"});
    return made;
}

Catalog catalog_of(std::vector<StoredRun> runs) {
    std::ranges::sort(runs, std::greater<>(), &StoredRun::run);
    Catalog catalog{.store = "box", .estate = "kavi", .server = "bruno", .runs = std::move(runs)};
    for (const auto& stored : catalog.runs) {
        const auto folder = "kavi/bruno/" + stored.run;
        catalog.files.push_back({folder + "/manifest.json", 1});
        catalog.files.push_back({folder + "/manifest.json.sig", 1});
        for (const auto& artefact : stored.manifest.artefacts)
            catalog.files.push_back({"kavi/bruno/" + artefact.file, 1});
    }
    return catalog;
}

/// One run a day at noon, the newest today.
Catalog daily_runs(int count) {
    std::vector<StoredRun> runs;
    for (int i = 0; i < count; ++i) runs.push_back(run(noon - days(i), {"databases"}));
    return catalog_of(std::move(runs));
}

Retention decided(const Catalog& catalog, const KeepRules& rules, const TimeZone& zone = {}) {
    return decide_retention(catalog, rules, zone, noon + hours(1));
}

/// "20261125: daily 2026-11-25, newest" for each that stays.
std::vector<std::string> kept(const Retention& retention) {
    std::vector<std::string> lines;
    for (const auto& fate : retention.runs)
        if (fate.kept) lines.push_back(fate.run.substr(0, 8) + ": " + join(fate.why, ", "));
    return lines;
}

std::set<std::string> kept_runs(const Retention& retention) {
    std::set<std::string> names;
    for (const auto& fate : retention.runs)
        if (fate.kept) names.insert(fate.run);
    return names;
}

Catalog without_the_gone(const Catalog& catalog, const Retention& retention) {
    const auto stay = kept_runs(retention);
    std::vector<StoredRun> runs;
    for (const auto& stored : catalog.runs)
        if (stay.contains(stored.run)) runs.push_back(stored);
    return catalog_of(std::move(runs));
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("each rule keeps the newest of its periods, and says so") {
    const auto catalog = daily_runs(40);
    CHECK(kept(decided(catalog, {.last = 2})) == Lines{"20261125: last 2, newest", "20261124: last 2"});
    CHECK(kept(decided(catalog, {.daily = 3})) == Lines{"20261125: daily 2026-11-25, newest",
                                                        "20261124: daily 2026-11-24",
                                                        "20261123: daily 2026-11-23"});
    CHECK(kept(decided(catalog, {.weekly = 3})) == Lines{"20261125: newest, weekly from 2026-11-23",
                                                         "20261122: weekly from 2026-11-16",
                                                         "20261115: weekly from 2026-11-09"});
    CHECK(kept(decided(catalog, {.monthly = 9})) ==
          Lines{"20261125: monthly 2026-11, newest", "20261031: monthly 2026-10"});
    CHECK(kept(decided(catalog, {.yearly = 1})) == Lines{"20261125: newest, yearly 2026"});
    CHECK(kept(decided(catalog, {.within = hours(48)})) ==
          Lines{"20261125: newest, within 2 days", "20261124: within 2 days", "20261123: within 2 days"});
    CHECK(decided(catalog, {.daily = 1, .monthly = 2}).going() == 38);
    CHECK(decided(catalog, {}).going() == 0);
    CHECK(kept(decided(daily_runs(1), {})) == Lines{"20261125: no rule in [backup] keep, newest"});
}

TEST_CASE("of several runs in one hour or day the newest stays") {
    std::vector<StoredRun> runs;
    for (int i = 0; i < 8; ++i) runs.push_back(run(noon - minutes(20 * i), {"databases"}));
    const auto catalog = catalog_of(std::move(runs));
    CHECK(decided(catalog, {.daily = 5}).going() == 7);
    const auto hourly = decided(catalog, {.hourly = 2});
    CHECK(hourly.going() == 6);
    CHECK(hourly.runs[1].why == Lines{"hourly 2026-11-25 11:00"});
}

TEST_CASE("days are the estate's days") {
    const auto at = [](int hour) { return sys_seconds(sys_days(2026y / November / 25)) + hours(hour); };
    const auto catalog = catalog_of({run(at(2), {"databases"}), run(at(4), {"databases"})});
    CHECK(decided(catalog, {.daily = 5}).going() == 1);
    if (!std::filesystem::exists("/usr/share/zoneinfo/America/Santiago")) return;
    // 02:00 UTC is 23:00 of the day before there.
    CHECK(kept(decided(catalog, {.daily = 5}, TimeZone::load("America/Santiago"))) ==
          Lines{"20261125: daily 2026-11-25, newest", "20261125: daily 2026-11-24"});
}

TEST_CASE("a run in which an item failed takes no other run's place") {
    auto catalog = catalog_of({run(noon, {"databases", "redis"}),
                               run(noon - days(1), {"databases"}, {"redis"}),
                               run(noon - days(1) - hours(3), {"databases", "redis"}),
                               run(noon - days(2), {"databases", "redis"})});
    CHECK(kept(decided(catalog, {.daily = 2})) == Lines{"20261125: daily 2026-11-25, newest",
                                                        "20261124: daily 2026-11-24",
                                                        "20261124: daily 2026-11-24 (redis)"});

    catalog = catalog_of({run(noon, {"databases"}),
                          run(noon - days(9), {"databases", "redis"}),
                          run(noon - days(10), {"databases"})});
    CHECK(kept(decided(catalog, {.last = 1})) ==
          Lines{"20261125: last 1, newest", "20261116: last 1 (redis), newest of redis"});
}

TEST_CASE("the newest of each database stays, whatever becomes of the others") {
    auto old = run(noon - days(30), {});
    old.manifest.artefacts = {
        {.item = "databases", .kind = "postgres", .part = "app", .file = old.run + "/a"},
        {.item = "databases", .kind = "postgres", .part = "wiki", .file = old.run + "/b"}};
    auto fresh = run(noon, {});
    fresh.manifest.artefacts = {
        {.item = "databases", .kind = "postgres", .part = "app", .file = fresh.run + "/a"}};
    CHECK(kept(decided(catalog_of({fresh, old}), {.last = 1})) ==
          Lines{"20261125: last 1, newest", "20261026: newest of databases/wiki"});
}

TEST_CASE("a damaged artefact is no backup") {
    auto catalog = daily_runs(3);
    catalog.runs[0].flaws[catalog.runs[0].manifest.artefacts[0].file] = "is missing";
    CHECK(kept(decided(catalog, {.last = 1})) ==
          Lines{"20261125: newest", "20261124: last 1, newest of databases"});
}

TEST_CASE("nothing is pruned after a run that wasn't good, unless somebody says so") {
    auto catalog = daily_runs(10);
    const KeepRules rules{.daily = 7};
    const auto refusal = [&] { return error_of([&] { guard_retention(catalog, decided(catalog, rules)); }); };
    CHECK_NOTHROW(guard_retention(catalog, decided(catalog, rules)));

    SECTION("an item failed") {
        catalog.runs[0].manifest.failures.push_back({"databases", "app", "pg_dump ended with 1"});
        CHECK(refusal().code() == errors::prune_refused);
        CHECK(refusal().message() == "the backups of bruno in box aren't pruned");
        CHECK(test::causes(refusal()) ==
              "the last run wasn't good: run 20261125T120000Z-0000: databases/app: pg_dump ended with 1");
        CHECK(refusal().advice() ==
              "look at the plan (kavi backup prune --dry-run); if it is right, add --confirm bruno");
    }
    SECTION("a file is missing") {
        catalog.runs[0].flaws["x/y"] = "is missing";
        CHECK(test::causes(refusal()) ==
              "the last run wasn't good: run 20261125T120000Z-0000: x/y is missing");
    }
    SECTION("a newer run isn't trusted") {
        catalog.refused.push_back(
            {run_at(noon + minutes(1)), Error(errors::backup_untrusted, "it isn't signed")});
        CHECK(test::causes(refusal()) ==
              "the last run wasn't good: run 20261125T120100Z-0000: it isn't signed");
    }
    SECTION("an older one that isn't trusted stops nothing, and stays") {
        catalog.refused.push_back(
            {run_at(noon - days(20)), Error(errors::backup_untrusted, "it isn't signed")});
        const auto retention = decided(catalog, rules);
        CHECK_NOTHROW(guard_retention(catalog, retention));
        CHECK(retention.notes == Lines{"run 20261105T120000Z-0000 stays: it isn't signed"});
    }
    SECTION("one was cut off and none came after it") {
        catalog.unfinished = {run_at(noon + minutes(1))};
        const auto retention = decide_retention(catalog, rules, {}, noon + days(2));
        CHECK(retention.last_failed == "run 20261125T120100Z-0000: it was cut off");
        CHECK(retention.unfinished == catalog.unfinished);
    }
    SECTION("one that is still running doesn't count") {
        catalog.unfinished = {run_at(noon + minutes(1))};
        CHECK_NOTHROW(guard_retention(catalog, decided(catalog, rules)));
        CHECK(decided(catalog, rules).unfinished.empty());
    }
}

TEST_CASE("more than half at once, or all of an item, needs a word") {
    const auto cause = [](const Catalog& catalog, const KeepRules& rules) {
        return test::causes(error_of([&] { guard_retention(catalog, decided(catalog, rules)); }));
    };
    CHECK(cause(daily_runs(9), {.last = 4}) == "5 of 9 runs would go at once");
    CHECK_NOTHROW(guard_retention(daily_runs(8), decided(daily_runs(8), {.last = 4})));

    auto catalog = catalog_of({run(noon, {"databases"}),
                               run(noon - days(1), {"databases"}),
                               run(noon - days(2), {"databases", "wiki"})});
    catalog.runs[2].flaws[catalog.runs[2].run + "/wiki"] = "is missing";
    CHECK(cause(catalog, {.last = 2}) == "all that there is of wiki would go");
}

TEST_CASE("shared files go once no run that stays names them") {
    const auto with_image = [](StoredRun stored, const std::string& file) {
        stored.manifest.artefacts.push_back(
            {.item = "images", .kind = "images", .part = file, .file = "images/" + file});
        return stored;
    };
    auto catalog = catalog_of({with_image(run(noon, {"databases"}), "new"),
                               with_image(run(noon - days(1), {"databases"}), "both"),
                               with_image(run(noon - days(2), {"databases"}), "both"),
                               with_image(run(noon - days(3), {"databases"}), "old")});
    for (auto& stored : catalog.runs) stored.manifest.artefacts.back().part.clear();
    catalog.unnamed = {"kavi/bruno/images/stray", "kavi/bruno/readme"};
    const KeepRules rules{.last = 2};
    auto retention = decided(catalog, rules);
    CHECK(retention.files == Lines{"kavi/bruno/images/old", "kavi/bruno/images/stray"});
    CHECK(retention.notes == Lines{"kavi/bruno/readme stays: no manifest names it"});

    SECTION("and none is being written") {
        catalog.unfinished = {run_at(noon + minutes(1))};
        CHECK(decided(catalog, rules).files.empty());
        CHECK(decided(catalog, rules).notes[1] ==
              "2 shared files stay: a run that is being written may need them");
    }
    SECTION("and each manifest is known") {
        catalog.refused.push_back({run_at(noon - days(4)), Error(errors::integrity, "damaged")});
        CHECK(decided(catalog, rules).files.empty());
        CHECK(decided(catalog, rules).notes[1] ==
              "2 shared files stay: a run that can't be read may need them");
    }
}

TEST_CASE("parts that were cut off go after a day") {
    auto catalog = daily_runs(2);
    const store::StoredFile old{"kavi/bruno/" + run_at(noon - days(2)) + "/.part-1", 5},
        fresh{"kavi/bruno/" + run_at(noon) + "/.part-2", 5}, image{"kavi/bruno/images/.part-3", 5};
    catalog.parts = {old, fresh, image};
    CHECK(decided(catalog, {.last = 9}).parts == std::vector{old, image});
    catalog.unfinished = {run_at(noon + minutes(1))};
    CHECK(decided(catalog, {.last = 9}).parts == std::vector{old});
}

TEST_CASE("notes go with their run or before a later one, but for the last success of each level") {
    auto catalog = daily_runs(2);
    const auto note = [&](int day, int level, bool ok, hours later = hours(0)) {
        return VerifiedNote{.run = run_at(noon - days(day)),
                            .item = "databases",
                            .level = level,
                            .ok = ok,
                            .at = noon - days(day) + later};
    };
    const auto newest = note(30, 3, true), older = note(31, 3, true), failed = note(29, 3, false);
    const auto of_kept = note(0, 1, false), before_it = note(0, 1, false, hours(-1));
    catalog.verified = {older, newest, failed, before_it, of_kept};
    CHECK(decided(catalog, {.last = 2}).files == Lines{"kavi/bruno/" + note_file(older),
                                                       "kavi/bruno/" + note_file(failed),
                                                       "kavi/bruno/" + note_file(before_it)});
}

TEST_CASE("a run's manifest goes first, then its signature") {
    const auto catalog = daily_runs(2);
    const auto folder = "kavi/bruno/" + run_at(noon);
    CHECK(files_of_run(catalog, run_at(noon)) ==
          Lines{folder + "/manifest.json", folder + "/manifest.json.sig", folder + "/databases"});
}

TEST_CASE("a catalog that wasn't read whole decides nothing") {
    auto catalog = daily_runs(2);
    catalog.unread = {run_at(noon - days(9))};
    CHECK(error_of([&] { decided(catalog, {.last = 1}); }).code() == errors::internal);
}

TEST_CASE("whatever the series, the rules hold") {
    std::mt19937 random(20261125);
    const auto pick = [&](int most) { return std::uniform_int_distribution(0, most)(random); };
    const std::vector<std::string> items{"databases", "redis", "forgejo"};
    for (int round = 0; round < 400; ++round) {
        std::vector<StoredRun> runs;
        auto time = noon;
        for (int i = pick(60); i >= 0; --i) {
            std::set<std::string> good, failed;
            for (const auto& item : items)
                if (const auto fate = pick(9); fate < 7)
                    good.insert(item);
                else if (fate < 9)
                    failed.insert(item);
            runs.push_back(run(time, good, failed));
            if (!good.empty() && pick(9) == 0)
                runs.back().flaws[runs.back().manifest.artefacts[0].file] = "is missing";
            time -= minutes(1 + pick(1) * pick(100) + pick(1) * pick(6000));
        }
        const auto catalog = catalog_of(runs);
        const KeepRules rules{.last = pick(3),
                              .hourly = pick(1) * pick(5),
                              .daily = pick(9),
                              .weekly = pick(5),
                              .monthly = pick(4),
                              .yearly = pick(2)};
        const auto retention = decided(catalog, rules);
        const auto stay = kept_runs(retention);
        CAPTURE(round, catalog.runs.size());

        REQUIRE(stay.contains(catalog.runs.front().run));
        for (const auto& item : items) {
            std::vector<const StoredRun*> whole;
            for (const auto& stored : catalog.runs)
                if (stored.has_whole(item)) whole.push_back(&stored);
            if (!whole.empty()) REQUIRE(stay.contains(whole.front()->run));
            for (int i = 0; i < rules.last && i < static_cast<int>(whole.size()); ++i)
                REQUIRE(stay.contains(whole[static_cast<std::size_t>(i)]->run));
            // The newest run of each of the newest days that have one.
            std::map<sys_days, std::string, std::greater<>> newest_of_day;
            for (const auto* stored : whole) newest_of_day.emplace(floor<days>(stored->time), stored->run);
            int left = rules.daily;
            for (const auto& [day, name] : newest_of_day)
                if (left-- > 0) REQUIRE(stay.contains(name));
        }
        for (const auto& fate : retention.runs) REQUIRE(fate.kept != fate.why.empty());
        // No more than the rules can explain.
        const int most =
            rules.last + rules.hourly + rules.daily + rules.weekly + rules.monthly + rules.yearly + 1;
        if (!rules.empty()) REQUIRE(static_cast<int>(stay.size()) <= most * 3 + 1);
        // Doing it twice is doing it once; another rule only adds.
        REQUIRE(decided(without_the_gone(catalog, retention), rules).going() == 0);
        auto more = rules;
        more.daily += 1 + pick(3);
        if (!rules.empty()) REQUIRE(std::ranges::includes(kept_runs(decided(catalog, more)), stay));
    }
}

TEST_CASE("a year of days, pruned each day, leaves days, weeks and months behind") {
    const KeepRules rules{.daily = 7, .weekly = 5, .monthly = 12};
    Catalog catalog;
    auto time = noon - days(800);
    for (; time <= noon; time += days(1)) {
        auto runs = catalog.runs;
        runs.push_back(run(time, {"databases"}));
        catalog = catalog_of(std::move(runs));
        const auto retention = decide_retention(catalog, rules, {}, time);
        CHECK_NOTHROW(guard_retention(catalog, retention));
        catalog = without_the_gone(catalog, retention);
    }
    // What stays is what stays of a store that was never pruned before.
    const auto at_once = decided(daily_runs(801), rules);
    CHECK(kept_runs(decided(catalog, rules)) == kept_runs(at_once));
    CHECK(catalog.runs.size() == kept_runs(at_once).size());
    CHECK(catalog.runs.size() >= 7 + 3 + 10);
}

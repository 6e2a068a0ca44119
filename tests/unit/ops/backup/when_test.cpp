#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/when.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono;
using kavi::test::error_of;

namespace {

sys_seconds utc(const char* text) {
    const auto time = parse_iso8601(text);
    REQUIRE(time);
    return *time;
}

std::string output_of(const std::string& command) {
    std::string text;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
    for (int c = 0; (c = std::fgetc(pipe.get())) != EOF;) text += static_cast<char>(c);
    return text;
}

bool is_known_here(const std::string& zone) {
    return std::filesystem::exists("/usr/share/zoneinfo/" + zone);
}

/// The zone of a file that has this rule and nothing else.
TimeZone zone_of_rule(const std::string& rule) {
    const auto header = "TZif2" + std::string(15, '\0');
    const std::string counts("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4", 24);
    const std::string type_and_name("\0\0\0\0\0\0UTC\0", 10);
    const auto half = header + counts + type_and_name;
    return TimeZone::read(half + half + "\n" + rule + "\n", "Test/Zone");
}

}  // namespace

TEST_CASE("a run's name tells when it began") {
    CHECK(run_time("20261125T060000Z-4f2a") == utc("2026-11-25T06:00:00Z"));
    for (const auto* text : {"",
                             "20261125T060000Z",
                             "20261125T060000Z-4F2A",
                             "20261125T060000Z-4f2",
                             "20261131T060000Z-4f2a",
                             "20261125T240000Z-4f2a",
                             "12210625T071500Z-4f2a",
                             "99991231T071500Z-4f2a",
                             "20261125T060060Z-4f2a",
                             "20261125 060000Z-4f2a",
                             "20261125T060000Z-4f2a/"})
        CHECK_FALSE(run_time(text));
    CHECK(time_stamp(utc("2026-11-25T06:00:00Z")) == "20261125T060000Z");
    CHECK(parse_time_stamp("20261125T060000Z") == utc("2026-11-25T06:00:00Z"));
    CHECK_FALSE(parse_time_stamp("20261125T060000"));
}

TEST_CASE("times in words are those of the estate's zone") {
    if (!is_known_here("America/Santiago")) {
        WARN("SKIPPED: no tzdata");
        return;
    }
    const auto santiago =
        TimeZone::load("America/Santiago");        // UTC-3 in summer, UTC-4 from April to September
    const auto now = utc("2026-11-25T15:30:10Z");  // 12:30:10 there

    struct Case {
        const char* text;
        const char* means;
    };

    const Case cases[] = {
        {"yesterday 18:00", "2026-11-24T21:00:59Z"},
        {"yesterday 9:05", "2026-11-24T12:05:59Z"},
        {"yesterday", "2026-11-25T02:59:59Z"},
        {"today 9:30", "2026-11-25T12:30:59Z"},
        {"today", "2026-11-25T15:30:10Z"},
        {"18:00", "2026-11-24T21:00:59Z"},
        {"11:00", "2026-11-25T14:00:59Z"},
        {"12:30", "2026-11-25T15:30:10Z"},
        {"2026-11-24", "2026-11-25T02:59:59Z"},
        {"2026-11-25", "2026-11-25T15:30:10Z"},
        {"2026-11-24 18:00", "2026-11-24T21:00:59Z"},
        {"2026-11-24T18:00", "2026-11-24T21:00:59Z"},
        {"2026-11-24 18:00:07", "2026-11-24T21:00:07Z"},
        {"2026-11-24T18:00:00Z", "2026-11-24T18:00:00Z"},
        {"2026-07-01 18:00", "2026-07-01T22:00:59Z"},
        {"3h ago", "2026-11-25T12:30:10Z"},
        {"1d12h ago", "2026-11-24T03:30:10Z"},
        {"  0s ago ", "2026-11-25T15:30:10Z"},
    };
    for (const auto& example : cases) {
        CAPTURE(example.text);
        CHECK(parse_when(example.text, now, santiago) == When{.at = utc(example.means)});
    }
    CHECK(parse_when("latest", now, santiago) == When{});
    CHECK(parse_when("20261125T060000Z-4f2a", now, santiago) == When{.run = "20261125T060000Z-4f2a"});
    CHECK(local_text(now, santiago) == "2026-11-25 12:30");
}

TEST_CASE("what is no time, and what hasn't been yet, is said") {
    const auto now = utc("2026-11-25T15:30:10Z");
    for (const auto* text : {"",
                             "soon",
                             "2026-02-30",
                             "yesterday 25:00",
                             "ago",
                             "3 ago",
                             "2026-11-24 18",
                             "1:2:3",
                             "12:60",
                             "yesterdayT18:00",
                             "-3h ago"}) {
        CAPTURE(text);
        const auto error = error_of([&] { parse_when(text, now, {}); });
        CHECK(error.code() == errors::usage);
        CHECK(error.message() == "'" + std::string(trim(text)) + "' is no time that kavi understands");
    }
    for (const auto* text : {"2026-11-26", "today 15:32", "2027-01-01 00:00"}) {
        CAPTURE(text);
        CHECK(error_of([&] { parse_when(text, now, {}); }).message() ==
              "'" + std::string(text) + "' is in the future: it is 2026-11-25 15:30 now");
    }
}

TEST_CASE("ages and sizes are said in one unit") {
    CHECK(age_text(seconds(-3)) == "0 s");
    CHECK(age_text(seconds(59)) == "59 s");
    CHECK(age_text(seconds(60)) == "1 min");
    CHECK(age_text(hours(1)) == "1 h");
    CHECK(age_text(hours(47)) == "47 h");
    CHECK(age_text(hours(49)) == "2 days");
    CHECK(size_text(0) == "0 B");
    CHECK(size_text(999) == "999 B");
    CHECK(size_text(4'100) == "4.1 kB");
    CHECK(size_text(9'960) == "10 kB");
    CHECK(size_text(999'500) == "1.0 MB");
    CHECK(size_text(180'400'000) == "180 MB");
    CHECK(size_text(2'300'000'000'000'000) == "2300 TB");
}

TEST_CASE("offsets are those that the system's date shows") {
    std::mt19937_64 random(20261125);
    for (const std::string name : {"America/Santiago",
                                   "Europe/Berlin",
                                   "Europe/Dublin",
                                   "Africa/Casablanca",
                                   "Australia/Lord_Howe",
                                   "Asia/Kathmandu",
                                   "America/New_York",
                                   "UTC"}) {
        if (!is_known_here(name)) {
            WARN("SKIPPED: no tzdata");
            return;
        }
        const auto zone = TimeZone::load(name);
        std::vector<sys_seconds> times;
        std::uniform_int_distribution<std::int64_t> moment(0,
                                                           4'000'000'000);  // 1970 to 2096: beyond any table
        for (int i = 0; i < 400; ++i) times.push_back(sys_seconds(seconds(moment(random))));
        // Around every change of the offset from 2024 on, in the file's table and behind it.
        const auto end = utc("2041-01-01T00:00:00Z");
        for (auto time = utc("2024-01-01T00:00:00Z"); time < end; time += days(1))
            if (zone.offset_at(time) != zone.offset_at(time - days(1)))
                for (int step = -48; step <= 2; ++step) times.push_back(time + seconds(1800 * step - 1));
        std::string questions;
        for (const auto time : times)
            questions += "@" + std::to_string(time.time_since_epoch().count()) + "\n";
        const TemporaryFolder folder;
        write_file_atomic(folder.path() / "questions", questions, 0600);
        const auto answers =
            split(output_of("TZ=" + name + " date -f " + (folder.path() / "questions").string() +
                            " '+%Y-%m-%dT%H:%M:%SZ'"),
                  '\n');
        REQUIRE(answers.size() >= times.size());
        int wrong = 0;
        for (std::size_t i = 0; i < times.size(); ++i) {
            const auto expected = parse_iso8601(answers[i]);
            REQUIRE(expected);
            if (zone.to_local(times[i]).time_since_epoch() != expected->time_since_epoch()) ++wrong;
        }
        CAPTURE(name, times.size());
        CHECK(wrong == 0);
    }
}

TEST_CASE("a local time leads back to its moment; one that clocks skip comes after") {
    for (const std::string name : {"America/Santiago", "Europe/Berlin"}) {
        if (!is_known_here(name)) {
            WARN("SKIPPED: no tzdata");
            return;
        }
        const auto zone = TimeZone::load(name);
        int wrong = 0, twice = 0;
        const auto end = utc("2039-01-01T00:00:00Z");
        for (auto time = utc("2036-01-01T00:00:00Z"); time < end; time += minutes(30)) {
            const auto back = zone.to_utc(zone.to_local(time));
            if (back == time) continue;
            if (zone.to_local(back) != zone.to_local(time) || back > time) ++wrong;
            ++twice;
        }
        CAPTURE(name);
        CHECK(wrong == 0);
        CHECK(twice == 2 * 3);  // half hours of the one hour a year that comes twice
    }
    const auto berlin = TimeZone::load("Europe/Berlin");
    const auto local = [](int year, unsigned month, unsigned day, int hour, int minute) {
        return local_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
               hours(hour) + minutes(minute);
    };
    CHECK(berlin.to_utc(local(2026, 3, 29, 2, 30)) == utc("2026-03-29T01:30:00Z"));   // shown as 03:30
    CHECK(berlin.to_utc(local(2026, 10, 25, 2, 30)) == utc("2026-10-25T00:30:00Z"));  // the first 02:30
}

TEST_CASE("all forms of a zone's rule are read") {
    const auto offset = [](const char* rule, const char* time) {
        return zone_of_rule(rule).offset_at(utc(time)).count();
    };
    CHECK(offset("UTC0", "2026-07-01T00:00:00Z") == 0);
    CHECK(offset("<+0545>-5:45", "2026-07-01T00:00:00Z") == 20700);
    CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z") == 3600);
    CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z") == 7200);
    CHECK(offset("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z") == 3600);
    CHECK(offset("<-04>4<-03>,M9.1.6/24,M4.1.6/24", "2026-01-01T00:00:00Z") == -3 * 3600);
    CHECK(offset("<-04>4<-03>,M9.1.6/24,M4.1.6/24", "2026-06-01T00:00:00Z") == -4 * 3600);
    CHECK(offset("AAA3BBB,J60/0,J300/0", "2028-03-01T02:59:59Z") ==
          -3 * 3600);  // J60 is 1 March in every year
    CHECK(offset("AAA3BBB,J60/0,J300/0", "2028-03-01T03:00:00Z") == -2 * 3600);
    CHECK(offset("AAA3BBB,59/0,300/0", "2028-02-29T03:00:00Z") == -2 * 3600);  // 59 counts the leap day
    CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z") == -2 * 3600);
    CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z") == -3600);
    CHECK(offset("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z") ==
          0);  // Dublin: winter is the exception
    CHECK(offset("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z") == 3600);
}

TEST_CASE("a zone that isn't there or is damaged is named") {
    for (const auto* name : {"Mars/Olympus", "../passwd", "/etc/passwd", "", "Europe/Berlin\n"}) {
        const auto error = error_of([&] { TimeZone::load(name); });
        CHECK(error.code() == errors::config_invalid);
        CHECK(error.message() == "this machine doesn't know the time zone " + printable(name));
    }
    if (!is_known_here("Europe/Berlin")) return;
    const auto whole = read_file("/usr/share/zoneinfo/Europe/Berlin");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto error =
            error_of([&] { TimeZone::read(std::string_view(whole).substr(0, size), "Europe/Berlin"); });
        CHECK(error.message() == "this machine's file of the time zone Europe/Berlin is damaged");
    }
    for (const auto* rule : {"U",
                             "CET",
                             "CET-1CEST,M3.5.0",
                             "CET-1CEST,M3.6.0,M10.5.0",
                             "CET-1CEST,M0.5.0,M10.5.0",
                             "CET-1CEST,M3.5.7,M10.5.0",
                             "CET-200",
                             "<CET-1",
                             "CET-1CEST,J366,J1",
                             "CET-1CEST,M3.5.0,M10.5.0x"}) {
        CAPTURE(rule);
        CHECK_THROWS_AS(zone_of_rule(rule), Error);
    }
}

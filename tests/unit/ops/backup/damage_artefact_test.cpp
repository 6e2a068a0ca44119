#include <unit/ops/backup/damage.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace kavi::test::damage;

TEST_CASE("damage table: what is stored, after it was stored") {
    Estate estate;
    Table table("an artefact, damaged in the store");
    const auto name = file_of(tuesday, "app");
    const auto good = estate.file(name);
    const auto regions = regions_of(good);
    REQUIRE(regions.size() == 6 + 1 + 2 * 3);
    for (const auto& region : regions) {
        for (const auto at : bytes_of(region)) {
            const auto found = after(estate, [&] { estate.file(name) = flipped(good, at); });
            CHECK(found.first == 1);
            // A level 2 that nobody ran level 1 before finds it as well.
            estate.file(name) = flipped(good, at);
            CHECK_FALSE(estate.level2().empty());
            estate.file(name) = good;
        }
        table.row(region.name,
                  "flipped",
                  after(estate, [&] { estate.file(name) = flipped(good, region.from); }),
                  1,
                  name + " isn't what was stored (its SHA-256 is ");
        table.row("before " + region.name,
                  "cut",
                  after(estate, [&] { estate.file(name) = good.substr(0, region.from); }),
                  0,
                  fmt::format("{} has {} bytes, its manifest says {}", name, region.from, good.size()));
    }
    table.row("its last byte",
              "cut",
              after(estate, [&] { estate.file(name).pop_back(); }),
              0,
              fmt::format("{} has {} bytes, its manifest says {}", name, good.size() - 1, good.size()));
    table.row(
        "one byte more", "longer", after(estate, [&] { estate.file(name) += "x"; }), 0, "its manifest says");
    table.row("artefact",
              "missing",
              after(estate, [&] { estate.store.files.erase(path(name)); }),
              0,
              name + " is missing");
    table.row("artefact, by Monday's",
              "swapped",
              after(estate, [&] { estate.file(name) = estate.file(file_of(monday, "app")); }),
              1,
              name + " isn't what was stored");
    table.row("artefact, by another database's",
              "swapped",
              after(estate, [&] { estate.file(name) = estate.file(file_of(tuesday, "wiki")); }),
              1,
              name + " isn't what was stored");
    table.row("both databases, by each other",
              "swapped",
              after(estate, [&] { std::swap(estate.file(name), estate.file(file_of(tuesday, "wiki"))); }),
              1,
              name + " isn't what was stored");
}

TEST_CASE("damage table: what was damaged before its manifest was made") {
    Estate estate;
    estate.target = wednesday;  // the newest, so that the chain holds
    Table table("an artefact whose manifest agrees with the damage");
    const auto name = file_of(wednesday, "app");
    const auto good = estate.file(name);
    const auto stored = [&](const std::string& bytes) {
        return after(estate, [&] { estate.store_agreed(bytes); });
    };
    const auto wrong = "the backup of app of databases (" + name + ") isn't what its manifest says";
    REQUIRE(stored(good).first == -1);
    for (const auto& region : regions_of(good)) {
        const bool header = region.to <= good.find('\n', good.find("--- ")) + 1;
        for (const auto at : bytes_of(region)) CHECK(stored(flipped(good, at)).first == 2);
        table.row(region.name, "flipped", stored(flipped(good, region.from)), 2, header ? "age" : wrong);
        table.row(
            "before " + region.name, "cut", stored(good.substr(0, region.from)), 2, header ? "age" : wrong);
    }
    table.row("its last byte", "cut", stored(good.substr(0, good.size() - 1)), 2, wrong);
    table.row("one byte more", "longer", stored(good + "x"), 2, wrong);
    const auto chunk = seal::age_chunk + seal::age_tag;
    const auto payload = regions_of(good)[7].from;
    auto reordered = good;
    std::swap_ranges(reordered.begin() + static_cast<std::ptrdiff_t>(payload),
                     reordered.begin() + static_cast<std::ptrdiff_t>(payload + chunk),
                     reordered.begin() + static_cast<std::ptrdiff_t>(payload + chunk));
    table.row("chunks 1 and 2, by each other", "swapped", stored(reordered), 2, wrong);

    const auto zstd = compressed(dump_of("app " + wednesday));
    const std::vector<std::pair<std::string, std::size_t>> parts{{"zstd magic", 0},
                                                                 {"zstd frame header", 4},
                                                                 {"zstd first block's header", 6},
                                                                 {"zstd block", 5000},
                                                                 {"zstd checksum", zstd.size() - 1}};
    for (const auto& [what, at] : parts)
        table.row(what, "flipped", stored(estate.sealed(flipped(zstd, at))), 2, wrong);
    for (const auto size :
         {std::size_t{0}, std::size_t{3}, std::size_t{5000}, zstd.size() - 4, zstd.size() - 1})
        table.row(fmt::format("zstd frame, to {} bytes", size),
                  "cut",
                  stored(estate.sealed(zstd.substr(0, size))),
                  2,
                  wrong);
    table.row("zstd frame, something behind", "longer", stored(estate.sealed(zstd + "x")), 2, wrong);
    table.row("content, by Monday's",
              "swapped",
              stored(estate.sealed(compressed(dump_of("app " + monday)))),
              2,
              wrong);
    table.row("content, by another database's",
              "swapped",
              stored(estate.sealed(compressed(dump_of("wiki " + wednesday)))),
              2,
              wrong);
    table.row("content", "empty", stored(estate.sealed(compressed(""))), 2, wrong);
    table.row("content, not sealed at all", "swapped", stored(zstd), 2, "age");
}

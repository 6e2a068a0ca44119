#include <kavi/base/error_codes.hpp>
#include <kavi/ops/agent/unpack.hpp>
#include <kavi/ops/backup/verify_listing.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/zstd.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <unit/ops/backup/backups.hpp>

// Every kind of damage to every part of a backup, and how it is found: level 0 is the listing against the
// manifests, 1 the checksums of what is stored, 2 opens and decompresses. The artefacts, manifests and
// signatures are real ones.

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

std::string file_of(const std::string& run, const std::string& part) {
    return run + "/databases." + part + ".tar.zst.age";
}

std::string compressed(std::string_view plain) {
    std::string bytes;
    seal::ZstdWriter zstd(seal::append_to(bytes));
    zstd.write(plain);
    zstd.finish();
    return bytes;
}

/// Does the same each time, and doesn't compress: several chunks of age.
std::string dump_of(const std::string& name) {
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 random(seed);
    std::string bytes = "PGDMP " + name;
    while (bytes.size() < 150'000) bytes += static_cast<char>(random() & 0xff);
    return bytes;
}

/// Three days of one server with two databases.
class Estate {
  public:
    Estate() {
        for (const auto& run : {monday, tuesday, wednesday}) write(run);
    }

    std::string sealed(std::string_view compressed_bytes) const {
        std::string bytes;
        const std::vector<seal::Recipient> recipients{seal::parse_recipient(identity_.recipient()),
                                                      seal::parse_recipient(other_.recipient())};
        seal::AgeWriter age(recipients, seal::append_to(bytes));
        age.write(compressed_bytes);
        age.finish();
        return bytes;
    }

    void write(const std::string& run) {
        const auto app = dump_of("app " + run), wiki = dump_of("wiki " + run);
        auto manifest = writer.write(
            run,
            {{"databases", "app", sealed(compressed(app))}, {"databases", "wiki", sealed(compressed(wiki))}});
        const std::pair<Artefact*, const std::string*> plains[] = {{&manifest.artefacts[0], &app},
                                                                   {&manifest.artefacts[1], &wiki}};
        for (const auto& [artefact, plain] : plains) {
            artefact->plain_bytes = plain->size();
            artefact->plain_sha256 = hex(sha256(*plain));
        }
        writer.write_manifest(manifest);
    }

    /// Replaces what is stored of the target's app database; its manifest agrees, well signed.
    void store_agreed(const std::string& bytes) {
        auto manifest = writer.catalog().find(target)->manifest;
        auto& artefact = manifest.artefacts.front();
        store.files[path(artefact.file)] = bytes;
        artefact.bytes = bytes.size();
        artefact.sha256 = hex(sha256(bytes));
        writer.write_manifest(manifest);
    }

    std::string& file(const std::string& name) { return store.files.at(path(name)); }

    /// Opens the target's app database as a restore does: its file key here, the rest there.
    std::string level2() {
        const auto catalog = writer.catalog();
        try {
            const auto chosen = choose_run(catalog, target, "databases", "app");
            const auto& artefact = chosen.artefacts.front();
            const auto at = artefact_path(catalog, artefact);
            std::string beginning;
            store.read(
                at, [&](std::string_view bytes) { beginning += bytes; }, 0, 65536);
            const std::vector<seal::Identity> identities{identity_};
            auto header = seal::unwrap_header(beginning, identities);
            unpack(store,
                   at,
                   {artefact, header.header_size, std::move(header.file_key)},
                   [](std::string_view) {},
                   {},
                   {});
        } catch (const Error& error) {
            return error.causes().empty() ? error.message()
                                          : error.message() + " (" + error.causes().front() + ")";
        }
        return {};
    }

    /// The lowest level that finds something, and what it says: levels 1 and 2 look at the target.
    std::pair<int, std::string> found() {
        const auto catalog = writer.catalog();
        const auto say = [](const VerifyFinding& finding) {
            return finding.causes.empty() ? finding.message
                                          : finding.message + " (" + finding.causes.front() + ")";
        };
        for (const auto& finding : verify_listing(catalog)) return {0, say(finding)};
        const std::vector<Chosen> chosen{choose_run(catalog, target, "databases")};
        for (const auto& finding : verify_checksums(store, catalog, chosen, [](const Artefact&) {}, {}))
            return {1, say(finding)};
        if (auto says = level2(); !says.empty()) return {2, says};
        return {-1, "nothing found"};
    }

    MemoryStore store;
    BackupWriter writer{store};
    std::string target = tuesday;

  private:
    seal::X25519Identity identity_ = seal::X25519Identity::generate(),
                         other_ = seal::X25519Identity::generate();
};

/// Prints the table as it is made, and checks each row.
class Table {
  public:
    explicit Table(const char* title) {
        std::printf("\n%s\n  %-46s %-11s %-5s %s\n", title, "what", "damage", "level", "found as");
    }

    void row(const std::string& what,
             const std::string& damage,
             std::pair<int, std::string> found,
             int level,
             const std::string& says) {
        std::printf(
            "  %-46s %-11s %-5d %.110s\n", what.c_str(), damage.c_str(), found.first, found.second.c_str());
        CAPTURE(what, damage, found.second);
        CHECK(found.first == level);
        CHECK_THAT(found.second, ContainsSubstring(says));
    }
};

/// A copy of the whole store, put back at the end.
template <typename Damage>
std::pair<int, std::string> after(Estate& estate, Damage damage) {
    const auto good = estate.store.files;
    damage();
    auto found = estate.found();
    estate.store.files = good;
    return found;
}

struct Region {
    std::string name;
    std::size_t from, to;  // bytes
};

/// The parts of an age file with two recipients.
std::vector<Region> regions_of(const std::string& age) {
    std::vector<std::size_t> ends;  // of the header's lines
    for (std::size_t at = 0; ends.size() < 6;) ends.push_back(at = age.find('\n', at) + 1);
    const char* lines[] = {"age version line",
                           "first stanza's line",
                           "first stanza's body",
                           "second stanza's line",
                           "second stanza's body",
                           "MAC line"};
    std::vector<Region> regions;
    std::size_t from = 0;
    for (std::size_t i = 0; i < ends.size(); from = ends[i++]) regions.push_back({lines[i], from, ends[i]});
    regions.push_back({"payload's nonce", from, from + seal::age_nonce});
    from += seal::age_nonce;
    for (int chunk = 1; from < age.size(); ++chunk) {
        const auto end = std::min(from + seal::age_chunk + seal::age_tag, age.size());
        regions.push_back({fmt::format("chunk {}", chunk), from, end - seal::age_tag});
        regions.push_back({fmt::format("chunk {}'s tag", chunk), end - seal::age_tag, end});
        from = end;
    }
    return regions;
}

/// First, middle and last byte.
std::vector<std::size_t> bytes_of(const Region& region) {
    return {region.from, region.from + (region.to - region.from) / 2, region.to - 1};
}

std::string flipped(std::string bytes, std::size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
}

}  // namespace

TEST_CASE("damage table: a backup that is as it was stored has no finding") {
    Estate estate;
    CHECK(estate.found() == std::pair(-1, std::string("nothing found")));
}

TEST_CASE("damage table: the manifest") {
    Estate estate;
    Table table("the manifest of a run");
    const auto name = tuesday + "/manifest.json";
    const auto good = estate.file(name);
    const auto refused = "the signature of the manifest of run " + tuesday + " doesn't fit it";
    const auto json = Json::parse(good);
    const auto flip_value = [&](const std::string& key, const Json& value) {
        const auto text = "\"" + key + "\":" + value.dump();
        const auto at = good.find(text);
        REQUIRE(at != std::string::npos);
        table.row(key,
                  "flipped",
                  after(estate, [&] { estate.file(name) = flipped(good, at + text.size() - 1); }),
                  0,
                  refused);
    };
    for (const auto& [key, value] : json.items()) flip_value(key, value);
    for (const auto& [key, value] : json["artefacts"][0].items()) flip_value(key, value);

    // Whatever the byte.
    int unfound = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        estate.file(name) = flipped(good, at);
        if (estate.writer.catalog().refused.empty()) ++unfound;
    }
    estate.file(name) = good;
    table.row(fmt::format("each of its {} bytes", good.size()),
              "flipped",
              {unfound == 0 ? 0 : -1, refused},
              0,
              refused);
    for (std::size_t at = good.find(','); at != std::string::npos; at = good.find(',', at + 1)) {
        const auto found = after(estate, [&] { estate.file(name) = good.substr(0, at); });
        CHECK(
            found ==
            std::pair(
                0, refused + " (the manifest or its signature was changed or damaged after it was written)"));
    }
    table.row("behind any member",
              "cut",
              after(estate, [&] { estate.file(name) = good.substr(0, good.find(',')); }),
              0,
              refused);
    table.row("its last byte",
              "cut",
              after(estate, [&] { estate.file(name) = good.substr(0, good.size() - 1); }),
              0,
              refused);
    table.row("all of it", "empty", after(estate, [&] { estate.file(name).clear(); }), 0, refused);
    table.row("all of it", "longer", after(estate, [&] { estate.file(name) += " "; }), 0, refused);
    const auto gone = "the manifest of run " + tuesday + " doesn't fit the chain";
    table.row("manifest",
              "missing",
              after(estate, [&] { estate.store.files.erase(path(name)); }),
              0,
              gone + " (its manifest is missing, and the signature of it is there)");
    table.row("manifest and signature",
              "missing",
              after(estate,
                    [&] {
                        estate.store.files.erase(path(name));
                        estate.store.files.erase(path(name + ".sig"));
                    }),
              0,
              gone + " (its manifest is missing, and the sequence of the others counts it)");
    table.row("manifest, by Monday's",
              "swapped",
              after(estate, [&] { estate.file(name) = estate.file(monday + "/manifest.json"); }),
              0,
              refused);
    table.row("manifest and signature, by Monday's",
              "swapped",
              after(estate,
                    [&] {
                        for (const auto* suffix : {"/manifest.json", "/manifest.json.sig"})
                            estate.file(tuesday + suffix) = estate.file(monday + suffix);
                    }),
              0,
              "the manifest of run " + tuesday + " belongs elsewhere (it is that of kavi/bruno/" + monday +
                  ", and lies in kavi/bruno/" + tuesday + ")");
}

TEST_CASE("damage table: the manifest's signature") {
    Estate estate;
    Table table("the signature of a manifest");
    const auto name = tuesday + "/manifest.json.sig";
    const auto good = estate.file(name);
    const auto refused = "the signature of the manifest of run " + tuesday + " doesn't fit it";
    std::vector<Region> lines;
    for (std::size_t from = 0; from < good.size(); from = lines.back().to) {
        const auto end = good.find('\n', from) + 1;
        const auto kind = from == 0            ? "first line"
                          : end == good.size() ? "last line"
                                               : fmt::format("line {}", lines.size() + 1);
        lines.push_back({kind, from, end});
    }
    for (const auto& line : lines) {
        table.row(line.name,
                  "flipped",
                  after(estate, [&] { estate.file(name) = flipped(good, line.from); }),
                  0,
                  refused);
        table.row("before " + line.name,
                  "cut",
                  after(estate, [&] { estate.file(name) = good.substr(0, line.from); }),
                  0,
                  refused);
        table.row(line.name,
                  "missing",
                  after(estate, [&] { estate.file(name).erase(line.from, line.to - line.from); }),
                  0,
                  refused);
    }
    // Whatever the byte; line ends in and behind the armor carry nothing.
    int unfound = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        if (good[at] == '\n') continue;
        estate.file(name) = flipped(good, at);
        if (estate.writer.catalog().refused.empty()) ++unfound;
    }
    estate.file(name) = good;
    table.row("each of its bytes but line ends", "flipped", {unfound == 0 ? 0 : -1, refused}, 0, refused);
    table.row("signature",
              "missing",
              after(estate, [&] { estate.store.files.erase(path(name)); }),
              0,
              "the manifest of run " + tuesday + " isn't signed");
    table.row("signature, by Monday's",
              "swapped",
              after(estate, [&] { estate.file(name) = estate.file(monday + "/manifest.json.sig"); }),
              0,
              refused);
}

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

TEST_CASE("damage table: a backup forged with the store's key and the public recipients") {
    Estate estate;
    Table table("a forged run: all correct but the signing key");
    // The forger knows all but the server's signing key: names, formats, recipients, the manifests before.
    const auto forger = seal::generate_ssh_key("bruno backups");
    const std::string forged = "20261126T060000Z-0004";
    Manifest manifest = estate.writer.catalog().runs.front().manifest;
    manifest.sequence += 1;
    manifest.previous = estate.writer.catalog().runs.front().digest;
    manifest.run = forged;
    for (auto& artefact : manifest.artefacts) {
        const auto plain = std::string("PGDMP; do shell script 'evil'");
        const auto bytes = estate.sealed(compressed(plain));
        artefact.file = forged + artefact.file.substr(artefact.file.find('/'));
        estate.store.files[path(artefact.file)] = bytes;
        artefact.bytes = bytes.size();
        artefact.sha256 = hex(sha256(bytes));
        artefact.plain_bytes = plain.size();
        artefact.plain_sha256 = hex(sha256(plain));
    }
    const auto bytes = write_manifest(manifest);
    estate.store.files[path(forged + "/manifest.json")] = bytes;
    estate.store.files[path(forged + "/manifest.json.sig")] =
        seal::sign_sshsig(forger, backup_namespace, bytes);

    const auto says = "the manifest of run " + forged + " isn't signed by a known server";
    table.row("run", "forged", estate.found(), 0, says);
    const auto catalog = estate.writer.catalog();
    CHECK(choose(catalog, "databases").run->run == wednesday);
    const auto refusal = error_of([&] { choose_run(catalog, forged, "databases"); });
    CHECK(refusal.code() == errors::backup_untrusted);
    CHECK(static_cast<int>(refusal.code().exit) == 12);
    CHECK(refusal.message() == says);
    CHECK(refusal.causes() ==
          std::vector{"the key " + forger.public_key.fingerprint() + " made the signature",
                      "only this may sign: " + estate.writer.key.public_key.fingerprint()});

    // Nor does it help to leave the true signature in place, or none.
    estate.store.files[path(forged + "/manifest.json.sig")] = estate.file(wednesday + "/manifest.json.sig");
    table.row("run, with Wednesday's signature",
              "forged",
              estate.found(),
              0,
              "the signature of the manifest of run " + forged + " doesn't fit it");
    estate.store.files.erase(path(forged + "/manifest.json.sig"));
    table.row(
        "run, unsigned", "forged", estate.found(), 0, "the manifest of run " + forged + " isn't signed");
    CHECK(error_of([&] { choose_run(estate.writer.catalog(), forged, "databases"); }).code() ==
          errors::backup_untrusted);

    // A true run under a later name doesn't become a later one.
    std::erase_if(estate.store.files, [&](const auto& file) { return file.first.starts_with(path(forged)); });
    for (const auto& [file, content] : std::map(estate.store.files))
        if (file.starts_with(path(monday)))
            estate.store.files[path(forged) + file.substr(path(monday).size())] = content;
    table.row("Monday's run, under a later name",
              "replayed",
              estate.found(),
              0,
              "the manifest of run " + forged + " belongs elsewhere");
    CHECK(choose(estate.writer.catalog(), "databases").run->run == wednesday);
}

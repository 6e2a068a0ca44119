#pragma once

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/agent/unpack.hpp>
#include <kavi/ops/backup/verify_listing.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/zstd.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <unit/ops/backup/backups.hpp>

// What the damage tables are made with: every kind of damage to every part of a backup, and how it is found.
// Level 0 is the listing against the manifests, 1 the checksums of what is stored, 2 opens and decompresses.
// The artefacts, manifests and signatures are real ones.
namespace kavi::test::damage {

using namespace kavi::ops;

inline const std::string monday = "20261123T060000Z-0001", tuesday = "20261124T060000Z-0002",
                         wednesday = "20261125T060000Z-0003";

inline std::string path(const std::string& file) {
    return "kavi/bruno/" + file;
}

inline std::string file_of(const std::string& run, const std::string& part) {
    return run + "/databases." + part + ".tar.zst.age";
}

inline std::string compressed(std::string_view plain) {
    std::string bytes;
    seal::ZstdWriter zstd(seal::append_to(bytes));
    zstd.write(plain);
    zstd.finish();
    return bytes;
}

/// Does the same each time, and doesn't compress: several chunks of age.
inline std::string dump_of(const std::string& name) {
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
inline std::vector<Region> regions_of(const std::string& age) {
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
inline std::vector<std::size_t> bytes_of(const Region& region) {
    return {region.from, region.from + (region.to - region.from) / 2, region.to - 1};
}

inline std::string flipped(std::string bytes, std::size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    return bytes;
}

}  // namespace kavi::test::damage

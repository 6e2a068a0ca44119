#include <unit/ops/backup/damage.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace kavi::test::damage;
using kavi::test::error_of;

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

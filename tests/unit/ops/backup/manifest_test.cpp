#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/manifest.hpp>
#include <kavi/seal/sshsig.hpp>

#include <cstdlib>
#include <functional>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <unit/ops/backup/manifests.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::error_of;
using kavi::test::example_manifest;

namespace {

const auto bruno = seal::generate_ssh_key("bruno backups");

std::string signature_of(std::string_view bytes, const seal::SshPrivateKey& key = bruno) {
    return seal::sign_sshsig(key, backup_namespace, bytes);
}

/// What read_manifest says once `change` was done to a good manifest.
std::string refusal_after(const std::function<void(Json&)>& change) {
    auto json = Json::parse(write_manifest(example_manifest()));
    change(json);
    const auto error = error_of([&] { read_manifest(json.dump(), "the manifest of run 4f2a"); });
    CHECK(error.code() == errors::integrity);
    CHECK(error.message() == "the manifest of run 4f2a isn't a usable manifest");
    return test::causes(error);
}

}  // namespace

TEST_CASE("a manifest comes back as it was written") {
    const auto manifest = example_manifest();
    const auto bytes = write_manifest(manifest);
    CHECK(read_manifest(bytes, "it") == manifest);
    CHECK(write_manifest(read_manifest(bytes, "it")) == bytes);
    CHECK(bytes.ends_with("}\n"));
    CHECK(std::count(bytes.begin(), bytes.end(), '\n') == 1);

    const Manifest empty{.estate = "kavi",
                         .server = "eva",
                         .run = "20261125T060000Z-0000",
                         .started = "2026-11-25T06:00:00Z",
                         .finished = "2026-11-25T06:00:00Z"};
    CHECK(read_manifest(write_manifest(empty), "it") == empty);
}

TEST_CASE("equal manifests have equal bytes and digests") {
    const auto bytes = write_manifest(example_manifest());
    CHECK(manifest_digest(bytes) == sha256_tag(bytes));
    auto other = example_manifest();
    other.artefacts[0].details = Json::parse(R"({"rows": {"public.users": 3}, "server_version": "15.14"})");
    CHECK(write_manifest(other) == bytes);
}

TEST_CASE("a manifest without one of its members is refused by the member's name") {
    const auto whole = Json::parse(write_manifest(example_manifest()));
    for (const auto& [key, value] : whole.items()) {
        CAPTURE(key);
        CHECK(refusal_after([&](Json& json) { json.erase(key); }) == key + " is missing");
        CHECK(refusal_after([&](Json& json) { json[key] = nullptr; }).starts_with(key + " is"));
    }
    for (const auto& [key, value] : whole["artefacts"][0].items()) {
        CAPTURE(key);
        CHECK(refusal_after([&](Json& json) { json["artefacts"][0].erase(key); }) ==
              "artefacts[0]." + key + " is missing");
        CHECK(refusal_after([&](Json& json) {
                  json["artefacts"][0][key] = true;
              }).starts_with("artefacts[0]." + key + " is"));
    }
    for (const auto* key : {"item", "part", "message"})
        CHECK(refusal_after([&](Json& json) { json["failures"][0].erase(key); }) ==
              std::string("failures[0].") + key + " is missing");
}

TEST_CASE("what a manifest says must make sense") {
    const auto file = [](std::string text) {
        return [text = std::move(text)](Json& json) { json["artefacts"][0]["file"] = text; };
    };
    const auto outside = [](const std::string& text) {
        return "the file '" + text + "' lies outside the run's folder and images/";
    };
    for (const std::string text : {"",
                                   "x",
                                   "/etc/passwd",
                                   "../x/y",
                                   "20261125T060000Z-4f2a/../x",
                                   "20261125T060000Z-4f2a/.part-1",
                                   "20261125T060000Z-4f2a/",
                                   "20261125T060000Z-4f2a/a/b",
                                   "20261124T060000Z-4f2a/databases",
                                   "images/..",
                                   "images/a b"}) {
        CAPTURE(text);
        CHECK(refusal_after(file(text)) == outside(text));
    }

    struct Case {
        std::string says;
        std::function<void(Json&)> change;
    };

    const Case cases[] = {
        {"kavi.manifest is no whole number", [](Json& json) { json["kavi.manifest"] = "1"; }},
        {"its version is 2, and this kavi knows 1", [](Json& json) { json["kavi.manifest"] = 2; }},
        {"estate is empty", [](Json& json) { json["estate"] = ""; }},
        {"run isn't a run's name: '20261125T060000Z'", [](Json& json) { json["run"] = "20261125T060000Z"; }},
        {"run isn't a run's name: '20261325T060000Z-4f2a'",
         [](Json& json) { json["run"] = "20261325T060000Z-4f2a"; }},
        {"sequence is no whole number", [](Json& json) { json["sequence"] = -1; }},
        {"sequence is no whole number", [](Json& json) { json["sequence"] = 1.5; }},
        {"sequence is too large", [](Json& json) { json["sequence"] = std::uint64_t{1} << 60; }},
        {"previous isn't a digest: 'sha256:00'", [](Json& json) { json["previous"] = "sha256:00"; }},
        {"finished isn't a time: '2026-02-30T06:00:00Z'",
         [](Json& json) { json["finished"] = "2026-02-30T06:00:00Z"; }},
        {"artefacts[0] is no object", [](Json& json) { json["artefacts"][0] = 1; }},
        {"artefacts[1].sha256 isn't a SHA-256 in hex: 'AA'",
         [](Json& json) { json["artefacts"][1]["sha256"] = "AA"; }},
        {"artefacts[0].bytes is no whole number", [](Json& json) { json["artefacts"][0]["bytes"] = -5; }},
        {"the file 'images/0123456789abcdef.tar.zst.age' stands in it twice",
         [](Json& json) { json["artefacts"][0] = json["artefacts"][1]; }},
        {"a warning is no text", [](Json& json) { json["warnings"][0] = 1; }},
        {"it is no JSON object", [](Json& json) { json = Json::array(); }},
    };
    for (const auto& example : cases) CHECK(refusal_after(example.change) == example.says);
    CHECK(test::causes(error_of([] { read_manifest("{", "it"); })) == "it isn't valid JSON");
    CHECK(test::causes(error_of([] { read_manifest(std::string(100, '['), "it"); })) ==
          "it is nested too deeply");
}

TEST_CASE("a manifest counts when a known server signed these bytes") {
    const auto bytes = write_manifest(example_manifest());
    CHECK(open_manifest(bytes, signature_of(bytes), {bruno.public_key}, "run 4f2a") == example_manifest());

    const auto eva = seal::generate_ssh_key("eva");
    CHECK(open_manifest(bytes, signature_of(bytes), {eva.public_key, bruno.public_key}, "run 4f2a").server ==
          "bruno");

    const auto forged =
        error_of([&] { open_manifest(bytes, signature_of(bytes, eva), {bruno.public_key}, "run 4f2a"); });
    CHECK(forged.code() == errors::backup_untrusted);
    CHECK(forged.code().exit == Exit::integrity);
    CHECK(forged.message() == "run 4f2a isn't signed by a known server");
    CHECK(test::causes(forged) ==
          "the key " + eva.public_key.fingerprint() +
              " made the signature | only this may sign: " + bruno.public_key.fingerprint());

    CHECK(test::causes(error_of([&] { open_manifest(bytes, signature_of(bytes), {}, "run 4f2a"); })) ==
          "the key " + bruno.public_key.fingerprint() +
              " made the signature | no key is known that may sign for this server");
}

TEST_CASE("a signature of other bytes, or for another purpose, is none") {
    const auto bytes = write_manifest(example_manifest());
    auto changed = bytes;
    changed[changed.find("1234")] = '2';
    const std::string for_sealing = seal::sign_sshsig(bruno, "kavi.sealed@kua.cl", bytes);
    for (const auto& [text, signature] : {std::pair{changed, signature_of(bytes)},
                                          std::pair{bytes, for_sealing},
                                          std::pair{bytes, std::string()}}) {
        const auto error = error_of([&] { open_manifest(text, signature, {bruno.public_key}, "run 4f2a"); });
        CHECK(error.code() == errors::integrity);
        CHECK(error.message() == "the signature of run 4f2a doesn't fit it");
    }
}

TEST_CASE("ssh-keygen checks a manifest's signature") {
    if (std::system("command -v ssh-keygen >/dev/null") != 0) {
        WARN("SKIPPED: no ssh-keygen");
        return;
    }
    const TemporaryFolder folder;
    const auto bytes = write_manifest(example_manifest());
    const auto at = folder.path().string();
    write_file_atomic(at + "/manifest.json", bytes, 0600);
    write_file_atomic(at + "/manifest.json.sig", signature_of(bytes), 0600);
    write_file_atomic(at + "/signers", "bruno " + bruno.public_key.line() + "\n", 0600);
    const auto check = "ssh-keygen -Y verify -f " + at + "/signers -I bruno -n kavi.backup@kua.cl -s " + at +
                       "/manifest.json.sig < " + at + "/manifest.json >/dev/null 2>&1";
    CHECK(std::system(check.c_str()) == 0);
    write_file_atomic(at + "/manifest.json", bytes + " ", 0600);
    CHECK(std::system(check.c_str()) != 0);
}

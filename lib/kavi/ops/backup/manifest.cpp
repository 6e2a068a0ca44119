#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/manifest.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/seal/sshsig.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace kavi::ops {

namespace {

constexpr std::string_view version_key = "kavi.manifest";
constexpr int manifest_version = 1;

Json failure_json(const ItemFailure& failure) {
    return {{"item", failure.item}, {"part", failure.part}, {"message", failure.message}};
}

bool is_hex_digest(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_digest_tag(std::string_view text) {
    constexpr std::string_view prefix = "sha256:";
    return text.starts_with(prefix) && is_hex_digest(text.substr(prefix.size()));
}

bool is_file_name(std::string_view name) {
    return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-';
    });
}

/// In the run's own folder, or among the images that runs share; nowhere else.
bool stays_in_place(std::string_view file, std::string_view run) {
    const auto slash = file.find('/');
    if (slash == std::string_view::npos) return false;
    const auto folder = file.substr(0, slash);
    return (folder == run || folder == "images") && is_file_name(file.substr(slash + 1));
}

/// Takes members out of one object of the manifest and says what is wrong with them.
class Members {
  public:
    Members(const Json& object, std::string_view source, std::string where)
        : object_(object), source_(source), where_(std::move(where)) {
        if (!object.is_object()) refuse(where_.empty() ? "it is no JSON object" : where_ + " is no object");
    }

    std::string text(const char* key) const {
        const auto& member = object_.contains(key) ? object_[key] : missing(key);
        if (!member.is_string()) refuse(fmt::format("{} is no text", path(key)));
        return member.get<std::string>();
    }

    std::string name(const char* key) const {
        auto value = text(key);
        if (value.empty()) refuse(fmt::format("{} is empty", path(key)));
        return value;
    }

    std::uint64_t number(const char* key) const {
        const auto& member = object_.contains(key) ? object_[key] : missing(key);
        if (!member.is_number_unsigned()) refuse(fmt::format("{} is no whole number", path(key)));
        return member.get<std::uint64_t>();
    }

    std::int64_t small_number(const char* key) const {
        const auto value = number(key);
        if (value > std::uint64_t{1} << 53) refuse(fmt::format("{} is too large", path(key)));
        return static_cast<std::int64_t>(value);
    }

    const Json& list(const char* key) const {
        const auto& member = object_.contains(key) ? object_[key] : missing(key);
        if (!member.is_array()) refuse(fmt::format("{} is no list", path(key)));
        return member;
    }

    const Json& table(const char* key) const {
        const auto& member = object_.contains(key) ? object_[key] : missing(key);
        if (!member.is_object()) refuse(fmt::format("{} is no object", path(key)));
        return member;
    }

    std::string checked(const char* key, bool (*fits)(std::string_view), std::string_view wanted) const {
        auto value = text(key);
        if (!fits(value)) refuse(fmt::format("{} isn't {}: '{}'", path(key), wanted, printable(value)));
        return value;
    }

    Members inside(const char* key, std::size_t index) const {
        return {list(key)[index], source_, fmt::format("{}[{}]", key, index)};
    }

    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(errors::integrity, fmt::format("{} isn't a usable manifest", source_)).because(why);
    }

  private:
    std::string path(const char* key) const { return where_.empty() ? key : where_ + "." + key; }

    [[noreturn]] const Json& missing(const char* key) const {
        refuse(fmt::format("{} is missing", path(key)));
    }

    const Json& object_;
    std::string_view source_;
    std::string where_;
};

bool is_time(std::string_view text) {
    return parse_iso8601(text).has_value();
}

bool is_run(std::string_view text) {
    return run_time(text).has_value();
}

bool is_previous(std::string_view text) {
    return text.empty() || is_digest_tag(text);
}

Artefact read_artefact(const Members& members, std::string_view run) {
    Artefact artefact{.item = members.name("item"),
                      .kind = members.name("kind"),
                      .part = members.text("part"),
                      .file = members.text("file"),
                      .bytes = members.number("bytes"),
                      .sha256 = members.checked("sha256", is_hex_digest, "a SHA-256 in hex"),
                      .plain_bytes = members.number("plain_bytes"),
                      .plain_sha256 = members.checked("plain_sha256", is_hex_digest, "a SHA-256 in hex"),
                      .details = members.table("details")};
    if (!stays_in_place(artefact.file, run))
        members.refuse(
            fmt::format("the file '{}' lies outside the run's folder and images/", printable(artefact.file)));
    return artefact;
}

void require_each_file_once(const Members& members, const std::vector<Artefact>& artefacts) {
    std::set<std::string_view> files;
    for (const auto& artefact : artefacts)
        if (!files.insert(artefact.file).second)
            members.refuse(fmt::format("the file '{}' stands in it twice", artefact.file));
}

void require_version(const Members& members) {
    const auto version = members.number(version_key.data());
    if (version != manifest_version)
        members.refuse(fmt::format("its version is {}, and this kavi knows {}", version, manifest_version));
}

Json parse(std::string_view bytes, std::string_view source) {
    try {
        return parse_json(bytes, "it");
    } catch (const Error& error) {
        throw Error(errors::integrity, fmt::format("{} isn't a usable manifest", source))
            .because(error.message());
    }
}

std::string known_keys(const ManifestSigners& signers) {
    if (signers.empty()) return "no key is known that may sign for this server";
    std::vector<std::string> fingerprints;
    for (const auto& signer : signers) fingerprints.push_back(signer.fingerprint());
    return "only this may sign: " + join(fingerprints, ", ");
}

}  // namespace

Json artefact_json(const Artefact& artefact) {
    return {{"item", artefact.item},
            {"kind", artefact.kind},
            {"part", artefact.part},
            {"file", artefact.file},
            {"bytes", artefact.bytes},
            {"sha256", artefact.sha256},
            {"plain_bytes", artefact.plain_bytes},
            {"plain_sha256", artefact.plain_sha256},
            {"details", artefact.details.is_null() ? Json::object() : artefact.details}};
}

std::string write_manifest(const Manifest& manifest) {
    Json json{{version_key.data(), manifest_version},
              {"estate", manifest.estate},
              {"server", manifest.server},
              {"run", manifest.run},
              {"sequence", manifest.sequence},
              {"previous", manifest.previous},
              {"started", manifest.started},
              {"finished", manifest.finished},
              {"kavi", manifest.kavi},
              {"sealed_sequence", manifest.sealed_sequence},
              {"encryption_key", manifest.encryption_key},
              {"artefacts", Json::array()},
              {"failures", Json::array()},
              {"warnings", manifest.warnings}};
    for (const auto& artefact : manifest.artefacts) json["artefacts"].push_back(artefact_json(artefact));
    for (const auto& failure : manifest.failures) json["failures"].push_back(failure_json(failure));
    return canonical_json(json) + "\n";
}

Manifest read_manifest(std::string_view bytes, std::string_view source) {
    const auto json = parse(bytes, source);
    const Members members(json, source, "");
    require_version(members);
    Manifest manifest{.estate = members.name("estate"),
                      .server = members.name("server"),
                      .run = members.checked("run", is_run, "a run's name"),
                      .sequence = members.small_number("sequence"),
                      .previous = members.checked("previous", is_previous, "a digest"),
                      .started = members.checked("started", is_time, "a time"),
                      .finished = members.checked("finished", is_time, "a time"),
                      .kavi = members.text("kavi"),
                      .sealed_sequence = members.small_number("sealed_sequence"),
                      .encryption_key = members.text("encryption_key")};
    for (std::size_t i = 0; i < members.list("artefacts").size(); ++i)
        manifest.artefacts.push_back(read_artefact(members.inside("artefacts", i), manifest.run));
    require_each_file_once(members, manifest.artefacts);
    for (std::size_t i = 0; i < members.list("failures").size(); ++i) {
        const auto failure = members.inside("failures", i);
        manifest.failures.push_back({failure.name("item"), failure.text("part"), failure.text("message")});
    }
    for (const auto& warning : members.list("warnings")) {
        if (!warning.is_string()) members.refuse("a warning is no text");
        manifest.warnings.push_back(warning.get<std::string>());
    }
    return manifest;
}

std::string manifest_digest(std::string_view bytes) {
    return sha256_tag(bytes);
}

std::string backup_folder(std::string_view estate, std::string_view server) {
    return fmt::format("{}/{}", estate, server);
}

Manifest open_manifest(std::string_view bytes,
                       std::string_view signature,
                       const ManifestSigners& signers,
                       std::string_view source) {
    const auto signer = seal::verify_sshsig(signature, backup_namespace, bytes);
    if (!signer)
        throw Error(errors::integrity, fmt::format("the signature of {} doesn't fit it", source))
            .because("the manifest or its signature was changed or damaged after it was written");
    if (std::ranges::find(signers, *signer) == signers.end())
        throw Error(errors::backup_untrusted, fmt::format("{} isn't signed by a known server", source))
            .because(fmt::format("the key {} made the signature", signer->fingerprint()))
            .because(known_keys(signers));
    return read_manifest(bytes, source);
}

}  // namespace kavi::ops

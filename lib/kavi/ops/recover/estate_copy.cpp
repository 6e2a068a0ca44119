#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/recover/estate_copy.hpp>
#include <kavi/ops/travelling_files.hpp>
#include <kavi/seal/zstd.hpp>
#include <kavi/secrets/sealed_bundle.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::ops {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_estate = std::uint64_t{64} << 20;
constexpr std::string_view item = "estate";

/// Below the estate's folder, sorted, each there and a plain file.
std::set<std::string> names_of(const model::Estate& estate, std::stop_token stop) {
    std::set<std::string> names;
    const fs::path folder = estate.folder;
    auto all = travelling_files(folder, std::move(stop));
    for (const auto& place : estate.secrets.sealed)
        if (place.local() && fs::path(place.path).is_relative()) all.push_back(place.path);
    std::uint64_t sum = 0;
    for (const auto& name : all) {
        std::error_code gone;
        if (!fs::is_regular_file(fs::symlink_status(folder / name, gone)) || !names.insert(name).second) continue;
        sum += fs::file_size(folder / name);
    }
    if (sum <= largest_estate) return names;
    Error error(errors::config_invalid, fmt::format("{} holds more than {} MiB", estate.folder, largest_estate >> 20));
    throw error.fix("keep data out of the estate's folder, or have git ignore it");
}

Finished tar(std::vector<std::string> words, std::string input, const fs::path& folder, std::stop_token stop) {
    words.insert(words.begin(), {"tar", "--directory", folder.string()});
    auto finished = run_command({.arguments = std::move(words), .input = std::move(input), .folder = {}}, std::move(stop));
    if (finished.status == 0) return finished;
    Error error(errors::file_unreadable, "tar failed");
    throw error.because(std::string(trim(finished.errors)));
}

/// Equal for the same people, whatever their order.
std::string recipients_digest(const model::Estate& estate) {
    std::string text;
    for (const auto& [name, person] : estate.operators) text += person.age.value_or("") + '\n';
    return sha256_tag(text);
}

std::string seal(const model::Estate& estate, std::string_view plain) {
    std::string sealed;
    const auto recipients = secrets::recipients_of(secrets::operators_of(estate));
    seal::AgeWriter age(recipients, seal::append_to(sealed));
    seal::ZstdWriter zstd([&](std::string_view bytes) { age.write(bytes); });
    zstd.write(plain);
    zstd.finish();
    age.finish();
    return sealed;
}

std::string unseal(std::string_view sealed, std::span<const seal::Identity> identities) {
    seal::AgeReader age(seal::read_from(sealed), identities);
    std::string packed, plain;
    while (const auto chunk = age.next()) packed += *chunk;
    seal::ZstdReader zstd(seal::read_from(packed));
    while (const auto bytes = zstd.next()) {
        plain += *bytes;
        if (plain.size() > 2 * largest_estate) throw Error(errors::integrity, "the copy of the estate is implausibly large");
    }
    return plain;
}

Artefact artefact_of(const EstateCopyRequest& request, std::string_view sealed) {
    return {.item = std::string(item),
            .kind = "estate",
            .part = {},
            .file = fmt::format("{}/estate.tar.zst.age", request.run),
            .bytes = sealed.size(),
            .sha256 = hex(sha256(sealed)),
            .plain_bytes = request.archive.tar.size(),
            .plain_sha256 = hex(sha256(request.archive.tar)),
            .details = {{"files", request.archive.files},
                        {"content", request.archive.content},
                        {"recipients", recipients_digest(request.estate)}}};
}

/// The artefact's bytes, as its manifest says they are.
std::string fetch(store::Store& store, const Catalog& catalog, const Artefact& artefact) {
    const auto path = artefact_path(catalog, artefact);
    auto bytes = store::read_small(store, path, largest_estate);
    if (bytes.size() != artefact.bytes || hex(sha256(bytes)) != artefact.sha256)
        throw Error(errors::integrity, fmt::format("{} isn't what its manifest says", path));
    return bytes;
}

}  // namespace

EstateArchive archive_estate(const model::Estate& estate, std::stop_token stop) {
    const auto names = names_of(estate, stop);
    std::string list;
    for (const auto& name : names) list += name + '\0';
    auto packed = tar({"--create", "--format=pax", "--pax-option=delete=atime,delete=ctime", "--null", "--verbatim-files-from",
                       "--no-recursion", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--files-from=-"},
                      std::move(list),
                      estate.folder,
                      std::move(stop));
    auto content = sha256_tag(packed.output);
    return {.tar = std::move(packed.output), .content = std::move(content), .files = static_cast<int>(names.size())};
}

bool estate_copy_is_current(const Catalog& catalog, const EstateCopyRequest& request) {
    if (catalog.runs.empty() || !catalog.runs.front().has_whole(item)) return false;
    const auto& artefacts = catalog.runs.front().manifest.artefacts;
    const auto stored = std::ranges::find(artefacts, item, &Artefact::item);
    return string_or(stored->details, "content") == request.archive.content &&
           string_or(stored->details, "recipients") == recipients_digest(request.estate);
}

void store_estate_copy(store::Store& store,
                       const Catalog& catalog,
                       const EstateCopyRequest& request,
                       secrets::Signer& signer,
                       std::stop_token stop) {
    const auto sealed = seal(request.estate, request.archive.tar);
    Manifest manifest{.estate = request.estate.name,
                      .server = std::string(estate_copy_server),
                      .run = request.run,
                      .started = request.now,
                      .finished = request.now,
                      .kavi = request.version,
                      .artefacts = {artefact_of(request, sealed)}};
    if (!catalog.runs.empty()) {
        manifest.sequence = catalog.runs.front().manifest.sequence + 1;
        manifest.previous = catalog.runs.front().digest;
    }
    const auto bytes = write_manifest(manifest);
    const auto signature = signer.sign(backup_namespace, bytes, std::move(stop));
    const auto folder = run_folder(request.estate.name, estate_copy_server, request.run);
    store::write_small(store, folder + "/estate.tar.zst.age", sealed);
    store::write_small(store, folder + "/manifest.json.sig", signature);
    store::write_small(store, folder + "/manifest.json", bytes);
}

ManifestSigners estate_copy_signers(const model::Estate& estate) {
    ManifestSigners signers;
    for (const auto& [name, person] : estate.operators)
        if (person.ssh)
            if (auto key = seal::parse_ssh_public_key(*person.ssh)) signers.push_back(std::move(*key));
    return signers;
}

FetchedEstate fetch_estate_copy(store::Store& store,
                                const Catalog& catalog,
                                std::span<const seal::Identity> identities,
                                const fs::path& folder,
                                std::stop_token stop) {
    if (catalog.runs.empty() && !catalog.refused.empty()) throw catalog.refused.front().why;
    const auto chosen = choose(catalog, item);
    const auto plain = unseal(fetch(store, catalog, chosen.artefacts.front()), identities);
    if (hex(sha256(plain)) != chosen.artefacts.front().plain_sha256)
        throw Error(errors::integrity, "the copy of the estate isn't what its manifest says");
    std::error_code why;
    if (!fs::create_directory(folder, why)) {
        Error error(errors::file_unwritable, fmt::format("{} can't be made", folder.string()));
        throw error.because(why ? why.message() : "it is there already").fix("name another folder, or move that one away");
    }
    fs::permissions(folder, fs::perms::owner_all);
    tar({"--extract", "--no-same-owner"}, plain, folder, std::move(stop));
    return {.run = chosen.run->run, .time = chosen.run->manifest.finished, .config_file = folder / "kavi.toml"};
}

}  // namespace kavi::ops

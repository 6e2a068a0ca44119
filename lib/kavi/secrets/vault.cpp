#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/crypto.hpp>
#include <kavi/secrets/secrets.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::secrets {

using model::NamedSecrets;
using model::SecretRef;

namespace {

bool sealed_ref(const SecretRef& ref) {
    return ref.source == SecretRef::Source::sealed;
}

std::vector<std::string> names_of(const NamedSecrets& secrets) {
    std::vector<std::string> names;
    for (const auto& [name, value] : secrets) names.push_back(name);
    return names;
}

std::string how_to_set(const SecretRef& ref) {
    if (sealed_ref(ref)) return fmt::format("kavi secrets set --sealed {}", ref.name);
    return fmt::format("kavi secrets set {}/{}", ref.folder == "/" ? "" : ref.folder, ref.name);
}

}  // namespace

std::string PurposeKey::fingerprint(std::string_view bytes) const {
    return hex(hmac_sha256(key.reveal(), bytes).substr(0, 16));
}

PurposeKey derive_purpose_key(const Secret& fingerprint_key, std::string_view purpose) {
    const auto info = fmt::format("kavi fingerprint v1 {}", purpose);
    const auto id = seal::hkdf_sha256(fingerprint_key.reveal(), {}, info + " id", 4);
    return {hex(id.reveal()), seal::hkdf_sha256(fingerprint_key.reveal(), {}, info)};
}

const Secret* SecretVault::find(const SecretRef& ref) const {
    const NamedSecrets* secrets = nullptr;
    if (sealed_ref(ref)) {
        if (parts_.sealed) secrets = &*parts_.sealed;
    } else if (const auto folder = parts_.folders.find(ref.folder); folder != parts_.folders.end()) {
        secrets = &folder->second;
    }
    if (!secrets) return nullptr;
    const auto found = secrets->find(ref.name);
    return found == secrets->end() ? nullptr : &found->second;
}

const Secret& SecretVault::get(const SecretRef& ref) const {
    if (const auto* secret = find(ref)) return *secret;
    throw missing_secret(ref);
}

const NamedSecrets& SecretVault::folder(std::string_view folder) const {
    const auto found = parts_.folders.find(std::string(folder));
    if (found == parts_.folders.end()) throw missing_folder(folder);
    return found->second;
}

std::vector<std::string> SecretVault::folders_below(std::string_view root) const {
    std::vector<std::string> names;
    const auto start = root == "/" ? std::string("/") : fmt::format("{}/", root);
    for (const auto& [name, secrets] : parts_.folders)
        if (name == root || name.starts_with(start)) names.push_back(name);
    return names;
}

std::string SecretVault::used_by(const SecretRef& ref) const {
    const auto use = std::ranges::find(parts_.uses, ref, &Use::ref);
    return use == parts_.uses.end() ? std::string()
                                    : fmt::format("{} of the estate file names it", use->where);
}

Error SecretVault::missing_folder(std::string_view folder) const {
    Error error(errors::secret_missing, fmt::format("{} has no folder {}", parts_.description, folder));
    const SecretRef ref{SecretRef::Source::secret, std::string(folder), {}};
    if (auto where = used_by(ref); !where.empty()) error.because(std::move(where));
    std::vector<std::string> names = parts_.folder_names;
    for (const auto& [name, secrets] : parts_.folders) names.push_back(name);
    if (const auto near = nearest(folder, names)) error.because(fmt::format("did you mean {}?", *near));
    return error.fix(fmt::format("make it by its first secret: kavi secrets set {}/NAME", folder));
}

Error SecretVault::missing_secret(const SecretRef& ref) const {
    if (sealed_ref(ref) && !parts_.sealed) {
        Error error(errors::sealed_unreadable,
                    fmt::format("{} lies in a sealed copy, and none could be opened", ref.text()));
        if (!parts_.why_not_sealed.empty()) error.because(parts_.why_not_sealed);
        return error.fix("set KAVI_IDENTITY to the file of an age identity that the copy was sealed for");
    }
    const NamedSecrets* secrets = nullptr;
    if (sealed_ref(ref)) {
        secrets = &*parts_.sealed;
    } else {
        const auto found = parts_.folders.find(ref.folder);
        if (found == parts_.folders.end()) return missing_folder(ref.folder);
        secrets = &found->second;
    }
    const auto where = sealed_ref(ref) ? std::string("the sealed copy")
                                       : fmt::format("{} in {}", ref.folder, parts_.description);
    Error error(errors::secret_missing, fmt::format("the secret {} isn't in {}", ref.name, where));
    if (auto use = used_by(ref); !use.empty()) error.because(std::move(use));
    if (const auto near = nearest(ref.name, names_of(*secrets)))
        error.because(fmt::format("did you mean {}?", *near));
    return error.fix(how_to_set(ref));
}

std::vector<Error> SecretVault::missing(std::span<const Use> uses) const {
    std::vector<Error> errors;
    std::vector<std::string> said;
    for (const auto& use : uses) {
        if (sealed_ref(use.ref) && !parts_.sealed) continue;
        const bool whole_folder = use.ref.name.empty();
        if (whole_folder ? parts_.folders.contains(use.ref.folder) : find(use.ref) != nullptr) continue;
        auto error = whole_folder ? missing_folder(use.ref.folder) : missing_secret(use.ref);
        if (std::ranges::find(said, error.message()) != said.end()) continue;
        said.push_back(error.message());
        errors.push_back(std::move(error));
    }
    return errors;
}

const Secret* SecretVault::fingerprint_key() const {
    if (const auto* key = find(sealed_fingerprint_key)) return key;
    return find(mirrored_fingerprint_key);
}

bool SecretVault::has_fingerprint_key() const {
    return fingerprint_key() != nullptr;
}

PurposeKey SecretVault::key(std::string_view purpose) const {
    if (const auto* key = fingerprint_key()) return derive_purpose_key(*key, purpose);
    Error error(errors::secret_missing, "the fingerprint key isn't there");
    error.because(fmt::format(
        "neither {} nor {} is",
        sealed_opened() ? "sealed:/KAVI_FINGERPRINT_KEY" : "a sealed copy that this identity opens",
        "secret:/kavi/FINGERPRINT_KEY"));
    throw error.fix("kavi secrets seal makes it, once");
}

}  // namespace kavi::secrets

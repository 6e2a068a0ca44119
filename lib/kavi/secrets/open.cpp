#include <kavi/base/error_codes.hpp>
#include <kavi/secrets/secrets.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::secrets {

using Provider = model::SecretsConfig::Provider;

Choice choose_source(const Situation& now) {
    if (now.provider == Provider::sealed || now.sealed_flag)
        return now.copy_readable ? Choice::sealed : Choice::unavailable;
    if (now.infisical_answers) return Choice::infisical;
    if (now.ci || !now.copy_readable) return Choice::unavailable;
    if (now.would_change && !now.recovering) return Choice::refuse;
    return Choice::sealed;
}

namespace {

Situation situation_of(const OpenRequest& request) {
    return {.provider = request.estate.secrets.provider,
            .sealed_flag = request.sealed_flag,
            .ci = request.ci,
            .copy_readable = request.sealed.sealed.has_value(),
            .recovering = request.recovering};
}

std::vector<std::string> wanted_folders(const OpenRequest& request) {
    auto needed = folders_needed(request.uses);
    std::set<std::string> all(needed.begin(), needed.end());
    if (!request.fingerprint_key) all.erase(mirrored_fingerprint_key.folder);
    all.insert(request.folders.begin(), request.folders.end());
    return {all.begin(), all.end()};
}

SecretVault::Parts sealed_parts(const OpenRequest& request) {
    return {.description = request.sealed.description,
            .folders = request.sealed.folders,
            .folder_names = {},
            .sealed = request.sealed.sealed,
            .why_not_sealed = request.sealed.why_not,
            .uses = request.uses};
}

/// The nearest folder is worth a request only once one is missing; it mustn't fail the run by itself.
std::vector<std::string> names_if_missing(const OpenRequest& request,
                                          const FolderSecrets& folders,
                                          std::span<const std::string> wanted,
                                          std::stop_token stop) {
    const auto missing = [&](const std::string& folder) {
        return folder != mirrored_fingerprint_key.folder && !folders.contains(folder);
    };
    if (std::ranges::none_of(wanted, missing)) return {};
    try {
        return request.infisical->folder_names(std::move(stop));
    } catch (const Error&) {
        return {};
    }
}

SecretVault::Parts infisical_parts(const OpenRequest& request, std::stop_token stop) {
    if (!request.infisical) {
        Error error(errors::credentials_missing, "there are no credentials for Infisical");
        throw error.fix(
            "set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET (or "
            "INFISICAL_TOKEN); "
            "'--sealed' works from the sealed copy");
    }
    const auto wanted = wanted_folders(request);
    auto parts = sealed_parts(request);
    parts.folders = wanted.empty() ? FolderSecrets() : request.infisical->folders(wanted, stop);
    for (const auto& root : request.trees) parts.folders.merge(request.infisical->tree(root, stop));
    parts.description = request.infisical->description();
    parts.folder_names = names_if_missing(request, parts.folders, wanted, std::move(stop));
    return parts;
}

Error no_copy(const OpenRequest& request) {
    Error error(errors::secrets_unavailable, "the sealed copy of the secrets can't be used");
    if (!request.sealed.why_not.empty()) error.because(request.sealed.why_not);
    return error.fix(
        request.estate.secrets.provider == Provider::sealed
            ? "kavi secrets seal makes one; KAVI_IDENTITY names the identity that opens it"
            : "KAVI_IDENTITY names the identity that opens it; without --sealed Infisical is asked");
}

Error nothing_usable(const OpenRequest& request, Error why_down) {
    if (request.ci)
        why_down.because("this is CI, where the sealed copy doesn't stand in by itself");
    else
        why_down.because(fmt::format("no sealed copy stands in: {}", request.sealed.why_not));
    return why_down.fix("kavi status says what is down; try again when Infisical answers");
}

void warn_of_two_keys(OpenedSecrets& opened) {
    const auto* sealed = opened.vault.find(sealed_fingerprint_key);
    const auto* mirrored = opened.vault.find(mirrored_fingerprint_key);
    if (!sealed || !mirrored || *sealed == *mirrored) return;
    opened.warnings.push_back(
        "the fingerprint key in Infisical (/kavi/FINGERPRINT_KEY) isn't the sealed one: CI and operators "
        "compute different "
        "fingerprints; 'kavi secrets seal' mends it");
}

OpenedSecrets open_sealed(const OpenRequest& request, Situation situation) {
    if (choose_source(situation) != Choice::sealed) throw no_copy(request);
    return {
        SecretVault(sealed_parts(request)), Choice::sealed, request.sealed.warnings, situation, std::nullopt};
}

OpenedSecrets stand_in(const OpenRequest& request, Situation situation, const Error& why_down) {
    situation.infisical_answers = false;
    if (choose_source(situation) != Choice::sealed) throw nothing_usable(request, why_down);
    OpenedSecrets opened{
        SecretVault(sealed_parts(request)), Choice::sealed, request.sealed.warnings, situation, why_down};
    opened.warnings.push_back(
        fmt::format("Infisical doesn't answer: {} stands in", request.sealed.description));
    return opened;
}

}  // namespace

void OpenedSecrets::allow_change() const {
    auto changing = situation;
    changing.would_change = true;
    if (choose_source(changing) != Choice::refuse) return;
    Error error(errors::sealed_needed,
                "something would change, and Infisical can't be asked for the present secrets");
    if (why_down) error.because(why_down->message());
    error.because(fmt::format("{} may be older than what Infisical holds", vault.description()));
    throw error.fix("bring Infisical back first, or say --sealed to go on with the sealed copy");
}

OpenedSecrets open_secrets(const OpenRequest& request, std::stop_token stop) {
    const auto situation = situation_of(request);
    if (situation.provider == Provider::sealed || situation.sealed_flag)
        return open_sealed(request, situation);
    try {
        OpenedSecrets opened{SecretVault(infisical_parts(request, std::move(stop))),
                             Choice::infisical,
                             request.sealed.warnings,
                             situation,
                             std::nullopt};
        warn_of_two_keys(opened);
        return opened;
    } catch (const Error& error) {
        if (error.code() != errors::secrets_unavailable) throw;
        return stand_in(request, situation, error);
    }
}

}  // namespace kavi::secrets

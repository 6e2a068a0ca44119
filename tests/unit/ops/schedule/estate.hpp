#pragma once

#include <kavi/model/estate_file.hpp>
#include <kavi/secrets/secrets.hpp>

#include <filesystem>

/// The seed's estate, and secrets that fit it.
namespace schedule_test {

inline kavi::model::LoadedEstate seed() {
    return kavi::model::load_estate(std::filesystem::path(KAVI_SOURCE_DIR) / "config/kavi.toml");
}

/// `opened` as in CI: the sealed copy couldn't be.
inline kavi::secrets::SecretVault vault(bool opened = true) {
    using kavi::Secret;
    kavi::secrets::SecretVault::Parts parts{.description = "a test", .folders = {}, .folder_names = {}, .sealed = {}, .why_not_sealed = "CI", .uses = {}};
    parts.folders["/infra"].emplace("NOTIFY_URL", Secret("https://hooks.example/T0/s3cret"));
    parts.folders["/kavi"].emplace("FINGERPRINT_KEY", Secret("0123456789abcdef0123456789abcdef"));
    if (opened)
        parts.sealed = kavi::model::NamedSecrets{{"INFISICAL_ENCRYPTION_KEY", Secret("6c1fe4e407b8911c104518103505b218")},
                                                 {"KAVI_FINGERPRINT_KEY", Secret("0123456789abcdef0123456789abcdef")}};
    return kavi::secrets::SecretVault(std::move(parts));
}

}  // namespace schedule_test

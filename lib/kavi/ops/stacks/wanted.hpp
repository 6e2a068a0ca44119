#pragma once

#include <kavi/host/host.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/stacks/files.hpp>
#include <kavi/secrets/secrets.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A stack as it should be on its server.
namespace kavi::ops {

/// One thing that a container is made of.
struct WantedInput {
    std::string name;  ///< for people: "secret /services/production/SMTP_PASSWORD", "file ./redis.sh"
    std::optional<std::string> digest;  ///< keyed; nullopt: a secret that can't be opened here (in CI)
};

struct WantedService {
    std::string name;
    std::string image;
    std::map<std::string, WantedInput> inputs;  ///< by FingerprintInput::digest_key()
    std::size_t level = 0;                      ///< services of one level start together
    std::set<std::string> depends_on;           ///< that must be up before; another's failure stops nothing
    std::chrono::seconds timeout{120};          ///< until it must be healthy
    model::OnFailure on_failure = model::OnFailure::restore;
    bool one_shot = false;  ///< runs to its end and stays ended
};

struct WantedFile {
    std::string path;  ///< relative to its folder
    unsigned mode = 0644;
    std::variant<std::string, Secret> bytes;
};

struct WantedStack {
    std::string name, server, project;
    std::string directory;                   ///< on the server
    std::string secrets_folder;              ///< there: $KAVI_SECRETS
    std::vector<std::string> compose_files;  ///< relative to the directory
    std::vector<WantedFile> files;           ///< compose files, what travels with them, .env
    std::vector<WantedFile> secrets;         ///< below secrets_folder
    bool all_secrets = true;                 ///< false: some can't be opened here, and stay as they are there
    std::vector<WantedService> services;     ///< by level, then name; none of a profile
    std::set<std::string> in_profiles;       ///< neither started nor removed
    std::string key_id;
    std::vector<std::string> notes;
};

/// The values of a stack's secrets.
struct StackSecrets {
    model::NamedSecrets env;  ///< of the folder that becomes .env
    model::NamedSecrets
        files;  ///< of [stacks.NAME.secrets] by file name; those that can't be opened aren't in it
};

/// Throws errors::secret_missing. A "sealed:" secret that this run can't open is left out.
StackSecrets stack_secrets(const secrets::SecretVault& vault, const model::Stack& stack);

struct WantedRequest {
    const model::LoadedEstate& loaded;
    const std::string& stack;
    const StackFiles& files;
    const StackSecrets& secrets;
    const secrets::PurposeKey& key;  ///< of purpose "stack"
};

/// Pure. Throws errors::secret_missing for a variable that the compose files require, and
/// errors::secret_unfit for a secret that a .env can't carry.
std::shared_ptr<const WantedStack> wanted_stack(const WantedRequest& request);

/// "/var/lib/kavi/secrets/production": root's alone (0700). The files in it are readable by everybody (0444),
/// since Compose binds each into its container, where whatever user the service has must read it.
std::string stack_secrets_folder(const model::Stack& stack);

}  // namespace kavi::ops

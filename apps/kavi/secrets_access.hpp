#pragma once

#include "place_sessions.hpp"
#include "session.hpp"

#include <kavi/model/estate_file.hpp>
#include <kavi/net/transport.hpp>
#include <kavi/secrets/infisical_source.hpp>
#include <kavi/secrets/sealed_store.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kavi::app {

/// The identities that may open what is sealed: of KAVI_IDENTITY (a file's path, or the identity itself; also _FILE and
/// _COMMAND), of the file "identity" in kavi's config folder, and of the SSH key that KAVI_SSH_KEY names.
std::vector<seal::Identity> load_identities(const Session& session);

/// The public halves of the keys that this person logs in with: KAVI_SSH_KEY's, else those that the agent holds.
std::vector<seal::SshPublicKey> own_ssh_keys(const Session& session);

/// The way to the estate's secrets by what the environment gives: credentials for Infisical, an identity for
/// sealed copies, a key to sign them with. Nothing is asked before it is needed; a login is revoked when this
/// goes.
class SecretsAccess {
  public:
    struct Options {
        bool recovering =
            false;  ///< `kavi recover`: a dead Infisical forbids no change, and all places are asked
        Network* network = nullptr;  ///< for places on servers and storages; null: local places only
        bool lenient = false;        ///< references that lead nowhere are no error
        /// Of --confirm: "SHA256:…" is a key whose signature on a sealed copy is believed.
        std::vector<std::string> confirmed = {};
    };

    SecretsAccess(Session& session, const model::LoadedEstate& loaded, net::Transport& http);
    SecretsAccess(Session& session, const model::LoadedEstate& loaded, net::Transport& http, Options options);
    SecretsAccess(const SecretsAccess&) = delete;
    SecretsAccess& operator=(const SecretsAccess&) = delete;
    ~SecretsAccess();

    /// Every secret that the estate file names, read on the first call. Throws what secrets::open_secrets
    /// throws.
    secrets::OpenedSecrets& opened();

    /// The number of the sealed copy that opened() has read; 0: none could be opened.
    std::int64_t sealed_sequence();

    /// By server, the keys that it says may have signed backups; empty where none could be opened.
    const std::map<std::string, std::vector<std::string>>& backup_signers();

    /// Null: the estate has no Infisical, or no credentials for it are set.
    secrets::InfisicalSource* source();

    /// The client behind source(). Throws errors::credentials_missing where there are none.
    api::Infisical& infisical();

    /// The environment's slug in Infisical.
    const std::string& environment() const { return loaded_.estate.secrets.environment; }

    secrets::SealedPlaces& places();

    /// load_identities(), once.
    const std::vector<seal::Identity>& identities();

    secrets::SealedCopies read_copies(bool all_places);

    /// With KAVI_SSH_KEY's file, else with the first operator's key that the agent holds. Throws
    /// errors::credentials_missing where there is neither.
    std::unique_ptr<secrets::Signer> signer();

  private:
    std::optional<api::InfisicalCredentials> credentials() const;
    std::string base_url() const;
    std::optional<Secret> kept_secret(const model::SecretRef& ref);

    Session& session_;
    const model::LoadedEstate& loaded_;
    net::Transport& http_;
    Options options_;
    secrets::LocalPlaces local_;
    std::optional<EstatePlaceSessions> sessions_;
    std::optional<ops::EstatePlaces> places_;
    std::optional<std::vector<seal::Identity>> identities_;
    std::optional<api::Infisical> infisical_;
    std::optional<secrets::InfisicalSource> source_;
    std::optional<secrets::OpenedSecrets> opened_;
    std::int64_t sealed_sequence_ = 0;
    std::map<std::string, std::vector<std::string>> backup_signers_;
};

}  // namespace kavi::app

#include "secrets_access.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <sys/stat.h>

namespace kavi::app {

namespace {

using Provider = model::SecretsConfig::Provider;

std::filesystem::path expanded(const Environment& environment, std::string_view path) {
    if (!path.starts_with("~/")) return path;
    return std::filesystem::path(environment.find("HOME").value_or("")) / path.substr(2);
}

/// A file with a secret in it that others can read is refused.
Secret private_file(const std::filesystem::path& path) {
    struct stat facts {};

    if (::stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0)
        throw Error(errors::credentials_refused, fmt::format("{} can be read by others", path.string()))
            .fix(fmt::format("chmod 600 {}", path.string()));
    auto bytes = read_file(path);
    return Secret::take(bytes);
}

bool is_identity_text(std::string_view text) {
    const auto start = trim(text);
    return start.starts_with("AGE-SECRET-KEY-") || start.starts_with("#") || start.starts_with("-----BEGIN");
}

void add(std::vector<seal::Identity>& all, std::vector<seal::Identity> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// An SSH key that can't serve as an identity (a passphrase, another type) is no failure: it is for logging
/// in.
void add_ssh_key(std::vector<seal::Identity>& all, const std::filesystem::path& path) {
    try {
        add(all, seal::parse_identities(private_file(path).reveal(), path.string()));
    } catch (const Error& error) {
        if (error.code() != errors::sealed_unreadable && error.code() != errors::file_unreadable) throw;
    }
}

Error no_signer(std::string_view why) {
    Error error(errors::credentials_missing, "there is no key to sign the sealed copy with");
    error.because(std::string(why));
    return error.fix(
        "set KAVI_SSH_KEY to the file of your ssh-ed25519 key, or add it to the agent with ssh-add");
}

}  // namespace

std::vector<seal::Identity> load_identities(const Session& session) {
    std::vector<seal::Identity> all;
    const auto& environment = session.environment;
    if (const auto given = environment.credential("KAVI_IDENTITY", session.stop)) {
        if (is_identity_text(given->reveal())) {
            add(all, seal::parse_identities(given->reveal(), "KAVI_IDENTITY"));
        } else {
            const auto path = expanded(environment, given->reveal());
            add(all, seal::parse_identities(private_file(path).reveal(), path.string()));
        }
    } else if (environment.find("HOME") || environment.find("XDG_CONFIG_HOME")) {
        const auto path = std::filesystem::path(environment.config_folder()) / "identity";
        if (std::filesystem::exists(path))
            add(all, seal::parse_identities(private_file(path).reveal(), path.string()));
    }
    if (const auto path = environment.find("KAVI_SSH_KEY")) add_ssh_key(all, expanded(environment, *path));
    return all;
}

std::vector<seal::SshPublicKey> own_ssh_keys(const Session& session) {
    if (const auto path = session.environment.find("KAVI_SSH_KEY")) {
        const auto file = expanded(session.environment, *path);
        return {seal::read_ssh_private_key(private_file(file).reveal(), file.string()).public_key};
    }
    const auto socket = session.environment.find("SSH_AUTH_SOCK");
    return socket ? secrets::keys_of_agent(*socket, session.stop) : std::vector<seal::SshPublicKey>();
}

SecretsAccess::SecretsAccess(Session& session, const model::LoadedEstate& loaded, net::Transport& http)
    : SecretsAccess(session, loaded, http, Options()) {}

SecretsAccess::SecretsAccess(Session& session,
                             const model::LoadedEstate& loaded,
                             net::Transport& http,
                             Options options)
    : session_(session),
      loaded_(loaded),
      http_(http),
      options_(std::move(options)),
      local_(loaded.estate.folder) {}

SecretsAccess::~SecretsAccess() {
    if (infisical_) infisical_->log_out({});
}

std::optional<api::InfisicalCredentials> SecretsAccess::credentials() const {
    const auto& environment = session_.environment;
    for (const auto* variable : {"INFISICAL_UNIVERSAL_AUTH_ACCESS_TOKEN", "INFISICAL_TOKEN"})
        if (auto token = environment.credential(variable, session_.stop))
            return api::InfisicalToken{std::move(*token)};
    const auto id = environment.credential("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", session_.stop);
    auto secret = environment.credential("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", session_.stop);
    if (id.has_value() != secret.has_value())
        throw Error(errors::credentials_missing,
                    fmt::format("INFISICAL_UNIVERSAL_AUTH_CLIENT_{} is set, but not …_CLIENT_{}",
                                id ? "ID" : "SECRET",
                                id ? "SECRET" : "ID"))
            .fix("set both: Infisical shows them at the machine identity's Universal Auth");
    if (!id) return std::nullopt;
    return api::InfisicalUniversalAuth{std::string(id->reveal()), std::move(*secret)};
}

std::string SecretsAccess::base_url() const {
    for (const auto* variable : {"INFISICAL_DOMAIN", "INFISICAL_API_URL"})
        if (auto url = session_.environment.find(variable)) return std::move(*url);
    if (loaded_.estate.secrets.url) return *loaded_.estate.secrets.url;
    throw Error(errors::config_invalid, "the estate file doesn't say where Infisical is")
        .fix("add its address to [secrets]: url = \"https://…\"");
}

secrets::InfisicalSource* SecretsAccess::source() {
    if (source_) return &*source_;
    if (loaded_.estate.secrets.provider != Provider::infisical) return nullptr;
    auto given = credentials();
    if (!given) return nullptr;
    infisical_.emplace(http_, base_url(), std::move(*given));
    source_.emplace(*infisical_,
                    secrets::InfisicalSource::Options{.project = loaded_.estate.secrets.project,
                                                      .environment = loaded_.estate.secrets.environment,
                                                      .strict = !options_.lenient});
    return &*source_;
}

api::Infisical& SecretsAccess::infisical() {
    if (source()) return *infisical_;
    const bool sealed = loaded_.estate.secrets.provider == Provider::sealed;
    throw Error(errors::credentials_missing,
                sealed ? "this estate has no Infisical: its secrets are sealed"
                       : "there are no credentials for Infisical")
        .fix(sealed ? "kavi secrets unseal lists what its copy holds"
                    : "set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET, or "
                      "INFISICAL_TOKEN");
}

secrets::SealedPlaces& SecretsAccess::places() {
    if (!options_.network) return local_;
    if (!places_) {
        sessions_.emplace(*options_.network,
                          [this](const model::SecretRef& ref) { return kept_secret(ref); });
        places_.emplace(loaded_.estate, *sessions_);
    }
    return *places_;
}

/// From the local sealed copy, without asking anybody: the way to a storage mustn't need that storage.
std::optional<Secret> SecretsAccess::kept_secret(const model::SecretRef& ref) {
    if (ref.source != model::SecretRef::Source::sealed) return std::nullopt;
    auto anchors = secrets::anchors_of(loaded_.estate);
    std::vector<model::Place> here;
    for (const auto& place : loaded_.estate.secrets.sealed)
        if (place.local()) here.push_back(place);
    const auto copies = secrets::read_sealed(
        {.places = here, .access = local_, .identities = identities(), .anchors = anchors}, session_.stop);
    if (!copies.best) return std::nullopt;
    const auto found = copies.best->bundle.sealed.find(ref.name);
    if (found == copies.best->bundle.sealed.end()) return std::nullopt;
    return found->second;
}

const std::vector<seal::Identity>& SecretsAccess::identities() {
    if (!identities_) identities_ = load_identities(session_);
    return *identities_;
}

secrets::SealedCopies SecretsAccess::read_copies(bool all_places) {
    auto anchors = secrets::anchors_of(loaded_.estate);
    const auto key =
        std::ranges::find_if(options_.confirmed, [](const auto& one) { return one.starts_with("SHA256:"); });
    if (key != options_.confirmed.end()) anchors.confirmed = *key;
    return secrets::read_sealed({.places = loaded_.estate.secrets.sealed,
                                 .access = places(),
                                 .identities = identities(),
                                 .anchors = anchors,
                                 .all_places = all_places},
                                session_.stop);
}

secrets::OpenedSecrets& SecretsAccess::opened() {
    if (opened_) return *opened_;
    const auto copies = read_copies(options_.recovering);
    const auto content = copies.content();
    if (copies.best) {
        sealed_sequence_ = copies.best->bundle.sequence;
        backup_signers_ = copies.best->bundle.backup_signers;
    }
    auto* infisical = session_.options.sealed ? nullptr : source();
    opened_ = secrets::open_secrets({.estate = loaded_.estate,
                                     .infisical = infisical,
                                     .sealed = content,
                                     .sealed_flag = session_.options.sealed,
                                     .ci = session_.output.voice().ci != CiKind::none,
                                     .recovering = options_.recovering,
                                     .uses = secrets::uses_of(loaded_.estate),
                                     .folders = {}},
                                    session_.stop);
    return *opened_;
}

std::int64_t SecretsAccess::sealed_sequence() {
    opened();
    return sealed_sequence_;
}

const std::map<std::string, std::vector<std::string>>& SecretsAccess::backup_signers() {
    opened();
    return backup_signers_;
}

std::unique_ptr<secrets::Signer> SecretsAccess::signer() {
    if (const auto path = session_.environment.find("KAVI_SSH_KEY")) {
        const auto file = expanded(session_.environment, *path);
        return std::make_unique<secrets::KeySigner>(
            seal::read_ssh_private_key(private_file(file).reveal(), file.string()));
    }
    const auto socket = session_.environment.find("SSH_AUTH_SOCK");
    if (!socket) throw no_signer("neither KAVI_SSH_KEY is set nor an SSH agent is running");
    const auto anchors = secrets::anchors_of(loaded_.estate);
    for (auto& key : secrets::keys_of_agent(*socket, session_.stop))
        if (std::ranges::find(anchors.keys, key) != anchors.keys.end())
            return std::make_unique<secrets::AgentSigner>(std::move(key), *socket);
    throw no_signer("the SSH agent holds no key of an operator in the estate file");
}

}  // namespace kavi::app

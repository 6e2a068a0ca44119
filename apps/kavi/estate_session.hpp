#pragma once

#include "change.hpp"
#include "estate_context.hpp"
#include "network.hpp"
#include "secrets_access.hpp"

#include <kavi/api/cloudflare.hpp>
#include <kavi/api/hetzner.hpp>
#include <kavi/host/host.hpp>
#include <kavi/ops/hosts.hpp>
#include <kavi/ops/run_facts.hpp>

#include <memory>
#include <optional>

namespace kavi::app {

/// The estate, and the ways to its systems: each made on first use, so that a command that needs no Cloudflare never
/// asks for its token.
class EstateSession {
  public:
    /// Loads the estate file (trusted, valid). `command` names the run ("kavi deploy").
    EstateSession(Session& session, std::string_view command, std::chrono::milliseconds lock_wait = {});
    /// For `kavi recover`: a dead Infisical forbids no change, and the sealed copies of all places are looked at.
    EstateSession(Session& session, std::string_view command, std::chrono::milliseconds lock_wait, std::vector<std::string> confirmed);

    const model::LoadedEstate& loaded() const noexcept { return context_.loaded; }

    const model::Estate& estate() const noexcept { return context_.loaded.estate; }

    const RunRecord& record() const noexcept { return record_; }

    Network& network() { return network_; }

    /// The way to the secrets, sealed copies and identities among them; nothing is opened yet.
    SecretsAccess& access();

    /// Opened on the first call: every secret that the estate file names.
    secrets::OpenedSecrets& secrets();

    api::HetznerCloud& hetzner();
    api::CloudflareClient& cloudflare();

    ops::RunFacts& facts() { return facts_; }

    ops::Hosts& hosts();

    /// The environment variable where it is set, else the secret that the estate file names. Throws
    /// errors::credentials_missing where there is neither.
    Secret token(std::string_view variable, const std::optional<model::SecretRef>& ref, std::string_view what);

  private:
    Session& session_;
    EstateContext context_;
    RunRecord record_;
    Network network_;
    std::optional<SecretsAccess> access_;
    bool recovering_ = false;
    std::vector<std::string> confirmed_;
    bool warned_ = false;
    std::unique_ptr<api::HetznerCloud> hetzner_;
    std::unique_ptr<api::CloudflareClient> cloudflare_;
    ops::RunFacts facts_;
    host::SshHostDialer dialer_;
    std::unique_ptr<ops::Hosts> hosts_;
};

}  // namespace kavi::app

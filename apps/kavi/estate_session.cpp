#include "estate_session.hpp"

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <utility>

namespace kavi::app {

EstateSession::EstateSession(Session& session, std::string_view command, std::chrono::milliseconds lock_wait)
    : session_(session),
      context_(load_estate_context(session)),
      record_(make_run_record(session, command)),
      network_(session),
      dialer_(network_.ssh(), {.run = record_.run, .who = record_.who, .command = record_.command, .lock_wait = lock_wait}) {}

EstateSession::EstateSession(Session& session,
                             std::string_view command,
                             std::chrono::milliseconds lock_wait,
                             std::vector<std::string> confirmed)
    : EstateSession(session, command, lock_wait) {
    recovering_ = true;
    confirmed_ = std::move(confirmed);
}

SecretsAccess& EstateSession::access() {
    if (!access_)
        access_.emplace(session_,
                        context_.loaded,
                        network_.http(),
                        SecretsAccess::Options{.recovering = recovering_,
                                               .network = recovering_ ? &network_ : nullptr,
                                               .confirmed = confirmed_});
    return *access_;
}

secrets::OpenedSecrets& EstateSession::secrets() {
    auto& opened = access().opened();
    if (!std::exchange(warned_, true))
        for (const auto& warning : opened.warnings) session_.output.warn(warning);
    return opened;
}

Secret EstateSession::token(std::string_view variable, const std::optional<model::SecretRef>& ref, std::string_view what) {
    if (auto value = session_.environment.credential(variable, session_.stop)) return std::move(*value);
    if (ref) return secrets().vault.get(*ref);
    Error error(errors::credentials_missing, fmt::format("there is no token for {}", what));
    throw error.fix(fmt::format("set {}, or name a secret in kavi.toml", variable));
}

api::HetznerCloud& EstateSession::hetzner() {
    if (!hetzner_) {
        api::HetznerAccess access{.token = token("HCLOUD_TOKEN", estate().hetzner_token, "Hetzner")};
        if (const auto url = session_.environment.find("HCLOUD_ENDPOINT")) access.base_url = *url;
        hetzner_ = std::make_unique<api::HetznerCloud>(network_.plain_http(), session_.clock, std::move(access));
    }
    return *hetzner_;
}

api::CloudflareClient& EstateSession::cloudflare() {
    if (!cloudflare_) {
        api::CloudflareClient::Options options{.token = token("CLOUDFLARE_API_TOKEN", estate().cloudflare_token, "Cloudflare")};
        if (const auto url = session_.environment.find("CLOUDFLARE_BASE_URL")) options.base_url = *url;
        cloudflare_ = std::make_unique<api::CloudflareClient>(network_.plain_http(), session_.clock, std::move(options));
    }
    return *cloudflare_;
}

ops::Hosts& EstateSession::hosts() {
    if (!hosts_) {
        ops::Login login{.key_path = network_.ssh_key_path(),
                         .agent_socket = network_.agent_socket(),
                         .secret = [this](const model::SecretRef& ref) { return secrets().vault.get(ref); }};
        hosts_ = std::make_unique<ops::Hosts>(estate(), facts_, dialer_, session_.clock, std::move(login));
    }
    return *hosts_;
}

}  // namespace kavi::app

#include "restore_access.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/host_request.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

void RestoreAccess::learn(const std::string& server) {
    const std::vector<std::string> names{server};
    if (ops::hetzner_servers(estate_.estate(), names).empty() || estate_.facts().find(server)) return;
    const auto seen = ops::observe_hetzner(estate_.estate(), names, estate_.hetzner(), session_.stop);
    const auto pin = estate_.secrets().vault.key("pin");
    for (const auto& [name, managed] : ops::managed_servers(estate_.estate(), names, seen, pin.key))
        estate_.facts().learn(name, ops::facts_of(managed));
    if (!estate_.facts().find(server))
        throw Error(errors::ssh_unreachable, fmt::format("{} isn't there", server))
            .fix("kavi recover " + server);
}

std::span<const seal::Identity> RestoreAccess::identities() {
    const auto& all = estate_.access().identities();
    if (!all.empty()) return all;
    throw Error(errors::credentials_missing, "no identity is here that could open a backup")
        .fix("set KAVI_IDENTITY to an age identity of one of the operators, or KAVI_SSH_KEY");
}

Json RestoreAccess::store_for(const std::string& store) {
    const auto written = ops::host_stores(estate_.estate());
    if (std::ranges::find(written, store) != written.end()) return ops::store_for(estate_.estate(), store);
    // A store of copies: no server has a key for it, so that what opens it goes with the request.
    const auto secret = [this](const model::SecretRef& ref) { return estate_.secrets().vault.get(ref); };
    return store::store_target_json(
        store_target(estate_.estate(), estate_.estate().storages.at(store), StoreUse::read, secret, {}));
}

ops::RestoreTools RestoreAccess::tools(run::Listener& listener) {
    return {.host_at = [this](const std::string& server, std::stop_token stop) -> host::Host& {
                learn(server);
                return estate_.hosts().at(server, stop);
            },
            .open_store = [this](const std::string& store) { return backups_.open_store(store); },
            .store_for = [this](const std::string&, const std::string& store) { return store_for(store); },
            .identities = [this] { return identities(); },
            .estate = estate_.estate().name,
            .run = estate_.record().run,
            .on_progress = [&listener](const plan::Action& action,
                                       std::string_view doing) { listener.progress(action, doing); }};
}

}  // namespace kavi::app

#include "backup_access.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/backup/host_request.hpp>
#include <kavi/ops/recover/estate_copy.hpp>
#include <kavi/ops/secrets/places.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

namespace {

using Kind = model::Storage::Kind;

constexpr std::string_view signing_key_file = "/var/lib/kavi/keys/backup_signing_ed25519.pub";

Error unfit_storage(const model::Storage& storage, std::string why) {
    return Error(errors::config_invalid, fmt::format("storage {} can't be opened for backups", storage.name))
        .because(std::move(why));
}

/// The purpose whose account is used: who may prune may also read.
std::string account_of(const model::Storage& storage, StoreUse use) {
    for (const auto* purpose : {"read", "prune"}) {
        if (use == StoreUse::prune && purpose == std::string_view("read")) continue;
        if (storage.users.contains(purpose)) return purpose;
    }
    throw unfit_storage(
        storage,
        use == StoreUse::prune ? "it has no users.prune" : "it has neither users.read nor users.prune")
        .fix(fmt::format("add the account to [storage.{}] in kavi.toml", storage.name));
}

void set_account(store::StoreTarget& target,
                 const model::Storage& storage,
                 StoreUse use,
                 const SecretLookup& secret,
                 const std::optional<std::string>& ssh_key_path) {
    const auto purpose = account_of(storage, use);
    target.kind = store::StoreKind::sftp;
    target.host = storage.host;
    target.port = storage.port;
    target.user = storage.users.at(purpose);
    target.host_key = storage.host_key.value_or("");
    if (const auto key = storage.keys.find(purpose); key != storage.keys.end())
        target.key = secret(key->second);
    else if (ssh_key_path)
        target.key_path = ssh_key_path;
    else
        throw unfit_storage(storage, fmt::format("it has no keys.{0}, and KAVI_SSH_KEY isn't set", purpose))
            .fix(fmt::format("name the secret with the key of {} in keys.{}", target.user, purpose));
}

void set_bucket(store::StoreTarget& target, const model::Storage& storage, const SecretLookup& secret) {
    if (storage.buckets.size() != 1)
        throw unfit_storage(storage, "backups need a bucket of their own")
            .fix("let \"buckets\" name that one alone");
    if (!storage.access_key || !storage.secret_key)
        throw unfit_storage(storage, "it has no access_key or no secret_key");
    target.kind = store::StoreKind::s3;
    target.endpoint = storage.endpoint;
    target.bucket = storage.buckets.front();
    target.access_key = std::string(secret(*storage.access_key).reveal());
    target.secret_key = secret(*storage.secret_key);
}

/// Addresses and host keys of a server that Hetzner has.
void learn_server(EstateSession& estate, const std::string& name, std::stop_token stop) {
    const std::vector<std::string> names{name};
    if (ops::hetzner_servers(estate.estate(), names).empty() || estate.facts().find(name)) return;
    const auto seen = ops::observe_hetzner(estate.estate(), names, estate.hetzner(), stop);
    const auto pin = estate.secrets().vault.key("pin");
    for (const auto& [server, managed] : ops::managed_servers(estate.estate(), names, seen, pin.key))
        estate.facts().learn(server, ops::facts_of(managed));
}

using BackupSigners = std::map<std::string, std::vector<std::string>>;

ops::ManifestSigners keys_of(const BackupSigners& all, const std::string& server) {
    ops::ManifestSigners keys;
    if (const auto lines = all.find(server); lines != all.end())
        for (const auto& line : lines->second)
            if (auto key = seal::parse_ssh_public_key(line)) keys.push_back(std::move(*key));
    return keys;
}

}  // namespace

store::StoreTarget store_target(const model::Estate& estate,
                                const model::Storage& storage,
                                StoreUse use,
                                const SecretLookup& secret,
                                const std::optional<std::string>& ssh_key_path) {
    store::StoreTarget target{.name = storage.name};
    switch (storage.kind) {
        case Kind::storage_box:
        case Kind::sftp:
            set_account(target, storage, use, secret, ssh_key_path);
            break;
        case Kind::s3:
            set_bucket(target, storage, secret);
            break;
        case Kind::local:
            target.kind = store::StoreKind::local;
            target.folder = (std::filesystem::path(estate.folder) / storage.path).lexically_normal().string();
            break;
    }
    return target;
}

std::string server_of_item(const model::LoadedEstate& loaded, const model::BackupItem& item) {
    if (item.kind == model::BackupItem::Kind::git) return {};
    if (item.source)
        return loaded.estate.servers.contains(item.source->owner) ? item.source->owner : std::string();
    const auto service = item.service ? model::find_service(loaded, *item.service) : std::nullopt;
    return service ? service->server : std::string();
}

const std::vector<std::string>& BackupAccess::stores() const {
    const auto& stores = estate_.estate().backup.stores;
    if (stores.empty())
        throw Error(errors::config_invalid, "the estate file says nothing of where backups go")
            .fix("add [backup] with stores = […]");
    return stores;
}

std::unique_ptr<store::Store> BackupAccess::open_store(const std::string& name, StoreUse use) {
    const auto& estate = estate_.estate();
    const auto found = estate.storages.find(name);
    if (found == estate.storages.end()) require_name("storage", name, stores());
    const auto secret = [this](const model::SecretRef& ref) { return estate_.secrets().vault.get(ref); };
    const auto target = store_target(estate, found->second, use, secret, estate_.network().ssh_key_path());
    return store::open_store(
        target,
        {.ssh = estate_.network().ssh(), .http = estate_.network().plain_http(), .clock = session_.clock},
        session_.stop);
}

store::Store& BackupAccess::store(const std::string& name, StoreUse use) {
    auto& open = open_[{name, use}];
    if (!open) open = open_store(name, use);
    return *open;
}

ops::ManifestSigners BackupAccess::sealed_signers(const std::string& server) {
    if (!sealed_) {
        const auto copies = estate_.access().read_copies(false);
        sealed_ = copies.best ? copies.best->bundle.backup_signers : BackupSigners();
    }
    return keys_of(*sealed_, server);
}

bool BackupAccess::learn_signers_everywhere(const std::string& server) {
    if (!everywhere_) {
        try {
            SecretsAccess wide(session_, estate_.loaded(), estate_.network().http(), {.network = &estate_.network()});
            const auto copies = wide.read_copies(true);
            everywhere_ = copies.best ? copies.best->bundle.backup_signers : BackupSigners();
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            everywhere_ = BackupSigners();
        }
    }
    auto& known = signers_[server];
    const auto before = known.size();
    for (auto& key : keys_of(*everywhere_, server))
        if (std::ranges::find(known, key) == known.end()) known.push_back(std::move(key));
    return known.size() > before;
}

ops::ManifestSigners BackupAccess::live_signers(const std::string& server) {
    learn_server(estate_, server, session_.stop);
    const auto session = estate_.network().ssh().connect(estate_.hosts().target(server), session_.stop);
    const auto line = ops::read_server_file(*session, signing_key_file, session_.stop);
    const auto key = line ? seal::parse_ssh_public_key(trim(*line)) : std::nullopt;
    return key ? ops::ManifestSigners{*key} : ops::ManifestSigners{};
}

const ops::ManifestSigners& BackupAccess::signers(const std::string& server) {
    if (const auto known = signers_.find(server); known != signers_.end()) return known->second;
    if (server == ops::estate_copy_server)
        return signers_[server] = ops::estate_copy_signers(estate_.estate());
    signers_[server] = keys_of(estate_.access().backup_signers(), server);
    if (signers_[server].empty()) signers_[server] = sealed_signers(server);
    if (!signers_[server].empty()) return signers_[server];
    try {
        signers_[server] = live_signers(server);
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        session_.output.warn(
            fmt::format("no key is known that signs the backups of {}: {}", server, error.message()));
        signers_[server] = {};
    }
    return signers_[server];
}

ops::Catalog BackupAccess::catalog(const std::string& store_name,
                                   const std::string& server,
                                   std::optional<std::size_t> newest) {
    const auto read = [&] {
        return ops::read_catalog(
            store(store_name),
            {.estate = estate_.estate().name, .server = server, .signers = signers(server), .newest = newest});
    };
    auto found = read();
    // The copy at hand may be older than the server: another one may know who signed.
    const auto unknown = [](const ops::RefusedRun& run) { return run.why.code() == errors::backup_untrusted; };
    if (server != ops::estate_copy_server && std::ranges::any_of(found.refused, unknown) && learn_signers_everywhere(server))
        return read();
    return found;
}

std::vector<std::string> BackupAccess::items(const std::string& server) const {
    std::vector<std::string> names;
    for (const auto& item : ops::host_items(estate_.loaded(), server))
        names.push_back(string_or(item, "name"));
    return names;
}

std::vector<std::string> BackupAccess::servers(const std::vector<std::string>& items) const {
    std::vector<std::string> known, found;
    for (const auto& [name, item] : estate_.estate().backup.items) known.push_back(name);
    for (const auto& name : items) require_name("backup item", name, known);
    for (const auto& [server, settings] : estate_.estate().servers) {
        const auto here = this->items(server);
        const auto is_here = [&](const std::string& item) {
            return std::ranges::find(here, item) != here.end();
        };
        if (items.empty() ? !here.empty() : std::ranges::any_of(items, is_here)) found.push_back(server);
    }
    return found;
}

std::vector<std::string> BackupAccess::owners(const std::optional<std::string>& server,
                                              const std::vector<std::string>& items) const {
    auto all = servers(items);
    if (items.empty()) all.emplace_back(ops::estate_copy_server);
    if (!server) return all;
    require_name("backup of", *server, all);
    return {*server};
}

std::vector<std::string> BackupAccess::stores(const std::optional<std::string>& only) const {
    if (!only) return stores();
    require_name("store of backups", *only, stores());
    return {*only};
}

const ops::TimeZone& BackupAccess::zone() {
    if (!zone_) zone_ = ops::TimeZone::load(estate_.estate().timezone);
    return *zone_;
}

std::chrono::sys_seconds BackupAccess::now() const {
    return std::chrono::floor<std::chrono::seconds>(session_.clock.now());
}

}  // namespace kavi::app

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/backup/host_request.hpp>
#include <kavi/store/target.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

using Kind = model::BackupItem::Kind;
using StorageKind = model::Storage::Kind;

constexpr std::string_view volume_prefix = "volume/";
constexpr std::string_view encryption_key_name = "ENCRYPTION_KEY";

bool hosts_write(const model::Storage& storage) {
    return storage.kind == StorageKind::storage_box || storage.kind == StorageKind::sftp;
}

std::vector<std::string> stores_that(const model::Estate& estate, bool written_by_hosts) {
    std::vector<std::string> found;
    for (const auto& name : estate.backup.stores)
        if (hosts_write(estate.storages.at(name)) == written_by_hosts) found.push_back(name);
    return found;
}

/// A volume's name in the engine; one that no stack of the server declares is called as the estate file calls it.
std::string engine_volume(const model::LoadedEstate& loaded, const std::string& server, const std::string& name) {
    for (const auto& [stack_name, project] : loaded.stacks) {
        if (loaded.estate.stacks.at(stack_name).server != server) continue;
        if (const auto volume = project.volumes.find(name); volume != project.volumes.end()) return volume->second.real_name;
    }
    return name;
}

void add_files(Json& json, const model::LoadedEstate& loaded, const std::string& server, const model::BackupItem& item) {
    const std::string_view path = item.source->path;
    if (path.starts_with(volume_prefix)) {
        json["volume"] = engine_volume(loaded, server, std::string(path.substr(volume_prefix.size())));
    } else {
        json["folder"] = path;
        if (const auto mount = mount_above(loaded.estate, server, path); !mount.empty()) json["mount"] = mount;
    }
    json["exclude"] = item.exclude;
}

/// Of the stacks there, or of one service of theirs.
std::set<std::string> images_of(const model::LoadedEstate& loaded, const std::string& server, const std::optional<std::string>& only) {
    std::set<std::string> images;
    for (const auto& [stack, project] : loaded.stacks)
        if (loaded.estate.stacks.at(stack).server == server)
            for (const auto& [name, service] : project.services)
                if (!service.image.empty() && (!only || *only == name)) images.insert(service.image);
    return images;
}

/// Null: it isn't this server's.
Json item_json(const model::LoadedEstate& loaded, const std::string& server, const model::BackupItem& item) {
    Json json{{"name", item.name}};
    if (item.kind == Kind::files && item.source && item.source->owner == server) {
        json["kind"] = "files";
        add_files(json, loaded, server, item);
        return json;
    }
    if (item.kind == Kind::images) {
        const auto images = images_of(loaded, server, item.service);
        if (images.empty()) return nullptr;
        json["kind"] = "images";
        json["images"] = images;
        return json;
    }
    if (item.kind != Kind::postgres && item.kind != Kind::redis) return nullptr;
    const auto service = item.service ? model::find_service(loaded, *item.service) : std::nullopt;
    if (!service || !service->stack || service->server != server) return nullptr;
    json["kind"] = item.kind == Kind::postgres ? "postgres" : "redis";
    json["project"] = loaded.estate.stacks.at(*service->stack).project;
    json["service"] = *item.service;
    if (!item.cli.empty()) json["cli"] = item.cli;
    return json;
}

std::vector<std::string> recipients_of(const model::Estate& estate) {
    std::vector<std::string> recipients;
    for (const auto& [name, one] : estate.operators)
        if (one.age) recipients.push_back(*one.age);
    if (recipients.empty())
        throw Error(errors::config_invalid, "nobody could open a backup: no operator of the estate file has an age recipient")
            .fix("age-keygen makes one; put it into kavi.toml: [operators.NAME] age = \"age1…\"");
    return recipients;
}

/// Which of the estate's secrets is Infisical's ENCRYPTION_KEY.
const model::SecretRef* encryption_key_of(const model::Estate& estate) {
    for (const auto& [name, key] : estate.escrow)
        if (key.secret.name.ends_with(encryption_key_name)) return &key.secret;
    for (const auto& [name, stack] : estate.stacks)
        for (const auto& [file, secret] : stack.secrets)
            if (secret.name.ends_with(encryption_key_name)) return &secret;
    return nullptr;
}

bool is_hidden(const model::SecretRef& ref, const secrets::SecretVault& vault) {
    return ref.source == model::SecretRef::Source::sealed && !vault.sealed_opened();
}

}  // namespace

bool is_within(std::string_view inner, std::string_view outer) {
    return inner == outer || (inner.starts_with(outer) && (outer.ends_with('/') || inner[outer.size()] == '/'));
}

std::string mount_above(const model::Estate& estate, const std::string& server, std::string_view folder) {
    const auto found = estate.servers.find(server);
    if (found == estate.servers.end()) return {};
    for (const auto& name : found->second.mounts) {
        const auto storage = estate.storages.find(name);
        if (storage != estate.storages.end() && storage->second.mount && is_within(folder, storage->second.mount->at))
            return storage->second.mount->at;
    }
    return {};
}

std::string writer_key_name(std::string_view store) {
    return fmt::format("{}-writer", store);
}

std::vector<std::string> host_stores(const model::Estate& estate) {
    return stores_that(estate, true);
}

std::vector<std::string> copied_stores(const model::Estate& estate) {
    return stores_that(estate, false);
}

Json store_for(const model::Estate& estate, const std::string& store) {
    const auto& storage = estate.storages.at(store);
    const auto refuse = [&](std::string_view why) {
        return Error(errors::config_invalid, fmt::format("servers can't write backups to {}", store)).because(std::string(why));
    };
    if (!hosts_write(storage)) throw refuse("it is no Storage Box and no other SSH server");
    const auto user = storage.users.find("write");
    if (user == storage.users.end())
        throw refuse("it has no users.write").fix(fmt::format("name the account that servers write with in [storage.{}]", store));
    if (!storage.host_key)
        throw refuse("it has no host_key").fix(fmt::format("ssh-keyscan -p {} {} | ssh-keygen -lf -", storage.port, storage.host));
    return store::store_target_json({.name = store,
                                     .kind = store::StoreKind::sftp,
                                     .host = storage.host,
                                     .port = storage.port,
                                     .user = user->second,
                                     .host_key = *storage.host_key,
                                     .key_path = fmt::format("{}/{}_ed25519", host_keys, writer_key_name(store))});
}

Json host_items(const model::LoadedEstate& loaded, const std::string& server) {
    auto items = Json::array();
    for (const auto& [name, item] : loaded.estate.backup.items)
        if (auto json = item_json(loaded, server, item); !json.is_null()) items.push_back(std::move(json));
    return items;
}

Secret HostRequest::text() const {
    auto whole = json;
    if (notify_url) whole["notify"] = {{"url", std::string(notify_url->reveal())}};
    auto text = canonical_json(whole) + "\n";
    if (notify_url) wipe(whole["notify"]["url"].get_ref<std::string&>());
    return Secret::take(text);
}

std::map<std::string, std::string> HostRequest::digests() const {
    auto whole = json;
    if (notify_url) whole["notify"] = {{"url", std::string(notify_url->reveal())}};
    std::map<std::string, std::string> digests;
    for (const auto& [key, value] : whole.items()) digests.emplace(key, hex(sha256(canonical_json(value))).substr(0, 16));
    if (notify_url) wipe(whole["notify"]["url"].get_ref<std::string&>());
    return digests;
}

HostRequest host_request(const HostRequestInputs& inputs, const std::string& server) {
    const auto& estate = inputs.loaded.estate;
    auto stores = Json::array();
    for (const auto& store : host_stores(estate)) stores.push_back(store_for(estate, store));
    HostRequest request{.json = {{"kavi.agent", 1},
                                 {"estate", estate.name},
                                 {"server", server},
                                 {"kavi", inputs.kavi},
                                 {"recipients", recipients_of(estate)},
                                 {"signing_key", fmt::format("{}/{}_ed25519", host_keys, signing_key_name)},
                                 {"stores", std::move(stores)},
                                 {"items", host_items(inputs.loaded, server)},
                                 {"sealed_sequence", inputs.sealed_sequence},
                                 {"encryption_key", encryption_key_fingerprint(estate, inputs.vault)},
                                 {"accept_smaller", false}},
                        .notify_url = {},
                        .unknown = {}};
    if (const auto* key = encryption_key_of(estate); key != nullptr && is_hidden(*key, inputs.vault)) request.unknown.insert("encryption_key");
    if (inputs.sealed_sequence == 0) request.unknown.insert("sealed_sequence");
    const auto& notify = estate.notify;
    if (!notify || std::ranges::find(notify->on, "backup") == notify->on.end()) return request;
    if (is_hidden(notify->url, inputs.vault)) request.unknown.insert("notify");
    else request.notify_url = inputs.vault.get(notify->url);
    return request;
}

std::string encryption_key_fingerprint(const model::Estate& estate, const secrets::SecretVault& vault) {
    const auto* ref = encryption_key_of(estate);
    const auto* value = ref == nullptr ? nullptr : vault.find(*ref);
    if (value == nullptr || !vault.has_fingerprint_key()) return {};
    const auto key = vault.key("encryption-key");
    return key.id + ":" + key.fingerprint(value->reveal());
}

}  // namespace kavi::ops

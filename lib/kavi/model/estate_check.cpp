#include "estate_check.hpp"

#include "estate_types.hpp"

#include <kavi/model/placed.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace kavi::model {

namespace {

const Origin* origin_near(const Origins& origins, std::string_view path) {
    while (!path.empty()) {
        if (const auto found = origins.find(std::string(path)); found != origins.end()) return &found->second;
        // A quoted key may hold dots: its part ends at the quote before it.
        auto end = path.ends_with('"') ? path.rfind('"', path.size() - 2) : path.size();
        end = path.find_last_of(".[", end == 0 ? 0 : end - 1);
        path = path.substr(0, end == std::string_view::npos ? 0 : end);
    }
    return nullptr;
}

template <typename Table>
std::vector<std::string> keys_of(const Table& table) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : table) keys.push_back(key);
    return keys;
}

struct KindOfName {
    std::string_view what;
    std::vector<std::string> known;
};

KindOfName kind_of_name(const Estate& estate, NameUse::Kind kind) {
    switch (kind) {
        case NameUse::Kind::server:
            return {"server", keys_of(estate.servers)};
        case NameUse::Kind::storage:
            return {"storage", keys_of(estate.storages)};
        case NameUse::Kind::zone:
            return {"zone", keys_of(estate.zones)};
        case NameUse::Kind::item:
            return {"item of [backup.items]", keys_of(estate.backup.items)};
        default:
            break;
    }
    auto owners = keys_of(estate.servers);
    std::ranges::copy(keys_of(estate.storages), std::back_inserter(owners));
    return {"server or storage", std::move(owners)};
}

class Checker {
  public:
    Checker(const Estate& estate, const Origins& origins, const FlawedTables& flawed, Problems& problems)
        : estate_(estate), origins_(origins), flawed_(flawed), problems_(problems) {}

    void check() {
        check_namespace();
        if (is_sound("secrets")) check_secrets();
        check_recipients();
        each(estate_.servers, "servers", &Checker::check_server);
        each(estate_.stacks, "stacks", &Checker::check_stack);
        each(estate_.services, "services", &Checker::check_service);
        each(estate_.domains, "domains", &Checker::check_domain);
        each(estate_.storages, "storage", &Checker::check_storage);
        each(estate_.backup.items, "backup.items", &Checker::check_item);
        each(estate_.escrow, "escrow", &Checker::check_escrow);
        if (is_sound("backup")) check_backup();
        check_places();
    }

  private:
    bool is_sound(const std::string& path) const { return !flawed_.contains(path); }

    template <typename T>
    void each(const std::map<std::string, T>& entries,
              std::string_view table,
              void (Checker::*check_one)(const std::string&, const T&)) {
        for (const auto& [name, entry] : entries)
            if (const auto path = path_of(table, name); is_sound(path)) (this->*check_one)(path, entry);
    }

    void error(const std::string& path, std::string message, std::string hint = {}) {
        problems_.error(value_at(origins_, path), std::move(message), std::move(hint));
    }

    void error_at_key(const std::string& path, std::string message, std::string hint = {}) {
        problems_.error(key_at(origins_, path), std::move(message), std::move(hint));
    }

    void warn_at_key(const std::string& path, std::string message, std::string hint = {}) {
        problems_.warning(key_at(origins_, path), std::move(message), std::move(hint));
    }

    bool says(const std::string& path) const { return origins_.contains(path); }

    void must_say(const std::string& table,
                  std::initializer_list<std::string_view> keys,
                  std::string_view why) {
        for (const auto key : keys)
            if (!says(path_of(table, key)))
                error_at_key(table, fmt::format("{} needs \"{}\": {}", heading_of(table), key, why));
    }

    void must_not_say(const std::string& table,
                      std::initializer_list<std::string_view> keys,
                      std::string_view why) {
        for (const auto key : keys)
            if (says(path_of(table, key)))
                error_at_key(path_of(table, key), fmt::format("\"{}\" means nothing here: {}", key, why));
    }

    void check_namespace() {
        for (const auto& [name, storage] : estate_.storages)
            if (estate_.servers.contains(name))
                error_at_key(path_of("storage", name),
                             fmt::format("\"{}\" is a server already", name),
                             "places name servers and storages alike: they need different names");
    }

    void check_secrets() {
        const auto& secrets = estate_.secrets;
        const bool local = std::ranges::any_of(secrets.sealed, &Place::local);
        if (!says("secrets")) return;
        if (secrets.provider == SecretsConfig::Provider::infisical) {
            must_say("secrets", {"url", "project"}, "the provider is \"infisical\"");
            if (secrets.sealed.empty())
                warn_at_key("secrets",
                            "there is no sealed copy of the secrets",
                            "sealed = [\"secrets.sealed.age\"] lets kavi work while Infisical is down");
        } else {
            must_not_say("secrets", {"url", "via", "project"}, "the provider is \"sealed\"");
            if (!local)
                error_at_key("secrets",
                             "[secrets] needs a local path in \"sealed\": the provider is \"sealed\"");
        }
    }

    void check_recipients() {
        const bool seals = !estate_.secrets.sealed.empty() || !estate_.backup.stores.empty();
        const auto recipients = std::ranges::count_if(
            estate_.operators, [](const auto& entry) { return entry.second.age.has_value(); });
        for (const auto& [name, person] : estate_.operators)
            if (!person.ssh && !person.age)
                error_at_key(path_of("operators", name),
                             fmt::format("operator \"{}\" has neither ssh nor age", name));
        const bool readable = std::ranges::none_of(
            flawed_, [](const auto& path) { return path.starts_with("operators.") || path == "secrets"; });
        if (!seals || !readable || recipients >= 2) return;
        const std::string path =
            estate_.operators.empty() ? "estate" : "operators." + estate_.operators.begin()->first;
        if (recipients == 0)
            error_at_key(path,
                         "no operator has an age recipient: nobody could open sealed copies and backups");
        else
            warn_at_key(
                path, "there is one age recipient only", "have two at least, and keep one of them offline");
    }

    void check_server(const std::string& path, const Server& server) {
        if (server.provider == Server::Provider::hetzner)
            must_say(path, {"type", "image", "location"}, "kavi makes it");
        else
            check_manual_server(path, server);
        const bool ssh_open = std::ranges::any_of(server.firewall, [&](const auto& rule) {
            return rule.protocol == "tcp" && holds_port(rule.port, server.ssh.port);
        });
        if (!server.firewall.empty() && !ssh_open)
            problems_.warning(
                value_at(origins_, path_of(path, "firewall")),
                fmt::format("this firewall lets no SSH in (port {})", server.ssh.port),
                fmt::format("kavi could not log in any more; \"{}/tcp\" lets it", server.ssh.port));
        if (server.ssh.jump == server.name)
            error(path + ".ssh.jump", "a server can't be reached through itself");
        for (std::size_t i = 0; i < server.mounts.size(); ++i) {
            const auto storage = estate_.storages.find(server.mounts[i]);
            if (storage != estate_.storages.end() && !storage->second.mount)
                error(fmt::format("{}.mounts[{}]", path, i),
                      fmt::format("storage \"{}\" has no mount", server.mounts[i]),
                      fmt::format("[storage.{}] mount = {{ at = \"/mnt/…\", user = \"…\" }}",
                                  server.mounts[i]));
        }
    }

    void check_manual_server(const std::string& path, const Server& server) {
        must_not_say(path, {"type", "image", "location", "protect", "images"}, "the provider is \"manual\"");
        if (!server.ipv4 && !server.ipv6)
            error_at_key(path, fmt::format("{} needs \"ipv4\": kavi doesn't make it", heading_of(path)));
        if (!server.ssh.host_key)
            warn_at_key(path,
                        fmt::format("server \"{}\" has no host key, so kavi won't log in", server.name),
                        "ssh = { host_key = \"SHA256:…\" }, as ssh-keygen -lf says on the server");
    }

    static bool holds_port(std::string_view range, int port) {
        const auto dash = range.find('-');
        const auto first = std::string(range.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : std::string(range.substr(dash + 1));
        return !first.empty() && std::stoi(first) <= port && port <= std::stoi(last);
    }

    void check_stack(const std::string& path, const Stack& stack) {
        if (stack.compose.empty()) error(path + ".compose", "a stack needs a compose file at least");
        for (const auto& [name, value] : stack.vars)
            if (name.starts_with("KAVI_") || name.starts_with("COMPOSE_"))
                error_at_key(path_of(path + ".vars", name),
                             fmt::format("\"{}\" is set by kavi itself", name));
        for (const auto& [other_name, other] : estate_.stacks) {
            if (other_name >= stack.name || other.server != stack.server) continue;
            if (other.project == stack.project)
                error_at_key(path,
                             fmt::format("stacks \"{}\" and \"{}\" are one project on {}",
                                         other_name,
                                         stack.name,
                                         stack.server),
                             "give one of them another \"project\"");
            if (other.directory == stack.directory)
                error_at_key(path,
                             fmt::format("stacks \"{}\" and \"{}\" have the same directory on {}",
                                         other_name,
                                         stack.name,
                                         stack.server));
        }
    }

    void check_service(const std::string& path, const Service& service) {
        if (service.server)
            must_not_say(
                path, {"on_failure", "backup_before", "needs", "tier"}, "the service is only watched");
        else
            must_not_say(path, {"as"}, "it names a service on another server");
        if (service.server && service.probe && service.probe->of_container())
            error(path + ".probe",
                  "a watched service has no container that kavi knows the address of",
                  "name the host too: \"127.0.0.1:PORT\" is asked on the server");
        for (std::size_t i = 0; i < service.needs.size(); ++i) {
            const auto& place = service.needs[i];
            const auto storage = estate_.storages.find(place.owner);
            if (storage == estate_.storages.end() || !storage->second.mount)
                error(fmt::format("{}.needs[{}]", path, i),
                      fmt::format("\"{}\" isn't below a mount", place.text()),
                      "needs are places of storages with a mount, like \"box:git\"");
        }
    }

    void check_domain(const std::string& path, const Domain& domain) {
        if (zone_of(estate_, domain.name) == nullptr) {
            const auto dot = domain.name.find('.');
            const auto zone = dot == std::string::npos ? domain.name : domain.name.substr(dot + 1);
            error_at_key(path,
                         fmt::format("\"{}\" is in no zone of this estate", domain.name),
                         fmt::format("[zones.\"{}\"] declares one", zone));
        }
        if (domain.proxied && domain.ttl)
            error_at_key(path + ".ttl", "\"ttl\" means nothing behind Cloudflare's proxy");
        if (domain.proxied && domain.exposes_origin)
            error_at_key(path + ".exposes_origin",
                         "\"exposes_origin\" means nothing behind Cloudflare's proxy");
    }

    void check_storage(const std::string& path, const Storage& storage) {
        switch (storage.kind) {
            case Storage::Kind::storage_box:
                must_say(path, {"host", "host_key"}, "it is a Storage Box");
                must_not_say(
                    path, {"endpoint", "buckets", "access_key", "secret_key", "path"}, "it is a Storage Box");
                return;
            case Storage::Kind::s3:
                must_say(path, {"endpoint", "access_key", "secret_key"}, "it speaks S3");
                must_not_say(path,
                             {"host", "port", "host_key", "users", "keys", "mount", "snapshots", "path"},
                             "it speaks S3");
                return;
            case Storage::Kind::sftp:
                must_say(path, {"host", "host_key"}, "it speaks SFTP");
                must_not_say(path,
                             {"endpoint", "buckets", "access_key", "secret_key", "path", "snapshots"},
                             "it speaks SFTP");
                return;
            case Storage::Kind::local:
                must_say(path, {"path"}, "it is a local folder");
                must_not_say(path,
                             {"host",
                              "port",
                              "host_key",
                              "users",
                              "keys",
                              "mount",
                              "snapshots",
                              "endpoint",
                              "buckets",
                              "access_key",
                              "secret_key"},
                             "it is a local folder");
        }
    }

    void check_backup() {
        if (!estate_.backup.items.empty() && estate_.backup.stores.empty())
            error_at_key("backup", "[backup] needs \"stores\": backups have to go somewhere");
        const bool keeps =
            std::ranges::any_of(estate_.backup.keep, [](const auto& entry) { return entry.second > 0; });
        if (says("backup.keep") && !keeps) error("backup.keep", "this would keep no backup at all");
    }

    void check_item(const std::string& path, const BackupItem& item) {
        const bool database = item.kind == BackupItem::Kind::postgres || item.kind == BackupItem::Kind::redis;
        const bool git = item.kind == BackupItem::Kind::git;
        const bool images = item.kind == BackupItem::Kind::images;
        const auto* why = database ? "its kind is a database"
                          : git    ? "its kind is \"git\""
                          : images ? "its kind is \"images\""
                                   : "its kind is \"files\"";
        if (item.kind != BackupItem::Kind::redis) must_not_say(path, {"cli"}, why);
        if (images) return must_not_say(path, {"source", "mirror", "exclude"}, why);
        if (database) {
            must_say(path, {"service"}, why);
            must_not_say(path, {"source", "mirror", "exclude"}, why);
            return;
        }
        must_say(path, {"source"}, why);
        must_not_say(path, {"service"}, why);
        if (git) must_say(path, {"mirror"}, why), must_not_say(path, {"exclude"}, why);
        if (!git) must_not_say(path, {"mirror"}, why);
        if (item.source && !estate_.servers.contains(item.source->owner) && !item.source->local() &&
            estate_.storages.contains(item.source->owner))
            error(path + ".source",
                  fmt::format("\"{}\" is a storage; a source lies on a server", item.source->owner),
                  "name the path of its mount, as in \"SERVER:/mnt/…\"");
        if (item.source && item.source->local())
            error(path + ".source",
                  fmt::format("\"{}\" names no server", item.source->path),
                  "as in \"SERVER:/path\" or \"SERVER:volume/NAME\"");
    }

    void check_escrow(const std::string& path, const EscrowKey& key) {
        if (key.locations.empty()) error(path + ".locations", "a key in escrow needs a location at least");
    }

    void check_places() {
        const auto& sealed = estate_.secrets.sealed;
        for (std::size_t i = 0; i < sealed.size(); ++i)
            check_place(fmt::format("secrets.sealed[{}]", i), sealed[i], false);
        for (const auto& [name, service] : estate_.services)
            for (std::size_t i = 0; i < service.needs.size(); ++i)
                check_place(
                    fmt::format("{}.needs[{}]", path_of("services", name), i), service.needs[i], false);
        for (const auto& [name, item] : estate_.backup.items)
            if (item.source) check_place(path_of("backup.items", name) + ".source", *item.source, true);
        for (const auto& [name, key] : estate_.escrow)
            for (std::size_t i = 0; i < key.locations.size(); ++i)
                if (key.locations[i] != "sealed" && !key.locations[i].starts_with("attested:"))
                    check_place(fmt::format("{}.locations[{}]", path_of("escrow", name), i),
                                *Place::parse(key.locations[i]),
                                false);
    }

    void check_place(const std::string& path, const Place& place, bool may_be_volume) {
        constexpr std::string_view volume = "volume/";
        if (estate_.servers.contains(place.owner)) {
            const bool is_volume = place.path.starts_with(volume) && place.path.size() > volume.size();
            if (!place.path.starts_with('/') && !(may_be_volume && is_volume))
                error(path,
                      fmt::format("\"{}\" must be an absolute path on {}{}",
                                  place.path,
                                  place.owner,
                                  may_be_volume ? ", or volume/NAME" : ""));
        } else if (const auto storage = estate_.storages.find(place.owner);
                   storage != estate_.storages.end()) {
            if (place.path.starts_with('/') || place.path.find("..") != std::string::npos)
                error(path,
                      fmt::format("\"{}\" must be a path within {}", place.path, place.owner),
                      "without a leading /");
        }
    }

    const Estate& estate_;
    const Origins& origins_;
    const FlawedTables& flawed_;
    Problems& problems_;
};

}  // namespace

Position value_at(const Origins& origins, std::string_view path) {
    const auto* origin = origin_near(origins, path);
    if (origin == nullptr) return {};
    // What isn't said itself is shown at the key of the table that should say it.
    return origins.contains(std::string(path)) ? origin->value : origin->key;
}

Position key_at(const Origins& origins, std::string_view path) {
    const auto* origin = origin_near(origins, path);
    return origin == nullptr ? Position{} : origin->key;
}

void check_names(const Estate& estate, std::span<const NameUse> uses, Problems& problems) {
    for (const auto& use : uses) {
        if (use.kind == NameUse::Kind::service || use.kind == NameUse::Kind::secret) continue;
        const auto [what, known] = kind_of_name(estate, use.kind);
        if (std::ranges::find(known, use.name) != known.end()) continue;
        auto hint = did_you_mean(use.name, known);
        if (hint.empty())
            hint = known.empty() ? "there is none" : fmt::format("there are: {}", fmt::join(known, ", "));
        problems.error(use.at, fmt::format("there is no {} \"{}\"", what, use.name), std::move(hint));
    }
}

void check_secrets_said(const Origins& origins, std::span<const NameUse> uses, Problems& problems) {
    const auto use = std::ranges::find(uses, NameUse::Kind::secret, &NameUse::kind);
    if (use != uses.end() && !origins.contains("secrets"))
        problems.error(
            use->at,
            fmt::format("\"{}\" is named, but there is no [secrets] that says where secrets are", use->name),
            "[secrets] provider = \"infisical\" or \"sealed\"");
}

void check_estate(const Estate& estate,
                  const Origins& origins,
                  const FlawedTables& flawed,
                  Problems& problems) {
    Checker(estate, origins, flawed, problems).check();
}

}  // namespace kavi::model

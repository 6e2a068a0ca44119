#include "estate_table.hpp"

#include "estate_forms.hpp"

#include <limits>

namespace kavi::model {

namespace {

using Kind = NameUse::Kind;

template <typename T>
TypePtr<std::vector<T>> list(TypePtr<T> inner) {
    return std::make_shared<ListType<T>>(std::move(inner));
}

template <typename T>
TypePtr<std::vector<T>> one_or_more(TypePtr<T> inner) {
    return std::make_shared<ListType<T>>(std::move(inner), true);
}

template <typename T>
TypePtr<std::map<std::string, T>> map(Keys keys, TypePtr<T> inner) {
    return std::make_shared<MapType<T>>(std::move(keys), std::move(inner));
}

template <typename T>
TypePtr<std::map<std::string, T>> named(Keys keys, TypePtr<T> inner) {
    return std::make_shared<MapType<T>>(
        std::move(keys), std::move(inner), [](T& value, const std::string& name) { value.name = name; });
}

template <typename E>
TypePtr<E> choice(std::vector<std::pair<std::string, E>> choices) {
    return std::make_shared<ChoiceType<E>>(std::move(choices));
}

TextType text_choice(std::vector<std::string> texts) {
    std::vector<std::pair<std::string, std::string>> choices;
    for (auto& text : texts) choices.emplace_back(text, text);
    return choice(std::move(choices));
}

TypePtr<int> whole(int least, int most = std::numeric_limits<int>::max()) {
    return std::make_shared<WholeType>(least, most);
}

TypePtr<bool> on_or_off() {
    return std::make_shared<SwitchType>();
}

TypePtr<double> amount() {
    return std::make_shared<NumberType>();
}

template <typename Owner>
TypePtr<Owner> table(std::vector<Field<Owner>> fields, typename TableType<Owner>::Finish finish = {}) {
    return std::make_shared<TableType<Owner>>(std::move(fields), std::move(finish));
}

TypePtr<Operator> operator_table() {
    return table<Operator>({
        field("ssh", &Operator::ssh, ssh_public_key(), "the key that may log in; a line of authorized_keys"),
        field("age",
              &Operator::age,
              age_recipient(),
              "opens sealed copies and backups; keep one of at least two offline"),
    });
}

/// [secrets] has no defaults of its own: an estate that says nothing of it has none.
class SecretsType final : public Type<SecretsConfig> {
  public:
    explicit SecretsType(TypePtr<SecretsConfig> table) : table_(std::move(table)) {}

    void read(const Node& node, SecretsConfig& target, Reading& reading) const override {
        table_->read(node, target, reading);
    }

    OrderedJson show(const SecretsConfig& secrets) const override {
        const auto shown = table_->show(secrets);
        return shown == table_->show({}) ? OrderedJson() : shown;
    }

    OrderedJson schema() const override { return table_->schema(); }

    std::string words() const override { return table_->words(); }

    void add_tables(const std::string& path,
                    std::string_view doc,
                    std::vector<ReferenceTable>& tables) const override {
        table_->add_tables(path, doc, tables);
    }

  private:
    TypePtr<SecretsConfig> table_;
};

TypePtr<SecretsConfig> secrets_table() {
    using Provider = SecretsConfig::Provider;
    return std::make_shared<SecretsType>(table<SecretsConfig>({
        field("provider",
              &SecretsConfig::provider,
              choice<Provider>({{"infisical", Provider::infisical}, {"sealed", Provider::sealed}}),
              "where `secret:` references are answered; \"sealed\": the sealed file alone"),
        field("url", &SecretsConfig::url, url(), "Infisical's address"),
        field("via",
              &SecretsConfig::via,
              name_of(Kind::server, "a server's name"),
              "reach Infisical through this server"),
        field("project", &SecretsConfig::project, any_text("a project's slug or id"), "Infisical's project"),
        field("environment",
              &SecretsConfig::environment,
              any_text("an environment's slug"),
              "Infisical's environment"),
        field("sealed",
              &SecretsConfig::sealed,
              list(place()),
              "where sealed copies lie; the first local one is the working copy"),
    }));
}

TypePtr<SshAccess> ssh_table() {
    return table<SshAccess>({
        field("user", &SshAccess::user, user_name(), "who kavi logs in as"),
        field("port", &SshAccess::port, whole(1, 65535), "sshd's port"),
        field("key", &SshAccess::key, ssh_key_source(), "the private key: \"agent\", a path, or a secret"),
        field("jump",
              &SshAccess::jump,
              name_of(Kind::server, "a server's name"),
              "reach it through this server"),
        field("host_key",
              &SshAccess::host_key,
              host_key(),
              "a manual server's key; servers of Hetzner's get theirs from kavi"),
    });
}

/// What kavi makes, it keeps in order; what it finds, it only reports on.
void finish_server(const Node& node, Server& server) {
    if (server.provider == Server::Provider::hetzner && node.value.find("baseline") == nullptr)
        server.baseline = BaselineMode::apply;
}

TypePtr<Server> server_table() {
    using Provider = Server::Provider;
    return table<Server>(
        {
            field(
                "provider",
                &Server::provider,
                choice<Provider>({{"hetzner", Provider::hetzner}, {"manual", Provider::manual}}),
                "\"hetzner\": created, reconciled and rebuilt by kavi; \"manual\": never created or deleted"),
            field("role", &Server::role, any_text(), "what it is for, in a word"),
            field(
                "type", &Server::types, one_or_more(location_code()), "acceptable server types, best first"),
            field("image", &Server::image, location_code(), "what a new one is made from"),
            field("location", &Server::location, location_code(), "where a new one is made"),
            field("ipv4",
                  &Server::ipv4,
                  ipv4_address(),
                  "hetzner: an existing primary IP (left out: one is made); manual: its address"),
            field(
                "ipv6", &Server::ipv6, ipv6_address(), "the same for IPv6; its domains get AAAA records too"),
            field("firewall",
                  &Server::firewall,
                  firewall_rules(),
                  "what Hetzner's firewall lets in; left out: no firewall of kavi's"),
            field("mounts",
                  &Server::mounts,
                  list(name_of(Kind::storage, "a storage's name")),
                  "storages that are mounted there"),
            field(
                "protect", &Server::protect, on_or_off(), "Hetzner's protection against deletion and rebuild")
                .shown_if([](const Server& server) { return server.provider == Provider::hetzner; }),
            group<Server>(
                "images",
                {field("keep", &Server::keep_images, whole(0, 100), "server images to keep at Hetzner")},
                "server images"),
            field("baseline",
                  &Server::baseline,
                  choice<BaselineMode>({{"apply", BaselineMode::apply},
                                        {"report", BaselineMode::report},
                                        {"none", BaselineMode::none}}),
                  "what a host should have: mend it, only say what differs, or neither")
                .otherwise("`\"apply\"` for hetzner, `\"report\"` for manual"),
            field("ssh", &Server::ssh, ssh_table(), "how to log in"),
            field("was", &Server::was, any_text("its former name"), "set when renaming"),
        },
        finish_server);
}

void finish_stack(const Node&, Stack& stack) {
    if (stack.project.empty()) stack.project = stack.name;
    if (stack.directory.empty()) stack.directory = "/opt/kavi/" + stack.name;
}

TypePtr<Stack> stack_table() {
    return table<Stack>(
        {
            field("server", &Stack::server, name_of(Kind::server, "a server's name"), "where it runs").must(),
            field(
                "compose",
                &Stack::compose,
                one_or_more(relative_path()),
                "its compose files, later ones over earlier; files beside them that git tracks travel along")
                .must(),
            field("directory", &Stack::directory, absolute_path(), "its folder on the server")
                .otherwise("`/opt/kavi/NAME`"),
            field("project", &Stack::project, project_name(), "Compose's project name")
                .otherwise("the stack's name"),
            field("env", &Stack::env, secret_folder(), "the folder of secrets that becomes the stack's .env"),
            field("vars",
                  &Stack::vars,
                  map(variable_names(), variable_value()),
                  "variables that are no secret"),
            field("secrets",
                  &Stack::secrets,
                  map(file_names(), secret_ref()),
                  "files in $KAVI_SECRETS, by name, for compose's `secrets:`"),
            field("was", &Stack::was, any_text("its former name"), "set when renaming"),
        },
        finish_stack);
}

TypePtr<Service> service_table() {
    return table<Service>({
        field("server",
              &Service::server,
              name_of(Kind::server, "a server's name"),
              "for a service that is in no stack: watched there, never touched"),
        field("as",
              &Service::as,
              any_text("its name there"),
              "its name on that server, where names of two servers collide"),
        field("tier", &Service::tier, whole(1, 99), "recovery order; services of one tier go up together")
            .otherwise("the latest tier that it depends on, else the last"),
        field("critical", &Service::critical, on_or_off(), "counts for the recovery target"),
        field("on_failure",
              &Service::on_failure,
              choice<OnFailure>({{"restore", OnFailure::restore}, {"stop", OnFailure::stop}}),
              "after a failed update: the old release again, or stop where a migration forbids that")
            .shown_if([](const Service& service) { return !service.server; }),
        field("backup_before",
              &Service::backup_before,
              list(name_of(Kind::item, "an item's name")),
              "items of [backup.items] to back up before an update"),
        field(
            "needs", &Service::needs, list(place()), "places below a mount, without which it isn't started"),
        field("probe",
              &Service::probe,
              probe(),
              "\":port/path\" is the container's own address, 127.0.0.1 is asked on the server, another is "
              "asked from here"),
        field(
            "health_timeout", &Service::health_timeout, duration(), "how long it may take to become healthy")
            .otherwise("what its healthcheck allows"),
        field("was", &Service::was, any_text("its former name"), "set when renaming"),
    });
}

TypePtr<Zone> zone_table() {
    return table<Zone>({
        field("ssl",
              &Zone::ssl,
              text_choice({"off", "flexible", "full", "strict"}),
              "how Cloudflare speaks to the origin"),
        field("always_use_https", &Zone::always_use_https, on_or_off(), "Cloudflare redirects http to https"),
        field("min_tls_version",
              &Zone::min_tls_version,
              text_choice({"1.0", "1.1", "1.2", "1.3"}),
              "the oldest TLS that Cloudflare accepts"),
        field("max_deletes",
              &Zone::max_deletes,
              whole(0, 100000),
              "refuse a run that would delete more records"),
        field("protected",
              &Zone::protected_names,
              list(any_text("a record's name")),
              "names that are never deleted or changed"),
    });
}

TypePtr<Domain> domain_table() {
    return table<Domain>(
        {
            field("service",
                  &Domain::service,
                  name_of(Kind::service, "a service's name"),
                  "whose server's address it has")
                .must(),
            field("proxied", &Domain::proxied, on_or_off(), "behind Cloudflare's proxy"),
            field("exposes_origin",
                  &Domain::exposes_origin,
                  any_text("the reason"),
                  "why publishing the server's own address is accepted"),
            field("ttl", &Domain::ttl, whole(60, 86400), "seconds; only where it isn't proxied")
                .otherwise("automatic"),
        },
        [](const Node& node, Domain& domain) { domain.line = node.key.line; });
}

TypePtr<DeclaredRecord> record_table() {
    return table<DeclaredRecord>(
        {
            field("zone", &DeclaredRecord::zone, name_of(Kind::zone, "a zone's name"), "its zone").must(),
            field("type", &DeclaredRecord::type, record_type(), "its type").must(),
            field("name",
                  &DeclaredRecord::name,
                  any_text("a record's name"),
                  "\"@\" for the zone itself, a name within it, or a full one")
                .must(),
            field("content", &DeclaredRecord::content, public_text("text"), "the value as in a zone file"),
            field("priority", &DeclaredRecord::priority, whole(0, 65535), "of MX"),
            field("ttl", &DeclaredRecord::ttl, whole(60, 86400), "seconds").otherwise("automatic"),
            field("proxied", &DeclaredRecord::proxied, on_or_off(), "behind Cloudflare's proxy")
                .otherwise("`false`"),
            field("comment", &DeclaredRecord::comment, any_text(), "a comment at Cloudflare"),
            field("data",
                  &DeclaredRecord::data,
                  record_data(),
                  "the parts of SRV, CAA, SSHFP, TLSA, …, instead of content"),
        },
        [](const Node& node, DeclaredRecord& record) { record.line = node.value.at.line; });
}

TypePtr<Mount> mount_table() {
    return table<Mount>({
        field("at", &Mount::at, absolute_path(), "the mount point, on every server that mounts it").must(),
        field("by", &Mount::by, text_choice({"sshfs"}), "by what"),
        field(
            "user", &Mount::user, user_name(), "the account; it sees no backups, its key is made on the host")
            .must(),
    });
}

void finish_storage(const Node& node, Storage& storage) {
    if (storage.kind == Storage::Kind::sftp && node.value.find("port") == nullptr) storage.port = 22;
}

TypePtr<Storage> storage_table() {
    using StorageKind = Storage::Kind;
    return table<Storage>(
        {
            field("kind",
                  &Storage::kind,
                  choice<StorageKind>({{"storage-box", StorageKind::storage_box},
                                       {"s3", StorageKind::s3},
                                       {"sftp", StorageKind::sftp},
                                       {"local", StorageKind::local}}),
                  "what it is")
                .must(),
            field("host", &Storage::host, host_name(), "storage-box, sftp: its address"),
            field("port", &Storage::port, whole(1, 65535), "storage-box, sftp: its SSH port")
                .otherwise("23; 22 for sftp")
                .shown_if([](const Storage& storage) {
                    return storage.kind == StorageKind::storage_box || storage.kind == StorageKind::sftp;
                }),
            field("host_key", &Storage::host_key, host_key(), "storage-box, sftp: its host key"),
            field("users",
                  &Storage::users,
                  map(these_keys({"write", "prune", "read"}), user_name()),
                  "accounts; the writer's key is made on each host"),
            field("keys",
                  &Storage::keys,
                  map(these_keys({"prune", "read", "admin"}), secret_ref()),
                  "private keys; admin's installs the hosts' writer keys"),
            field("mount", &Storage::mount, mount_table(), "storage-box: as a file system on servers"),
            group<Storage>(
                "snapshots",
                {field("keep", &Storage::snapshots_keep, whole(0, 100), "storage-box: snapshots to keep"),
                 field("at", &Storage::snapshots_at, time_of_day(), "storage-box: when they are taken")},
                "snapshots"),
            field("endpoint", &Storage::endpoint, url(), "s3: its address"),
            field("buckets", &Storage::buckets, list(any_text("a bucket's name")), "s3: its buckets"),
            field("access_key", &Storage::access_key, secret_ref(), "s3: the access key"),
            field("secret_key", &Storage::secret_key, secret_ref(), "s3: the secret key"),
            field("path", &Storage::path, any_text("a path"), "local: its folder"),
        },
        finish_storage);
}

TypePtr<BackupItem> item_table() {
    using ItemKind = BackupItem::Kind;
    return table<BackupItem>({
        field("kind",
              &BackupItem::kind,
              choice<ItemKind>({{"postgres", ItemKind::postgres},
                                {"redis", ItemKind::redis},
                                {"git", ItemKind::git},
                                {"files", ItemKind::files},
                                {"images", ItemKind::images}}),
              "how it is backed up; git: mirror clones on the operator's machine")
            .must(),
        field("service",
              &BackupItem::service,
              name_of(Kind::service, "a service's name"),
              "postgres, redis: the service, with every database in it; images: this one's alone"),
        field("source", &BackupItem::source, place(), "files, git: what is backed up"),
        field("mirror", &BackupItem::mirror, any_text("a local folder"), "git: where the clones lie"),
        field("exclude",
              &BackupItem::exclude,
              list(any_text("a pattern")),
              "files: what is left out, as GNU tar's --exclude"),
        field("cli",
              &BackupItem::cli,
              list(any_text("a word")),
              "redis: the command in its container that stands for redis-cli, where a wrapper knows the password"),
    });
}

TypePtr<Backup> backup_table() {
    return table<Backup>({
        field("stores",
              &Backup::stores,
              list(name_of(Kind::storage, "a storage's name")),
              "where backups go; each gets a copy"),
        field("schedule", &Backup::schedule, schedule(), "when, in the estate's time zone"),
        field("keep",
              &Backup::keep,
              map(these_keys({"last", "hourly", "daily", "weekly", "monthly", "yearly"}), whole(0, 10000)),
              "how many are kept of each"),
        field("rpo", &Backup::rpo, duration(), "the oldest that a latest backup may be"),
        field("items", &Backup::items, named(names("an item's name"), item_table()), "what is backed up"),
        field("uncovered",
              &Backup::uncovered,
              map(any_keys("a volume or path", "VOLUME"), any_text("the reason")),
              "volumes and binds that need no backup, and why"),
    });
}

TypePtr<EscrowKey> escrow_table() {
    return table<EscrowKey>({
        field("secret", &EscrowKey::secret, sealed_ref(), "the key").must(),
        field("locations",
              &EscrowKey::locations,
              list(escrow_location()),
              "where it must be found; \"attested:…\" is a person's word")
            .must(),
    });
}

TypePtr<Recovery> recovery_table() {
    return table<Recovery>({
        field("target", &Recovery::target, duration(), "how soon the critical services must be back"),
        group<Recovery>(
            "drill",
            {field("on", &Recovery::drill_on, drill_place(), "where drills run"),
             field("every", &Recovery::drill_every, duration(), "how often; overdue is degraded"),
             field("max_cost", &Recovery::drill_max_cost, amount(), "euros that a drill may cost")},
            "drills"),
    });
}

TypePtr<Notify> notify_table() {
    return table<Notify>({
        field("url", &Notify::url, secret_ref(), "the address that is told").must(),
        field("on", &Notify::on, list(text_choice({"backup", "deploy", "drill"})), "what is told"),
    });
}

TypePtr<Estate> make_estate_type() {
    return table<Estate>({
        field("estate",
              &Estate::name,
              estate_name(),
              "its name: in labels, comments and records of what belongs to it")
            .must(),
        field("timezone", &Estate::timezone, time_zone(), "of schedules; hosts stay on UTC"),
        field(
            "operators", &Estate::operators, named(names("an operator's name"), operator_table()), "who may"),
        field("secrets", &Estate::secrets, secrets_table(), "where secrets come from"),
        group<Estate>("hetzner",
                      {field("token",
                             &Estate::hetzner_token,
                             secret_ref(),
                             "Hetzner's API token; the variable HCLOUD_TOKEN wins")},
                      "Hetzner's account"),
        group<Estate>("cloudflare",
                      {field("token",
                             &Estate::cloudflare_token,
                             secret_ref(),
                             "Cloudflare's API token; the variable CLOUDFLARE_API_TOKEN wins")},
                      "Cloudflare's account"),
        field("servers", &Estate::servers, named(server_names(), server_table()), "the servers"),
        field("stacks",
              &Estate::stacks,
              named(names("a stack's name"), stack_table()),
              "one Compose project on one server"),
        field("services",
              &Estate::services,
              named(names("a service's name"), service_table()),
              "what a compose file can't say about its service, and services that are only watched"),
        field(
            "zones", &Estate::zones, named(host_names("a zone's name"), zone_table()), "zones at Cloudflare"),
        field("domains",
              &Estate::domains,
              named(host_names("a domain's name"), domain_table()),
              "names of services; exported to compose as KAVI_DOMAIN_<SERVICE>"),
        field("records", &Estate::records, list(record_table()), "any further record that kavi is to own"),
        field("storage",
              &Estate::storages,
              named(names("a storage's name"), storage_table()),
              "where data and backups lie"),
        field("backup", &Estate::backup, backup_table(), "backups"),
        field("escrow",
              &Estate::escrow,
              named(names("a key's name"), escrow_table()),
              "keys that everything depends on"),
        field("recovery", &Estate::recovery, recovery_table(), "what recovery promises"),
        field("notify", &Estate::notify, notify_table(), "whom failures on a timer must reach"),
    });
}

}  // namespace

const Type<Estate>& estate_type() {
    static const auto type = make_estate_type();
    return *type;
}

}  // namespace kavi::model

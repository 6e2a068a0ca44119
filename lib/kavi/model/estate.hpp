#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The estate file (kavi.toml) as a value: defaults filled in, references still names. estate_file.hpp reads
/// it.
namespace kavi::model {

/// "secret:/folder/NAME" (Infisical, or the sealed file where that is the provider) or "sealed:/NAME".
struct SecretRef {
    enum class Source { secret, sealed } source = Source::secret;
    std::string folder;  ///< "/infra"; "/" for the root; always "/" for sealed
    std::string name;

    std::string text() const;  ///< as written in the file
    /// nullopt: it isn't one. A folder ("secret:/services/production", as a stack's env) is read by
    /// parse_folder.
    static std::optional<SecretRef> parse(std::string_view text);
    static std::optional<SecretRef> parse_folder(std::string_view text);
    friend auto operator<=>(const SecretRef&, const SecretRef&) = default;
};

/// A place: "SERVER:/path", "SERVER:volume/NAME", "STORAGE:path", or a local path (owner empty).
struct Place {
    std::string owner;
    std::string path;

    std::string text() const;

    bool local() const { return owner.empty(); }

    /// What stands before the first ':' is the owner, unless a '/' comes first. nullopt: empty, or nothing
    /// behind it.
    static std::optional<Place> parse(std::string_view text);
    friend auto operator<=>(const Place&, const Place&) = default;
};

struct Operator {
    std::string name;
    std::optional<std::string> ssh;  ///< an authorized_keys line
    std::optional<std::string> age;  ///< an age1… recipient
};

struct SecretsConfig {
    enum class Provider { infisical, sealed } provider = Provider::infisical;
    std::optional<std::string> url;  ///< without /api and trailing slash
    std::optional<std::string> via;  ///< server through which Infisical is reached
    std::string project;
    std::string environment = "prod";
    std::vector<Place> sealed;  ///< where sealed copies lie; the first local one is the working copy
};

struct FirewallRule {
    std::string protocol;           ///< "tcp", "udp", "icmp"
    std::string port;               ///< "22", "1024-5000"; empty for icmp
    std::vector<std::string> from;  ///< CIDRs; default 0.0.0.0/0 and ::/0
};

struct SshAccess {
    std::string user = "root";
    int port = 22;
    std::string key = "agent";  ///< "agent", a path, or "secret:…"
    std::optional<std::string> jump;
    std::optional<std::string> host_key;  ///< "SHA256:<base64>" of a manual server's key
};

enum class BaselineMode { apply, report, none };

struct Server {
    std::string name;
    enum class Provider { hetzner, manual } provider = Provider::manual;
    std::string role;
    std::vector<std::string> types;  ///< acceptable server types, best first
    std::string image;
    std::string location;
    std::optional<std::string>
        ipv4;  ///< hetzner: an existing primary IP (absent: one is made); manual: its address
    std::optional<std::string> ipv6;
    std::vector<FirewallRule> firewall;
    std::vector<std::string> mounts;  ///< storages mounted there
    bool protect = false;
    std::optional<int> keep_images;
    BaselineMode baseline = BaselineMode::report;
    SshAccess ssh;
    std::optional<std::string> was;
};

struct Stack {
    std::string name;
    std::string server;
    std::vector<std::string> compose;  ///< relative to the estate file's folder
    std::string directory;             ///< on the host
    std::string project;               ///< Compose's project name
    std::optional<SecretRef> env;      ///< a folder: SecretRef with an empty name
    std::map<std::string, std::string> vars;
    std::map<std::string, SecretRef> secrets;  ///< file name in $KAVI_SECRETS → secret
    std::optional<std::string> was;
};

enum class ProbeKind { tcp, http };

struct Probe {
    ProbeKind kind = ProbeKind::http;
    /// ":port" or ":port/path": the container's own address. Else "host:port" (tcp) or a URL (http): of
    /// 127.0.0.1,
    /// [::1] or localhost it is asked on the service's server, any other is asked from here.
    std::string target;

    bool of_container() const { return target.starts_with(':'); }

    bool asked_on_server() const;
};

enum class OnFailure { restore, stop };

/// What kavi.toml adds to a service of a compose file, or a watched service that is in no stack of kavi's.
struct Service {
    std::string name;
    std::optional<std::string> server;  ///< set: watched there, not in a stack
    std::optional<std::string> as;      ///< its name there, if it differs
    std::optional<int> tier;
    bool critical = false;
    OnFailure on_failure = OnFailure::restore;
    std::vector<std::string> backup_before;
    std::vector<Place> needs;
    std::optional<Probe> probe;
    std::optional<std::chrono::seconds> health_timeout;
    std::optional<std::string> was;
};

struct Zone {
    std::string name;
    std::optional<std::string> ssl;
    std::optional<bool> always_use_https;
    std::optional<std::string> min_tls_version;
    std::optional<int> max_deletes;
    std::vector<std::string> protected_names;
};

struct Domain {
    std::string name;     ///< full: "git.kua.cl"
    std::string service;  ///< its address follows that service's server
    bool proxied = true;
    std::optional<std::string>
        exposes_origin;  ///< the reason why publishing the origin's address is accepted
    std::optional<int> ttl;
    int line = 0;  ///< in kavi.toml: the order of a service's domains
};

/// A further record, as written; dns.hpp turns it into the normal form.
struct DeclaredRecord {
    std::string zone, type, name;
    std::optional<std::string> content;
    std::optional<int> priority, ttl;
    std::optional<bool> proxied;
    std::optional<std::string> comment;
    std::map<std::string, std::variant<std::string, std::int64_t>> data;  ///< typed members (SRV, CAA, …)
    int line = 0;                                                         ///< in kavi.toml, for messages
};

struct Mount {
    std::string at;
    std::string by = "sshfs";
    std::string user;
};

struct Storage {
    std::string name;
    enum class Kind { storage_box, s3, sftp, local } kind = Kind::storage_box;
    std::string host;  ///< storage-box, sftp
    int port = 23;
    std::optional<std::string> host_key;       ///< "SHA256:<base64>"
    std::map<std::string, std::string> users;  ///< "write", "prune", "read" → account
    std::map<std::string, SecretRef> keys;     ///< "prune", "read", "admin"
    std::optional<Mount> mount;
    std::optional<int> snapshots_keep;
    std::optional<std::string> snapshots_at;  ///< "05:00"
    std::string endpoint;                     ///< s3
    std::vector<std::string> buckets;
    std::optional<SecretRef> access_key, secret_key;
    std::string path;  ///< local
};

struct BackupItem {
    std::string name;
    enum class Kind { postgres, redis, git, files, images } kind = Kind::files;
    std::optional<std::string> service;  ///< images: of this one alone; nullopt: of every stack
    std::optional<Place> source;
    std::optional<std::string> mirror;
    std::vector<std::string> exclude;
    std::vector<std::string> cli;  ///< redis: what runs redis-cli in its container; empty: redis-cli itself
};

struct Backup {
    std::vector<std::string> stores;
    std::string schedule = "daily 03:00";
    std::map<std::string, int> keep;  ///< "hourly", "daily", "weekly", "monthly", "yearly", "last"
    std::chrono::seconds rpo = std::chrono::hours(26);
    std::map<std::string, BackupItem> items;
    std::map<std::string, std::string> uncovered;  ///< volume or bind → reason
};

struct EscrowKey {
    std::string name;
    SecretRef secret;
    std::vector<std::string> locations;  ///< "sealed", places, "attested:…"
};

struct Recovery {
    std::chrono::seconds target = std::chrono::minutes(15);
    std::string drill_on = "fresh";
    std::optional<std::chrono::seconds> drill_every;
    std::optional<double> drill_max_cost;
};

struct Notify {
    SecretRef url;
    std::vector<std::string> on;
};

struct Estate {
    std::string name;
    std::string timezone = "UTC";
    std::string folder;  ///< the estate file's folder, absolute: relative paths start there
    std::map<std::string, Operator> operators;
    SecretsConfig secrets;
    std::optional<SecretRef> hetzner_token;
    std::optional<SecretRef> cloudflare_token;
    std::map<std::string, Server> servers;
    std::map<std::string, Stack> stacks;
    std::map<std::string, Service> services;
    std::map<std::string, Zone> zones;
    std::map<std::string, Domain> domains;
    std::vector<DeclaredRecord> records;
    std::map<std::string, Storage> storages;
    Backup backup;
    std::map<std::string, EscrowKey> escrow;
    Recovery recovery;
    std::optional<Notify> notify;
};

}  // namespace kavi::model

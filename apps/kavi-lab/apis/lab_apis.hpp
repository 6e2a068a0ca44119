#pragma once

#include "fault.hpp"

#include <kavi/base/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The lab's simulated APIs: Infisical, Hetzner Cloud, Hetzner's Storage Boxes, Cloudflare, S3 and
/// DNS-over-HTTPS, as plain HTTP on loopback in one process. They share no parser or normaliser with kavi.
namespace kavi::lab {

/// What a machine has to be like, as the API's caller asked for it.
struct MachineOrder {
    std::int64_t id = 0;
    std::string name;
    std::string server_type;  ///< "cpx32"
    std::string image;        ///< "ubuntu-24.04"
    std::string location;
    std::string ipv4;                           ///< its primary IPv4 address; empty: none
    std::string user_data;                      ///< as sent; empty: none
    std::vector<std::string> authorized_keys;   ///< OpenSSH public key lines
    std::map<std::string, std::string> labels;  ///< at creation
};

/// What stands behind the Cloud API's servers. Every call returns when the thing is done (the API's action
/// runs meanwhile) and throws std::exception where it failed (the action then fails with that text). Calls
/// come from threads of the APIs' own, for one machine never two at once, and without any lock held.
class ServerMachines {
  public:
    virtual ~ServerMachines() = default;
    /// Makes the machine, switched off.
    virtual void create(const MachineOrder& order) = 0;
    /// The machine and its disk are gone. A machine that isn't there is no error.
    virtual void destroy(const std::string& name) = 0;
    virtual void power_on(const std::string& name) = 0;
    /// Pulls the plug.
    virtual void power_off(const std::string& name) = 0;
    /// Sends the ACPI signal and returns at once; the machine may take its time, or ignore it.
    virtual void shutdown(const std::string& name) = 0;
    /// A soft restart.
    virtual void reboot(const std::string& name) = 0;
    /// A hard restart.
    virtual void reset(const std::string& name) = 0;
    /// Same machine, address and name, fresh disk made of `order.image` and `order.user_data`; ends switched
    /// on.
    virtual void rebuild(const MachineOrder& order) = 0;
    /// The machine's primary IPv4 address changed while it was off; empty: it has none now.
    virtual void readdress(const std::string& name, const std::string& ipv4) = 0;
    /// Is it switched on now? nullopt: no such machine.
    virtual std::optional<bool> running(const std::string& name) = 0;
};

struct PrimaryIpSeed {
    std::string name;
    std::string ip;  ///< "188.34.198.57", or an IPv6 /64 such as "2001:db8:1::/64"
    std::string location = "nbg1";
    bool protect = false;
    std::map<std::string, std::string> labels;
};

/// A server that exists before anybody asks for one.
struct ServerSeed {
    std::string name;
    std::string server_type = "cpx32";
    std::string image = "ubuntu-24.04";
    std::string location = "nbg1";
    std::string ipv4;  ///< one of the primary IPs seeded, or a new one is made for it
    bool running = true;
    bool protect = false;
    std::map<std::string, std::string> labels;
};

struct StorageBoxSeed {
    std::string name = "box";
    std::string username = "u000000";
    std::string server = "u000000.your-storagebox.de";
    std::string type = "bx11";
    std::string location = "nbg1";
    std::optional<std::filesystem::path>
        folder;  ///< what GET …/folders lists; unset: subaccounts' homes only

    struct Subaccount {
        std::string username;  ///< "u000000-sub1"
        std::string home;
        bool readonly = false;
    };

    std::vector<Subaccount> subaccounts;
};

struct HetznerSeed {
    std::string token = std::string(64, 'h');
    std::string readonly_token;  ///< empty: none
    std::vector<PrimaryIpSeed> primary_ips;
    std::vector<ServerSeed> servers;
    std::vector<StorageBoxSeed> storage_boxes;
    /// IPv4 addresses that are handed out for primary IPs made on the way, in this order; then 203.0.113.1
    /// and up.
    std::vector<std::string> spare_ipv4;
    /// "cpx32@nbg1" is sold out there; "cpx32" everywhere.
    std::set<std::string> sold_out;
    std::int64_t rate_limit = 3600;  ///< per hour; refilled evenly
    /// How long an action takes that has no machine behind it.
    std::chrono::milliseconds action_time{120};
};

struct ZoneSeed {
    std::string name;           ///< "kua.cl"
    std::string plan = "free";  ///< free, pro, business, enterprise
    /// Bodies as POST /dns_records takes them; "meta":{"read_only":true} is kept.
    std::vector<Json> records;
    std::int64_t quota = 0;  ///< 0: by plan
};

struct CloudflareSeed {
    std::string token = "lab-cloudflare-token-0123456789abcdefghij";
    std::string account_token;  ///< an account-owned token (verified at the other endpoint); empty: none
    std::vector<ZoneSeed> zones;
    std::int64_t rate_limit = 1200;  ///< per five minutes
};

struct SecretSeed {
    std::string environment;
    std::string path = "/";  ///< folders are made as needed
    std::string key;
    std::string value;
    std::string comment;
};

struct ImportSeed {
    std::string environment, path;            ///< the importing folder
    std::string from_environment, from_path;  ///< what it imports
};

struct ProjectSeed {
    std::string slug;  ///< "infrastructure"
    std::string name;  ///< empty: the slug
    std::string id;    ///< empty: one is made
    std::vector<std::string> environments{"dev", "staging", "prod"};
    std::vector<std::pair<std::string, std::string>> folders;  ///< environment, path
    std::vector<SecretSeed> secrets;
    std::vector<ImportSeed> imports;
};

struct IdentitySeed {
    std::string name = "kavi";
    std::string client_id;      ///< empty: one is made
    std::string client_secret;  ///< empty: one is made
    std::string token;          ///< a static token (token auth); empty: none
    /// project slug → role: viewer, member, admin, no-access
    std::map<std::string, std::string> roles;
    std::chrono::seconds token_ttl{2592000};
    std::chrono::seconds token_max_ttl{2592000};
    std::int64_t token_uses = 0;                            ///< 0: unlimited
    std::chrono::seconds token_period{0};                   ///< > 0: renewable for ever, that long each time
    std::int64_t client_secret_uses = 0;                    ///< logins; 0: unlimited
    std::optional<std::chrono::seconds> client_secret_ttl;  ///< of the client secret itself; unset: none
    std::chrono::seconds lockout{300};                      ///< after three wrong secrets within 30 s
};

enum class InfisicalAge { july_2026, june_2025 };

struct InfisicalSeed {
    InfisicalAge age = InfisicalAge::july_2026;
    std::vector<ProjectSeed> projects;
    std::vector<IdentitySeed> identities;
    /// Secret calls a minute, 0: not enforced (as on a self-hosted instance).
    std::int64_t rate_limit = 0;
};

struct S3Seed {
    std::string access_key = "LABACCESSKEY0000000A";
    std::string secret_key = "lab-s3-secret-key-0000000000000000000000";
    std::string region = "nbg1";
    std::vector<std::string> buckets;
    std::optional<std::filesystem::path> folder;  ///< where objects' bytes go; unset: memory
};

struct DohSeed {
    std::string edge_ipv4 = "127.0.0.1";  ///< what a proxied name answers
    std::string edge_ipv6;                ///< empty: none
};

struct LabApisConfig {
    std::string bind_address = "127.0.0.1";
    /// api ("hetzner", "storage", "cloudflare", "infisical", "s3", "doh") → port; absent or 0: any free one.
    std::map<std::string, int> ports;
    /// Every request, one JSON object a line; unset: none.
    std::optional<std::filesystem::path> request_log;
    /// Whole bodies of requests and answers in the log, values masked but of the same type: for the
    /// conformance test.
    bool verbose_log = false;
    /// Added to every answer (half a round trip there and half back).
    std::chrono::milliseconds latency{0};
    std::uint64_t seed = 1;
    ServerMachines* machines = nullptr;  ///< none: servers are entries in a table, and boot at once
    /// Does Infisical answer now? Where it says no, connections are dropped without an answer. Empty: always.
    std::function<bool()> infisical_reachable;
    HetznerSeed hetzner;
    CloudflareSeed cloudflare;
    InfisicalSeed infisical;
    S3Seed s3;
    DohSeed doh;
};

/// The servers of all APIs, from start() to stop() or destruction. All methods may be called from any thread.
class LabApis {
  public:
    explicit LabApis(LabApisConfig config);
    ~LabApis();
    LabApis(const LabApis&) = delete;
    LabApis& operator=(const LabApis&) = delete;

    /// Listens on every port; returns when all are ready. Throws errors::network_failed where a port is
    /// taken.
    void start();
    /// Ends every connection and thread. Machines stay as they are.
    void stop();

    /// The variables under which kavi finds the APIs, credentials included: HCLOUD_ENDPOINT,
    /// HETZNER_ENDPOINT, HCLOUD_TOKEN, CLOUDFLARE_BASE_URL, CLOUDFLARE_API_TOKEN, KAVI_DOH_URL,
    /// INFISICAL_API_URL, INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and _SECRET (of the first identity).
    std::map<std::string, std::string> environment() const;
    /// The base URL of one API, "http://127.0.0.1:PORT" and its prefix; "hetzner" gives ".../v1".
    std::string url(std::string_view api) const;
    int port(std::string_view api) const;

    /// Adds a fault and gives its number.
    int add_fault(Fault fault);
    std::vector<Fault> faults() const;
    /// Clears one (its number) or, without a number, all.
    void clear_faults(std::optional<int> number = std::nullopt);

    /// Adds generated records (to the first zone, whose quota grows with them), secrets (to the first
    /// project's first environment named "prod", else its last, in /scale) and servers. The same numbers give
    /// the same data.
    void seed(std::size_t records, std::size_t secrets, std::size_t servers = 0);

    /// A server dies: power and disk; the API shows nothing of it any more, its primary IPs are free.
    /// False: no server of that name.
    bool destroy_server(const std::string& name);
    /// Something beside the API switched a machine on or off (a fault, a reboot): the API shows it.
    void power_changed(const std::string& name, bool on);

    /// What the zones answer for a name and type ("A", "AAAA", "TXT", …): DNS data texts; proxied names give
    /// the edge. nullopt: no such name.
    std::optional<std::vector<std::string>> resolve(const std::string& name, const std::string& type) const;
    /// Where the edge finds what stands behind a name: the addresses that its records hold, proxied or not.
    std::vector<std::string> origin(const std::string& name) const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::lab

#pragma once

#include <kavi/base/json.hpp>
#include <kavi/base/secret.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Hetzner's Cloud resources, as far as kavi looks at them.
namespace kavi::api {

/// Keys and values of at most 63 characters: letters, digits, "-_.", a letter or digit at both ends.
using Labels = std::map<std::string, std::string>;

/// The label by which kavi knows what it made: its value is the estate's name.
inline constexpr std::string_view owner_label = "kavi-estate";

/// The label's value, or nothing.
std::string label_or_empty(const Labels& labels, std::string_view key);

struct HetznerServer {
    std::int64_t id = 0;
    std::string name;
    std::string
        status;  ///< initializing, starting, running, stopping, off, deleting, migrating, rebuilding, unknown
    std::string created;  ///< RFC 3339
    std::string type;
    std::string image;  ///< its name; empty: none, or a snapshot
    std::string location;
    bool locked = false;
    bool protect = false;  ///< from deletion and rebuild
    std::optional<std::string> ipv4;
    std::optional<std::string> ipv6;  ///< the /64 network
    std::optional<std::int64_t> ipv4_id;
    std::vector<std::int64_t> firewalls;
    Labels labels;
};

struct HetznerSshKey {
    std::int64_t id = 0;
    std::string name;
    std::string public_key;
    Labels labels;
};

struct HetznerFirewallRule {
    std::string protocol;           ///< tcp, udp, icmp, esp, gre
    std::string port;               ///< "22", "1024-5000"; empty where the protocol has none
    std::vector<std::string> from;  ///< CIDRs
    std::string direction = "in";   ///< for "out", `from` holds destinations
    friend auto operator<=>(const HetznerFirewallRule&, const HetznerFirewallRule&) = default;
};

struct HetznerFirewall {
    std::int64_t id = 0;
    std::string name;
    std::vector<HetznerFirewallRule> rules;
    std::vector<std::int64_t> servers;  ///< applied to directly
    Labels labels;
};

struct HetznerPrimaryIp {
    std::int64_t id = 0;
    std::string name;
    std::string type;  ///< "ipv4", "ipv6"
    std::string ip;    ///< an address, or a /64 network
    std::string location;
    std::optional<std::int64_t> server;  ///< assigned to
    bool auto_delete = false;
    Labels labels;
};

struct HetznerOffer {
    bool available = false;
    std::string monthly;            ///< net price, a decimal as Hetzner writes it; empty: unknown
    std::string unavailable_after;  ///< deprecated there: the date; else empty
};

struct HetznerServerType {
    std::string name;
    std::string architecture;
    int cores = 0;
    double memory = 0;                              ///< GB
    double disk = 0;                                ///< GB
    std::map<std::string, HetznerOffer> locations;  ///< where it is sold
};

struct HetznerImage {
    std::int64_t id = 0;
    std::string name;
    std::string architecture;
    std::string deprecated;  ///< since when; empty: it isn't
};

struct HetznerServerOrder {
    std::string name;
    std::string type;
    std::string image;  ///< a name, or an id in digits
    std::string location;
    std::vector<std::string> ssh_keys;  ///< names, or ids in digits
    Secret user_data;                   ///< at most 32 KiB
    Labels labels;
    std::vector<std::int64_t> firewalls;
    std::optional<std::int64_t> ipv4;  ///< a primary IP's id; absent: one is made that goes with the server
    std::optional<std::int64_t> ipv6;
};

/// What the API sent, as a value: members that are missing or of another type are left at their defaults.
HetznerServer server_from(const Json& json);
HetznerSshKey ssh_key_from(const Json& json);
HetznerFirewall firewall_from(const Json& json);
HetznerPrimaryIp primary_ip_from(const Json& json);
HetznerServerType server_type_from(const Json& json);
HetznerImage image_from(const Json& json);

/// Rules as the API takes them. A port is left out where the protocol has none (null is refused there).
Json rules_json(const std::vector<HetznerFirewallRule>& rules);

/// The body of POST /servers: image, type, location and SSH keys are strings there, the rest are numbers.
Json order_json(const HetznerServerOrder& order);

}  // namespace kavi::api

#pragma once

#include <kavi/api/hetzner_types.hpp>
#include <kavi/plan/plan.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What actions on Hetzner's side carry for their handlers: names rather than ids wherever an earlier action
/// of the same plan may make the thing.
namespace kavi::ops {

struct SshKeyStep final : plan::Payload {
    std::string name;
    std::string public_key;  ///< without the comment
    api::Labels labels;
};

struct FirewallStep final : plan::Payload {
    std::string name;
    std::vector<api::HetznerFirewallRule> rules;
    api::Labels labels;
    std::optional<std::int64_t> id;  ///< set: replace its rules
};

struct FirewallApplyStep final : plan::Payload {
    std::string firewall;
    std::int64_t server = 0;
};

struct PrimaryIpStep final : plan::Payload {
    std::string name;
    std::string type;
    std::string location;
    api::Labels labels;
};

struct ServerStep final : plan::Payload {
    std::string server;  ///< its name, in the estate and at Hetzner
    std::string estate;
    std::string type;
    std::string image;  ///< the image's id in digits: one name stands for an image per architecture
    std::string location;
    std::vector<std::string> ssh_keys;  ///< names
    std::string firewall;               ///< its name; empty: none
    std::string primary_ip;             ///< the IPv4's name
    std::optional<std::int64_t> ipv6;
    std::string user_data;  ///< with host_key_placeholder where the private key goes
};

/// Protection, power: what needs nothing but the server.
struct ServerIdStep final : plan::Payload {
    std::string server;
    std::optional<std::int64_t> id;  ///< nullopt: made by this plan
    bool wanted = true;              ///< protection: on or off
};

/// Keys to be set, and (empty optionals) to be removed.
using LabelChanges = std::map<std::string, std::optional<std::string>>;

/// Labels of a server or of a firewall: one of the two is set.
struct LabelsStep final : plan::Payload {
    std::optional<std::int64_t> server, firewall;
    LabelChanges changes;
};

/// The label with the digest of the user data that a server was made with (the API doesn't give it back).
inline constexpr std::string_view user_data_label = "kavi-user-data";

}  // namespace kavi::ops

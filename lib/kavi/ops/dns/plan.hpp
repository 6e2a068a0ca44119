#pragma once

#include <kavi/base/error.hpp>
#include <kavi/model/dns.hpp>
#include <kavi/ops/dns/observe.hpp>
#include <kavi/plan/plan.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kavi::ops {

/// What one action of kind "dns" changes.
struct DnsChange final : plan::Payload {
    enum class Kind { create, update, remove, setting } kind = Kind::create;
    std::string zone, zone_id;
    std::optional<LiveRecord> before;  ///< update, remove
    model::Record after;               ///< create, update; with its whole comment
    std::string reference;             ///< "server:bruno/ipv4": the handler asks for the value
    std::vector<std::string> tags;     ///< create: what an undo brings back
    Json record_settings = nullptr;
    std::string setting, value;  ///< setting
};

/// What a change means for the order of a deploy.
enum class DnsRole {
    creation,  ///< a name, or one more value, that wasn't answered: before the service that it leads to
    move,      ///< something that answers now will answer otherwise: after the service is healthy
    other,     ///< comments, settings, deletions of what no service needs
};

struct DnsStep {
    std::string id;  ///< of the action
    DnsRole role = DnsRole::other;
    std::string service;  ///< that the name leads to; empty: none
};

/// A record in a zone that kavi neither declared nor owns.
struct UnmanagedRecord {
    std::string zone;
    LiveRecord live;
    std::string why;  ///< "kavi:other", "read-only", "type LOC", or empty: nobody's
};

struct DnsPlan {
    plan::Plan plan;
    std::vector<DnsStep> steps;  ///< one for each action, in its order
    std::vector<UnmanagedRecord> unmanaged;
    /// What the guards say: with any of these the plan may be shown, but not applied. Each is dns_refused or
    /// foreign_owner (exit 7).
    std::vector<Error> refusals;
    std::map<std::string, int> creations, removals;  ///< by zone: how many records come and go

    /// Throws the first refusal, with the others as further causes.
    void require_allowed() const;
};

/// Decides what to change so that each observed zone is as declared. Pure.
///   ids     "dns/<zone>/<TYPE>/<name>", and "/2", "/3" where several changes have one name and type;
///           "dns/<zone>/setting/<name>"
///   kind    "dns"; group: the zone; lane: "dns/<zone>"; batch: "dns/<zone>/<n>", each within what one call
///   of
///           Cloudflare's may carry by the zone's plan; changes that need each other (a CNAME in the place of
///           an address, DS with its NS) share one
///   notes   what should be known but isn't acted on: published origins, names without a certificate, paused
///           zones, unmanaged records beside declared ones
/// Deletions ask (yes_no). Throws errors::config_invalid for what desired_records refuses and for TTLs and
/// comments that the zone's plan doesn't allow.
DnsPlan plan_dns(const model::Estate& estate,
                 const model::ServiceServers& servers,
                 const model::Addresses& addresses,
                 const DnsObservation& observation);

/// Asks how many records each zone may hold, where some are to be created (one call a zone). Throws
/// errors::dns_refused where they don't fit.
void check_quota(api::CloudflareClient& client,
                 const DnsPlan& plan,
                 const DnsObservation& observation,
                 std::stop_token stop);

}  // namespace kavi::ops

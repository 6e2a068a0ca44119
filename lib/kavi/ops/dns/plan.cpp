#include "decision.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/dns/plan.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {
namespace {

using model::DesiredRecord;

/// What depends on the zone's plan, and so is known only now.
void check_limits(const std::string& estate,
                  std::span<const DesiredRecord> desired,
                  const DnsObservation& seen) {
    Error error(errors::config_invalid, "the zone's plan at Cloudflare doesn't allow what is declared");
    for (const auto& one : desired) {
        const auto& plan = seen.at(one.zone).zone.plan;
        const auto& record = one.record;
        if (record.ttl != 1 && record.ttl < api::cloudflare_shortest_ttl(plan))
            error.because(fmt::format(
                "{}: ttl {} is below {}", one.source, record.ttl, api::cloudflare_shortest_ttl(plan)));
        if (!one.comment_declared) continue;
        const auto length = model::comment_length(model::owned_comment(record.comment, estate));
        if (const auto most = api::cloudflare_comment_limit(plan); length > most)
            error.because(fmt::format("{}: with kavi's mark the comment has {} characters, {} are allowed",
                                      one.source,
                                      length,
                                      most));
    }
    if (!error.causes().empty()) throw error.fix("correct them in kavi.toml; nothing was changed");
}

const model::Zone* declared_zone(const model::Estate& estate, const std::string& name) {
    const auto direct = estate.zones.find(name);
    if (direct != estate.zones.end()) return &direct->second;
    for (const auto& [key, zone] : estate.zones)
        if (model::normal_host(key) == name) return &zone;
    return nullptr;
}

}  // namespace

DnsPlan plan_dns(const model::Estate& estate,
                 const model::ServiceServers& servers,
                 const model::Addresses& addresses,
                 const DnsObservation& observation) {
    auto desired = model::desired_records(estate, servers, addresses);
    std::erase_if(desired, [&](const DesiredRecord& one) { return !observation.contains(one.zone); });
    check_limits(estate.name, desired, observation);
    DnsPlan plan;
    for (const auto& [name, seen] : observation) {
        const auto* zone = declared_zone(estate, name);
        if (!zone) continue;
        const auto [begin, end] = std::ranges::equal_range(desired, name, {}, &DesiredRecord::zone);
        auto decision = decide_zone(estate.name, *zone, seen, {begin, end}, plan);
        settle(decision);
        guard_zone(*zone, decision, plan);
        append_actions(std::move(decision), plan);
    }
    note_risks(desired, observation, plan);
    return plan;
}

void check_quota(api::CloudflareClient& client,
                 const DnsPlan& plan,
                 const DnsObservation& observation,
                 std::stop_token stop) {
    for (const auto& [name, created] : plan.creations) {
        const auto usage = client.usage(observation.at(name).zone.id, stop);
        const auto removed = plan.removals.contains(name) ? plan.removals.at(name) : 0;
        const auto more = created - removed;
        if (!usage.quota || more <= 0 || usage.used + more <= *usage.quota) continue;
        Error error(errors::dns_refused, fmt::format("{} more records don't fit into {}", more, name));
        error.because(
            fmt::format("it may have {} records on its plan, and has {}", *usage.quota, usage.used));
        throw error.fix("delete what nobody needs, or take a larger plan");
    }
}

}  // namespace kavi::ops

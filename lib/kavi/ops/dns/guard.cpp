#include "decision.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::ops {
namespace {

/// Without max_deletes: five, and in large zones one record in ten.
constexpr std::size_t few_deletes = 5, share_of_deletes = 10;

std::size_t allowed_deletes(const model::Zone& zone, const ZoneDecision& decision) {
    if (zone.max_deletes) return static_cast<std::size_t>(std::max(*zone.max_deletes, 0));
    const auto managed = static_cast<std::size_t>(decision.unchanged) + decision.changes.size();
    return std::max(few_deletes, managed / share_of_deletes);
}

void guard_deletes(const model::Zone& zone, const ZoneDecision& decision, DnsPlan& plan) {
    const auto is_loss = [](const RecordChange& one) {
        return one.kind == DnsChange::Kind::remove && !one.replaces;
    };
    const auto losses = static_cast<std::size_t>(std::ranges::count_if(decision.changes, is_loss));
    const auto allowed = allowed_deletes(zone, decision);
    if (losses <= allowed) return;
    const auto& name = decision.seen->zone.name;
    Error error(errors::dns_refused,
                fmt::format("{} records of {} would be deleted, {} may be", losses, name, allowed));
    for (const auto& one : decision.changes) {
        if (!is_loss(one)) continue;
        error.because(fmt::format("{} {}", one.type(), one.name()));
        if (error.causes().size() == few_deletes) break;
    }
    if (losses > few_deletes) error.because(fmt::format("and {} more", losses - few_deletes));
    error.fix(fmt::format("if that is right, set max_deletes = {} in [zones.\"{}\"]", losses, name));
    plan.refusals.push_back(std::move(error));
}

void guard_protected(const model::Zone& zone, const ZoneDecision& decision, DnsPlan& plan) {
    const auto& origin = decision.seen->zone.name;
    std::set<std::string, std::less<>> names;
    for (const auto& text : zone.protected_names)
        if (auto name = model::normal_name(text, origin)) names.insert(std::move(*name));
    for (const auto& one : decision.changes) {
        if (!one.before || !one.changes_answers() || !names.contains(one.name())) continue;
        const bool gone = one.kind == DnsChange::Kind::remove;
        Error error(
            errors::dns_refused,
            fmt::format(
                "{} {} is protected and would be {}", one.type(), one.name(), gone ? "deleted" : "changed"));
        error.because(fmt::format(
            "{} is among the protected names of {}", model::short_name(one.name(), origin), origin));
        error.fix(fmt::format("if that is right, take it out of protected in [zones.\"{}\"]", origin));
        plan.refusals.push_back(std::move(error));
    }
}

/// The list of permissions is absent for some tokens; only one that speaks of DNS says something.
void guard_rights(const ZoneDecision& decision, DnsPlan& plan) {
    const auto& zone = decision.seen->zone;
    const auto may = [&](const char* what) {
        return std::ranges::find(zone.permissions, what) != zone.permissions.end();
    };
    if (decision.changes.empty() || !may("#dns_records:read") || may("#dns_records:edit")) return;
    Error error(errors::rights_missing,
                fmt::format("the Cloudflare token may read {}, but not change it", zone.name));
    error.fix("give it Zone → DNS → Edit for this zone");
    plan.refusals.push_back(std::move(error));
}

void guard_kind(const ZoneDecision& decision, DnsPlan& plan) {
    const auto& zone = decision.seen->zone;
    if (zone.type != "secondary" || decision.changes.empty()) return;
    Error error(errors::dns_refused, fmt::format("{} is a secondary zone", zone.name));
    error.because("its records come from another name server, and can't be changed at Cloudflare");
    error.fix("change them there, or make the zone a primary one");
    plan.refusals.push_back(std::move(error));
}

}  // namespace

void guard_zone(const model::Zone& zone, const ZoneDecision& decision, DnsPlan& plan) {
    guard_rights(decision, plan);
    guard_kind(decision, plan);
    guard_deletes(zone, decision, plan);
    guard_protected(zone, decision, plan);
}

void DnsPlan::require_allowed() const {
    if (refusals.empty()) return;
    auto error = refusals.front();
    for (std::size_t i = 1; i < refusals.size(); ++i) error.because("also: " + refusals[i].message());
    throw error;
}

}  // namespace kavi::ops

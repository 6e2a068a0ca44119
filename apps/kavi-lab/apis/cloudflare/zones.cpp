#include "cloudflare.hpp"
#include "paging.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::lab::cloudflare {
namespace {

Json plan_json(const Plan& plan) {
    const auto name = plan.name == "free" ? "Free Website" : fmt::format("{} Website", plan.name);
    return {{"id", "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee"},
            {"name", name},
            {"price", plan.name == "free" ? 0 : 20},
            {"currency", "USD"},
            {"frequency", ""},
            {"is_subscribed", true},
            {"can_subscribe", false},
            {"legacy_id", plan.name},
            {"legacy_discount", false},
            {"externally_managed", false}};
}

Json zone_json(const Cloudflare& cloudflare, const Zone& zone) {
    return {{"id", zone.id()},
            {"name", zone.name()},
            {"status", "active"},
            {"paused", false},
            {"type", "full"},
            {"development_mode", 0},
            {"name_servers", {"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"}},
            {"original_name_servers", nullptr},
            {"original_registrar", nullptr},
            {"original_dnshost", nullptr},
            {"created_on", zone.created},
            {"modified_on", zone.created},
            {"activated_on", zone.created},
            {"meta",
             {{"step", 2},
              {"custom_certificate_quota", 0},
              {"page_rule_quota", 3},
              {"phishing_detected", false}}},
            {"owner", {{"id", cloudflare.account_id()}, {"name", "The lab"}, {"type", "organization"}}},
            {"account", {{"id", cloudflare.account_id()}, {"name", "The lab"}}},
            {"permissions", {"#dns_records:edit", "#dns_records:read", "#zone:read"}},
            {"plan", plan_json(zone.plan())}};
}

Answer list(const Cloudflare& cloudflare, const Call& call) {
    const auto name = call.parameter("name"), status = call.parameter("status");
    const auto account = call.parameter("account.id");
    Json items = Json::array();
    for (const auto& zone : cloudflare.zones()) {
        const bool wanted = (!name || *name == zone->name()) && (!status || *status == "active") &&
                            (!account || *account == cloudflare.account_id());
        if (wanted) items.push_back(zone_json(cloudflare, *zone));
    }
    const auto page = page_of(call, {.least = 5, .most = 50, .otherwise = 20});
    const auto [begin, end] = page.range(items.size());
    Json shown = Json::array();
    for (auto i = begin; i < end; ++i) shown.push_back(items[i]);
    return success(shown, page.info(items.size()));
}

}  // namespace

void add_zone_routes(Router& router, Cloudflare& cloudflare) {
    router.add("GET", "/zones", [&cloudflare](const Call& call) { return list(cloudflare, call); });
    router.add("GET", "/zones/{zone_id}", [&cloudflare](const Call& call) {
        return success(zone_json(cloudflare, cloudflare.zone_of(call)));
    });
}

}  // namespace kavi::lab::cloudflare

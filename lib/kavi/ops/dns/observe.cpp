#include <kavi/base/error_codes.hpp>
#include <kavi/base/parallel.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/observe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace kavi::ops {
namespace {

constexpr std::size_t most_at_once = 8;

std::vector<std::string> declared_settings(const model::Zone& zone) {
    std::vector<std::string> settings;
    if (zone.ssl) settings.emplace_back("ssl");
    if (zone.always_use_https) settings.emplace_back("always_use_https");
    if (zone.min_tls_version) settings.emplace_back("min_tls_version");
    return settings;
}

api::CloudflareZone look_up(api::CloudflareClient& client, const std::string& name, std::stop_token stop) {
    auto zones = client.zones_named(name, stop);
    // IDN zones may be listed under their Unicode name.
    std::erase_if(zones,
                  [&](const api::CloudflareZone& zone) { return model::normal_host(zone.name) != name; });
    if (zones.empty()) {
        Error error(errors::rights_missing, fmt::format("the Cloudflare token sees no zone {}", name));
        throw error.fix(
            "give the token Zone → Zone → Read and Zone → DNS → Edit for it, or add the zone to the account");
    }
    if (zones.size() > 1) {
        Error error(errors::dns_refused, fmt::format("there are {} zones {}", zones.size(), name));
        for (const auto& zone : zones)
            error.because(
                fmt::format("one in account {}, {}", printable(zone.account_id), printable(zone.type)));
        throw error.fix("use a token that is limited to one of the accounts");
    }
    zones.front().name = name;
    return std::move(zones.front());
}

ZoneObservation observe_zone(api::CloudflareClient& client,
                             const ZoneQuestion& question,
                             std::stop_token stop) {
    ZoneObservation seen;
    seen.zone = look_up(client, question.name, stop);
    const auto begin = [&](std::size_t expected) {
        seen.records.clear();
        seen.records.reserve(expected);
    };
    const auto take = [&](api::CloudflareRecord record) {
        seen.records.push_back(live_record(std::move(record)));
    };
    client.list_records(seen.zone.id, begin, take, stop);
    for (const auto& setting : question.settings)
        seen.settings[setting] = client.setting(seen.zone.id, setting, stop);
    return seen;
}

/// The token's check and each zone, side by side.
struct Task {
    const ZoneQuestion* question = nullptr;  ///< null: the token
};

struct Seen {
    bool user_token = false;
    ZoneObservation zone;
};

void check_account_token(api::CloudflareClient& client, const DnsObservation& seen, std::stop_token stop) {
    const auto zone = seen.begin();
    if (zone != seen.end() && client.verify_account_token(zone->second.zone.account_id, stop)) return;
    Error error(errors::credentials_refused, "Cloudflare doesn't know the token");
    error.because("it is neither a user's token nor one of the zone's account");
    throw error.fix("check CLOUDFLARE_API_TOKEN, or the secret that [cloudflare] token names");
}

}  // namespace

std::vector<ZoneQuestion> zone_questions(const model::Estate& estate, std::span<const std::string> only) {
    std::vector<ZoneQuestion> questions;
    std::vector<std::string> names, left(only.begin(), only.end());
    for (const auto& [key, zone] : estate.zones) {
        const auto name = model::normal_host(key).value_or(key);
        names.push_back(key);
        const bool wanted = only.empty() || std::erase_if(left, [&](const std::string& one) {
                                                return one == key || model::normal_host(one) == name;
                                            }) > 0;
        if (wanted) questions.push_back({name, declared_settings(zone)});
    }
    if (left.empty()) return questions;
    Error error(errors::unknown_name, fmt::format("no zone {} in the estate", printable(left.front())));
    const auto near = nearest(left.front(), names);
    throw error.fix(near ? fmt::format("did you mean {}?", *near)
                         : fmt::format("its zones are {}", join(names, ", ")));
}

DnsObservation observe_dns(api::CloudflareClient& client,
                           std::span<const ZoneQuestion> zones,
                           std::stop_token stop) {
    if (zones.empty()) return {};
    std::vector<Task> tasks{{}};
    for (const auto& zone : zones) tasks.push_back({&zone});
    const auto work = [&](const Task& task, std::stop_token ended) {
        if (!task.question) return Seen{.user_token = client.verify_user_token(ended)};
        return Seen{.zone = observe_zone(client, *task.question, ended)};
    };
    auto results = map_parallel(std::span<const Task>(tasks), most_at_once, stop, work);
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted while looking at the zones");
    DnsObservation seen;
    for (std::size_t i = 1; i < results.size(); ++i)
        seen[zones[i - 1].name] = std::move(value_of(results[i]).zone);
    if (!value_of(results[0]).user_token) check_account_token(client, seen, stop);
    return seen;
}

}  // namespace kavi::ops

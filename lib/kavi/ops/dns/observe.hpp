#pragma once

#include <kavi/api/cloudflare.hpp>
#include <kavi/model/dns.hpp>

#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace kavi::ops {

/// A record as it stands in a zone.
struct LiveRecord {
    std::string id;
    model::Record record;  ///< of types that aren't managed: the value is Cloudflare's text, as it came
    bool read_only = false;
    std::vector<std::string> tags;
    Json settings = nullptr;
};

/// A zone, as it is.
struct ZoneObservation {
    api::CloudflareZone zone;
    std::vector<LiveRecord> records;
    std::map<std::string, std::string> settings;  ///< those that were asked for
};

/// By the zone's name.
using DnsObservation = std::map<std::string, ZoneObservation>;

/// A zone to look at, and which of its settings.
struct ZoneQuestion {
    std::string name;
    std::vector<std::string> settings;
};

/// The declared zones (or only those named) with the settings that are declared. Throws errors::unknown_name,
/// with did-you-mean.
std::vector<ZoneQuestion> zone_questions(const model::Estate& estate, std::span<const std::string> only);

/// Looks at all zones at once, and at the token beside them: one look-up, the list's pages and one read per
/// setting for each zone; one token check, two where the token belongs to an account. Throws the first
/// failure; rights_missing where the token doesn't see a zone or may not read it.
DnsObservation observe_dns(api::CloudflareClient& client,
                           std::span<const ZoneQuestion> zones,
                           std::stop_token stop);

/// A record of the API in normal form.
LiveRecord live_record(api::CloudflareRecord record);

}  // namespace kavi::ops

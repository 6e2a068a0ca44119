#pragma once

#include "zone.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::cloudflare {

/// The zone as BIND text, with comments and reserved tags after ';'.
std::string export_zone(const Zone& zone);

/// The bodies (as POST takes them) of the records in BIND text; SOA and the apex's NS are left out. $ORIGIN
/// and $TTL are understood, $INCLUDE and $GENERATE refused. Throws Problem.
std::vector<Json> parse_zone_file(std::string_view text, const std::string& zone, bool proxied);

}  // namespace kavi::lab::cloudflare

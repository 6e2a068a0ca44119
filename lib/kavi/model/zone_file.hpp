#pragma once

#include <kavi/model/record.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Zone files (RFC 1035, section 5; $TTL of RFC 2308), as Cloudflare exports and imports them: comments, and
/// "cf_tags=cf-proxied:true", stand behind ';'.
namespace kavi::model {

/// Something in a zone file that wasn't taken, and why.
struct ZoneFileNote {
    int line = 0;
    std::string text;  ///< "SOA is left to Cloudflare", "type LOC isn't managed"
};

struct ZoneFile {
    std::vector<Record> records;      ///< in normal form, doubled ones once
    std::vector<ZoneFileNote> notes;  ///< what was passed over
};

/// The zone's records as text, in order of name (the zone itself first), type and value. Reading it gives the
/// same records.
std::string write_zone_file(std::string_view zone, std::span<const Record> records);

/// Throws errors::file_unreadable with `source` and the line for what isn't a zone file: open quotes or
/// parentheses, $INCLUDE, $GENERATE, names outside the zone, values that aren't valid for their type.
ZoneFile read_zone_file(std::string_view text, std::string_view zone, std::string_view source);

/// The records as [[records]] entries of kavi.toml.
std::string to_toml(std::string_view zone, std::span<const Record> records);

}  // namespace kavi::model

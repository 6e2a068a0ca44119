#pragma once

#include "estate_types.hpp"

#include <kavi/model/estate.hpp>

namespace kavi::model {

/// The one description of kavi.toml: each key with its type, default and meaning. Reading, showing, the JSON
/// schema and docs/estate-file.md come from it.
const Type<Estate>& estate_type();

/// The tables of docs/estate-file.md.
std::vector<ReferenceTable> estate_reference();

/// Types whose form is their own (estate_shapes.cpp).
TypePtr<std::vector<FirewallRule>> firewall_rules();
TypePtr<Probe> probe();
TypePtr<std::map<std::string, std::variant<std::string, std::int64_t>>> record_data();

/// "22/tcp", "1024-5000/udp", "icmp".
std::optional<FirewallRule> parse_firewall_rule(std::string_view text);

}  // namespace kavi::model

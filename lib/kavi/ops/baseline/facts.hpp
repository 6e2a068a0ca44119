#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/estate.hpp>

#include <string>

namespace kavi::ops {

/// What has to be asked of a server, as parts of the runner's "facts": {"baseline": {"items": {id: spec}}},
/// its mounts
/// ("mount/<storage>") among them. Empty where the server's baseline is "none" and it mounts nothing.
Json baseline_facts_parts(const model::Estate& estate, const std::string& server);

}  // namespace kavi::ops

#pragma once

#include <kavi/ops/status/status.hpp>

#include <vector>

namespace kavi::ops {

/// One check for each item that was looked for: how old its backup is in each store, against [backup] rpo,
/// and when it was last verified. An item that no store could be asked about is unknown. Pure.
std::vector<Check> backup_checks(const model::LoadedEstate& loaded, const StatusObservation& seen);

}  // namespace kavi::ops

#pragma once

#include <kavi/ops/dns/images.hpp>
#include <kavi/ops/dns/plan.hpp>

#include <span>

namespace kavi::ops {

/// The zones that the images are of.
std::vector<ZoneQuestion> zones_of(std::span<const RecordImage> images);

/// Decides how to take back what the images say was changed. Refused (errors::dns_refused, in `refusals`)
/// where a record isn't what that run left. What a cut-off run intended but didn't do needs nothing. Pure.
DnsPlan plan_undo(std::span<const RecordImage> images, const DnsObservation& observation);

}  // namespace kavi::ops

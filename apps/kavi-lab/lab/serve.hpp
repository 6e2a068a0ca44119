#pragma once

#include "images/builder.hpp"
#include "lab/options.hpp"
#include "lab/place.hpp"

namespace kavi::lab {

/// Starts the lab in a process of its own that goes on after this one; returns when it is ready. Throws what
/// it died of.
void serve_in_background(const Place& place, const LabOptions& options, const Progress& progress);

}  // namespace kavi::lab

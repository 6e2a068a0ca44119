#pragma once

#include "../output.hpp"

#include <kavi/ops/status/status.hpp>

#include <chrono>
#include <string>

namespace kavi::app {

/// The verdict first, then what isn't well (all checks with `all`), then the counts.
std::string status_text(const ops::StatusReport& report, bool all, std::chrono::milliseconds took, std::string_view clock_time, const Stream& stream);

}  // namespace kavi::app

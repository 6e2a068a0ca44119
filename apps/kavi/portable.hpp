#pragma once

#include "environment.hpp"

#include <kavi/ops/agent_install/plan.hpp>

#include <optional>
#include <stop_token>

namespace kavi::app {

/// The portable executable that servers get: KAVI_PORTABLE_EXECUTABLE, else this program where it is the portable one itself, else
/// ../lib/kavi/kavi-portable beside it. Throws what ops::look_at_program throws.
std::optional<ops::AgentProgram> portable_executable(const Environment& environment, std::stop_token stop);

}  // namespace kavi::app

#pragma once

#include "../output.hpp"

#include <kavi/plan/plan.hpp>

#include <string>

namespace kavi::app {

/// The plan as a person reads it before saying yes: by group, one action a line, then what stays as it is, the
/// notes and the digest. Lines are cut to the stream's width where it is a terminal.
std::string plan_text(const plan::Plan& plan, const Stream& stream);

/// "9 services, 8 records, 1 server".
std::string unchanged_text(const plan::Plan& plan);

/// "5b1e…9c" of "sha256:5b1e…".
std::string short_digest(std::string_view digest);

/// "0.6 s", "38 s", "4 min 12 s".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace kavi::app

#pragma once

#include "../result.hpp"
#include "../session.hpp"

#include <string>

namespace kavi::app {

/// Could that server be recovered now? Asks everything that a recovery needs, and changes nothing. Exit 8 where
/// something is missing.
Result check_recovery(Session& session, const std::string& server);

}  // namespace kavi::app

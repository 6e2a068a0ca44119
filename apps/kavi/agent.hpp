#pragma once

#include "environment.hpp"
#include "output.hpp"

#include <kavi/base/error.hpp>

#include <span>
#include <stop_token>
#include <string>

namespace kavi::app {

struct AgentCall {
    std::span<const std::string> words;  ///< "backup", "restore" or "verify", then perhaps "--request", FILE
    const Environment& environment;
    int input = 0;  ///< where the request comes from without --request
    Sink& out;      ///< event lines (docs/backups.md, "The agent")
    std::stop_token stop;
};

/// `kavi __agent`, on a server, below a lock that its caller holds. Whoever gives --request is the timer:
/// then the request's notification address hears how it ended. Errors are told in `out`; the exit code is
/// what they lead to, Exit::partial where only some of a backup went wrong.
Exit run_agent(const AgentCall& call);

}  // namespace kavi::app

#pragma once

#include "cli/options.hpp"
#include "result.hpp"
#include "session.hpp"

#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>

#include <filesystem>
#include <functional>
#include <string>

namespace kavi::app {

/// Who runs what, and where its records lie: $XDG_STATE_HOME/kavi/runs/RUN (0700). Made once per command, before
/// anything is observed; nothing is written until something changes.
struct RunRecord {
    std::string run;      ///< "20261125T101500Z-4f2a"
    std::string who;      ///< "ana@laptop"
    std::string command;  ///< "kavi deploy"
    std::filesystem::path folder;
};

RunRecord make_run_record(const Session& session, std::string_view command);

/// A command that changes something, once it knows its plan.
struct Changing {
    std::string command;   ///< "Deploy": the question is "Deploy? [y/N]"
    std::string headline;  ///< shown above the plan; may be empty
    std::string nothing;   ///< the line where the plan is empty
    const plan::Plan& plan;
    const run::Handlers& handlers;
    run::Listener& listener;  ///< make_progress(), which the handlers may know too
    const RunRecord& record;
    /// Called after the question, before the first action; throws what forbids to go on (guards, allow_change).
    std::function<void()> before_apply = [] {};
    /// The last line of a run in which all went well ("undo: kavi rollback …"); may be empty.
    std::string next_step = {};
    /// False: what the person typed is answer enough (`secrets set`), unless an action asks more.
    bool question = true;
};

/// Shows the plan, saves or checks it (--save-plan, --plan), asks, applies it, and says what came of it. Exit codes
/// as docs/cli.md has them. Throws errors::plan_stale, confirmation_required, interrupted.
Result change(Session& session, const ChangeOptions& options, const Changing& changing);

}  // namespace kavi::app

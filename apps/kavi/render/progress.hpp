#pragma once

#include "../output.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/run/executor.hpp>

#include <memory>

namespace kavi::app {

/// What a run says while it goes on: live lines in a terminal, a line for each start and end in a pipe (and a sign
/// of life every 30 s), JSON lines where --json-events asks for them. All carry the same facts.
std::unique_ptr<run::Listener> make_progress(Output& output, Clock& clock);

}  // namespace kavi::app

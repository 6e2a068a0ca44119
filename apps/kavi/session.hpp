#pragma once

#include "cli/options.hpp"
#include "environment.hpp"
#include "output.hpp"

#include <kavi/base/clock.hpp>

#include <stop_token>

namespace kavi::app {

/// What a command is run with: references and values, nothing global. A test builds one from fakes.
class Session {
  public:
    struct Parts {
        const Environment& environment;
        const GlobalOptions& options;
        Clock& clock;
        Output& output;
        Prompt& prompt;
        std::stop_token stop;
    };

    explicit Session(Parts parts)
        : environment(parts.environment),
          options(parts.options),
          clock(parts.clock),
          output(parts.output),
          prompt(parts.prompt),
          stop(std::move(parts.stop)) {}

    const Environment& environment;
    const GlobalOptions& options;
    Clock& clock;
    Output& output;
    Prompt& prompt;
    const std::stop_token stop;
};

}  // namespace kavi::app

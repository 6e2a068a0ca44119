#pragma once

#include "../output.hpp"

#include <kavi/base/json.hpp>

namespace kavi::app {

/// "✘ what / why / what to do / more: kavi explain CODE"; a GitHub log also gets an annotation, and nothing
/// in the text can be taken for a command of its CI.
std::string error_text(const Error& error, const Stream& stream, CiKind ci);

/// {"code", "message", "cause": […], "fix"} as docs/cli.md has it.
OrderedJson error_json(const Error& error);

/// Lines that came from elsewhere, made harmless for a CI's log.
std::string ci_safe(std::string_view text, CiKind ci);

}  // namespace kavi::app

#pragma once

#include "lab/place.hpp"

#include <kavi/base/json.hpp>

#include <functional>
#include <stop_token>

namespace kavi::lab {

/// Serves the lab's control socket until `stop`: a line of JSON in, a line of JSON out, one at a time. What
/// `answer` throws becomes {"ok": false, "message", "causes", "fix"}.
void serve_control(const Place& place, const std::function<Json(const Json&)>& answer, std::stop_token stop);

/// Asks the lab that lives there. Throws what it answered, or that no lab is up.
std::string ask_lab(const Place& place, const Json& request);

}  // namespace kavi::lab

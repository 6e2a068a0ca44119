#pragma once

#include "result.hpp"

namespace kavi::app {

/// "kavi 0.1.0"; the data also says which libraries this executable runs with. Asks no library to start up.
Result version(bool with_libraries);

}  // namespace kavi::app

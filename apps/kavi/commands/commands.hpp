#pragma once

#include "../command_table.hpp"

/// One define function a row; each lies in the file of its name.
namespace kavi::app {

Run define_completion(Arguments& arguments);
Run define_config_check(Arguments& arguments);
Run define_config_schema(Arguments& arguments);
Run define_config_show(Arguments& arguments);
Run define_config_trust(Arguments& arguments);
Run define_explain(Arguments& arguments);
Run define_help(Arguments& arguments);

}  // namespace kavi::app

#pragma once

#include <span>
#include <string>

namespace kavi::standin {

/// Becomes the service of that name, with the arguments that its image was given. Returns where nothing is
/// left to do, else serves for ever. `config` of the role "standin" names a file with a line for each port:
///   http PORT [PATH]      answers 200: JSON on that path (or any), a page elsewhere
///   tcp PORT              accepts connections
///   https PORT CERTIFICATE KEY HOST=PORT…   forwards by host name to ports of this machine
int play(const std::string& role, std::span<char*> arguments);

}  // namespace kavi::standin

#pragma once

#include <filesystem>
#include <string>

namespace kavi::app {

/// The reference page (docs/cli-reference.md) in Markdown: every command, its arguments, the options, the
/// exit codes.
std::string reference_page();

/// Writes kavi.1 and one kavi-COMMAND.1 for each command into the folder.
void write_manual(const std::filesystem::path& folder);

}  // namespace kavi::app

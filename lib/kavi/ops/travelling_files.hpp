#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace kavi::ops {

/// The names below `folder` of every file that git tracks, or of every file where there is no git (or nothing of
/// that folder is tracked); what git ignores stays. A name may be that of a link, or of a file that was deleted here.
std::vector<std::string> travelling_files(const std::filesystem::path& folder, std::stop_token stop);

}  // namespace kavi::ops

#pragma once

#include <filesystem>
#include <string>

namespace kavi::lab {

/// The Debian archive that this machine installs from, read from its own apt sources
/// ("http://deb.debian.org/debian" where they name none). KAVI_LAB_MIRROR wins.
std::string apt_mirror(const std::filesystem::path& apt_folder = "/etc/apt");

}  // namespace kavi::lab

#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace kavi::test {

/// The folder of documents and test vectors that aren't ours: KAVI_SPECS, else beside the checkout, else in
/// it. nullopt: a clone without them; the test then says "SKIPPED: …". The including target defines
/// KAVI_SOURCE_DIR.
inline std::optional<std::filesystem::path> specs_folder(const std::string& wanted) {
    const char* named = std::getenv("KAVI_SPECS");
    const std::filesystem::path source = KAVI_SOURCE_DIR;
    for (const auto& folder : {std::filesystem::path(named ? named : ""),
                               source.parent_path() / "shared/api",
                               source / "shared/api"})
        if (!folder.empty() && std::filesystem::exists(folder / wanted)) return folder;
    return std::nullopt;
}

}  // namespace kavi::test

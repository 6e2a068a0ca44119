#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/travelling_files.hpp>

#include <optional>

namespace kavi::ops {

namespace {

namespace fs = std::filesystem;

std::optional<std::vector<std::string>> tracked_files(const fs::path& folder, std::stop_token stop) {
    const auto finished =
        run_command({.arguments = {"git", "-C", folder.string(), "ls-files", "-z", "--", "."},
                     .input = {},
                     .folder = {},
                     .timeout = std::chrono::seconds(20)},
                    std::move(stop));
    if (finished.status != 0) return std::nullopt;
    auto names = split(finished.output, '\0');
    std::erase(names, "");
    if (names.empty()) return std::nullopt;
    return names;
}

std::vector<std::string> all_files(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file() && !entry.is_symlink())
            names.push_back(entry.path().lexically_relative(folder).generic_string());
    return names;
}

}  // namespace

std::vector<std::string> travelling_files(const fs::path& folder, std::stop_token stop) {
    auto names = tracked_files(folder, std::move(stop));
    return names ? *std::move(names) : all_files(folder);
}

}  // namespace kavi::ops

#include "portable.hpp"

#include <kavi_version.hpp>

namespace kavi::app {

namespace {

namespace fs = std::filesystem;

std::optional<fs::path> find_executable(const Environment& environment) {
    if (const auto named = environment.find("KAVI_PORTABLE_EXECUTABLE")) return fs::absolute(*named);
    std::error_code problem;
    const auto own = fs::read_symlink("/proc/self/exe", problem);
    if (problem) return std::nullopt;
#ifdef KAVI_PORTABLE
    return own;
#else
    const auto beside = own.parent_path().parent_path() / "lib/kavi/kavi-portable";
    return fs::exists(beside, problem) ? std::optional(beside) : std::nullopt;
#endif
}

}  // namespace

std::optional<ops::AgentProgram> portable_executable(const Environment& environment, std::stop_token stop) {
    const auto file = find_executable(environment);
    if (!file) return std::nullopt;
    return ops::look_at_program(*file, std::move(stop));
}

}  // namespace kavi::app

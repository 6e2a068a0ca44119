#include "boxes.hpp"

#include <algorithm>
#include <stdexcept>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kavi::lab::storage {
namespace {

namespace fs = std::filesystem;

void run(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
        throw std::runtime_error(words.front() + " can't be started");
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error(words.front() + " failed");
}

}  // namespace

std::int64_t bytes_below(const fs::path& folder) {
    std::int64_t bytes = 0;
    std::error_code problem;
    auto entry =
        fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, problem);
    for (; entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
        if (problem) break;
        std::error_code vanished;
        const bool plain = entry->is_regular_file(vanished) && !entry->is_symlink(vanished);
        const auto size = plain ? entry->file_size(vanished) : 0;
        if (!vanished) bytes += static_cast<std::int64_t>(size);
    }
    return bytes;
}

std::vector<std::string> folders_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder, problem))
        if (entry.is_directory(problem) && !entry.is_symlink(problem))
            names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

fs::path copy_of(const Box& box, const std::string& snapshot) {
    const auto disk = fs::absolute(*box.folder).lexically_normal();
    return disk.parent_path() / (disk.filename().string() + ".snapshots") / snapshot;
}

void copy_tree(const fs::path& from, const fs::path& to) {
    fs::create_directories(to);
    run({"cp", "-a", "--", from.string() + "/.", to.string()});
}

void empty_folder(const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename() != "lost+found") fs::remove_all(entry.path());
}

}  // namespace kavi::lab::storage

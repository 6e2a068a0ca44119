#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/ops/stacks/files.hpp>
#include <kavi/ops/travelling_files.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <vector>

namespace kavi::ops {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = std::size_t{4} << 20;
constexpr std::size_t largest_sum = std::size_t{32} << 20;

Error too_large(const std::string& what, std::size_t limit) {
    Error error(errors::config_invalid, fmt::format("{} is larger than {} MiB", what, limit >> 20));
    return error.fix("what travels with a stack is configuration; data belongs in a volume or on a mount");
}

}  // namespace

std::string stack_folder(const model::Stack& stack) {
    if (stack.compose.empty())
        throw Error(errors::config_invalid, fmt::format("stack {} has no compose file", stack.name));
    return fs::path(stack.compose.front()).parent_path().generic_string();
}

std::vector<std::string> compose_names(const model::Stack& stack) {
    const fs::path folder = stack_folder(stack);
    std::vector<std::string> names;
    for (const auto& file : stack.compose) {
        const auto name = fs::path(file).lexically_normal().lexically_relative(folder.empty() ? "." : folder);
        if (name.empty() || name.generic_string().starts_with("..")) {
            Error error(errors::config_invalid,
                        fmt::format("{} lies outside the folder of {}", file, stack.compose.front()));
            throw error.fix("put the compose files of a stack into one folder");
        }
        names.push_back(name.generic_string());
    }
    return names;
}

StackFiles read_stack_files(const model::Estate& estate, const model::Stack& stack, std::stop_token stop) {
    const auto folder = fs::path(estate.folder) / stack_folder(stack);
    auto names = travelling_files(folder, std::move(stop));
    for (const auto& name : compose_names(stack)) names.push_back(name);
    StackFiles files;
    std::size_t sum = 0;
    for (const auto& name : names) {
        const auto path = folder / name;
        std::error_code gone;
        if (!fs::is_regular_file(fs::symlink_status(path, gone))) continue;  // deleted here, or a link
        if (fs::file_size(path) > largest_file) throw too_large(name, largest_file);
        const bool executable = (fs::status(path).permissions() & fs::perms::owner_exec) != fs::perms::none;
        auto& file = files[name] = {read_file(path), executable};
        sum += file.bytes.size();
        if (sum > largest_sum) throw too_large(folder.string(), largest_sum);
    }
    return files;
}

}  // namespace kavi::ops

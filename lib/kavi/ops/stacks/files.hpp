#pragma once

#include <kavi/model/estate.hpp>

#include <map>
#include <stop_token>
#include <string>

namespace kavi::ops {

/// A file that travels with a stack.
struct StackFile {
    std::string bytes;
    bool executable = false;
};

/// By the path below the stack's folder: "redis/redis.sh".
using StackFiles = std::map<std::string, StackFile>;

/// The folder that holds the stack's first compose file, relative to the estate's.
std::string stack_folder(const model::Stack& stack);

/// The compose files' names below that folder. Throws errors::config_invalid for one that lies elsewhere.
std::vector<std::string> compose_names(const model::Stack& stack);

/// Every file below the stack's folder that git tracks (as it lies there now), or every file where there is
/// no git; links and what git ignores stay. Throws errors::config_invalid beyond 4 MiB a file or 32 MiB in
/// all, and errors::file_unreadable.
StackFiles read_stack_files(const model::Estate& estate, const model::Stack& stack, std::stop_token stop);

}  // namespace kavi::ops

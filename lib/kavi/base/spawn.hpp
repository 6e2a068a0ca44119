#pragma once

#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>

#include <string>
#include <string_view>

#include <sys/types.h>

/// What run_command and Child have in common; nobody else's.
namespace kavi {

/// A program under way in a process group of its own, and our ends of its pipes.
struct Spawned {
    pid_t id = -1;  ///< -1: it couldn't be started
    int error = 0;  ///< errno then
    FileDescriptor input, output, errors;
};

Spawned spawn(const Command& command);

/// write(2) that a reader who is gone answers with EPIPE: no signal, whatever this process does with SIGPIPE.
ssize_t write_quietly(int fd, std::string_view bytes);

/// The exit status as shells give it: 128 + n for signal n.
int exit_status(int wait_status);

}  // namespace kavi

#include <kavi/base/spawn.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace kavi {

namespace {

struct Pipe {
    FileDescriptor read, write;
};

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::vector<std::string> environment_of(const Command& command) {
    std::vector<std::string> lines;
    const auto replaced = [&](std::string_view line) {
        return std::ranges::any_of(command.environment, [&](const auto& pair) {
            return line.starts_with(pair.first) && line.substr(pair.first.size()).starts_with('=');
        });
    };
    for (char** line = environ; !command.only_environment && *line; ++line)
        if (!replaced(*line)) lines.emplace_back(*line);
    for (const auto& [name, value] : command.environment) lines.push_back(name + "=" + value);
    return lines;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (auto& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

struct Ends {
    int in, out, err, failed;
};

/// Runs in the child between fork and exec: async-signal-safe calls only. Where it fails, errno goes into
/// `failed`, which exec closes.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* folder, Ends ends) {
    ::setpgid(0, 0);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(ends.in, 0);
    ::dup2(ends.out, 1);
    ::dup2(ends.err, 2);
    if (!folder || ::chdir(folder) == 0) ::execvpe(arguments[0], arguments, environment);
    const int reason = errno;
    if (::write(ends.failed, &reason, sizeof reason) < 0) ::_exit(127);
    ::_exit(127);
}

/// Errno of the child's exec, 0 where it went well: then the pipe's other end is closed.
int start_error(const FileDescriptor& failed) {
    int reason = 0;
    ssize_t count = 0;
    do count = ::read(failed.get(), &reason, sizeof reason);
    while (count < 0 && errno == EINTR);
    return count == sizeof reason ? reason : 0;
}

}  // namespace

Spawned spawn(const Command& command) {
    auto in = make_pipe(), out = make_pipe(), err = make_pipe(), failed = make_pipe();
    if (!in.read || !out.read || !err.read || !failed.read) return {-1, errno, {}, {}, {}};
    auto arguments = command.arguments;
    auto environment = environment_of(command);
    const auto argument_pointers = pointers(arguments);
    const auto environment_pointers = pointers(environment);
    const auto folder = command.folder ? command.folder->string() : std::string();

    const pid_t child = ::fork();
    if (child < 0) return {-1, errno, {}, {}, {}};
    if (child == 0)
        become(argument_pointers.data(),
               environment_pointers.data(),
               command.folder ? folder.c_str() : nullptr,
               {in.read.get(), out.write.get(), err.write.get(), failed.write.get()});
    failed.write.close();
    if (const int error = start_error(failed.read); error != 0) {
        ::waitpid(child, nullptr, 0);
        return {-1, error, {}, {}, {}};
    }
    return {child, 0, std::move(in.write), std::move(out.read), std::move(err.read)};
}

ssize_t write_quietly(int fd, std::string_view bytes) {
    sigset_t pipe, before, waiting;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::sigpending(&waiting);
    const bool was_waiting = ::sigismember(&waiting, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
    const auto count = ::write(fd, bytes.data(), bytes.size());
    const int error = errno;
    if (count < 0 && error == EPIPE && !was_waiting) {
        const timespec now{};
        ::sigtimedwait(&pipe, nullptr, &now);
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return count;
}

int exit_status(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace kavi

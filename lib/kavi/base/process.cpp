#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace kavi {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

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

/// Runs in the child between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* folder, int in, int out, int err) {
    ::setpgid(0, 0);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    if (folder && ::chdir(folder) != 0) ::_exit(127);
    ::execvpe(arguments[0], arguments, environment);
    const char* reason = std::strerror(errno);
    if (::write(2, reason, std::strlen(reason)) < 0) ::_exit(127);
    ::_exit(127);
}

/// Feeds `input` and collects both outputs until the child has closed them, or `give_up` says so.
template <typename GiveUp>
void exchange(Pipe& in, Pipe& out, Pipe& err, std::string_view input, Finished& finished, GiveUp give_up) {
    ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
    if (input.empty()) in.write.close();
    while (out.read || err.read) {
        if (give_up()) return;
        pollfd polled[3] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {in.write.get(), POLLOUT, 0}};
        ::poll(polled, 3, 100);
        const auto drain = [](FileDescriptor& end, short events, std::string& into) {
            if (!events) return;
            char buffer[65536];
            const auto count = ::read(end.get(), buffer, sizeof buffer);
            if (count > 0)
                into.append(buffer, static_cast<std::size_t>(count));
            else if (count == 0 || errno != EINTR)
                end.close();
        };
        drain(out.read, polled[0].revents, finished.output);
        drain(err.read, polled[1].revents, finished.errors);
        if (in.write && polled[2].revents) {
            const auto count = ::write(in.write.get(), input.data(), input.size());
            if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
            if (input.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) in.write.close();
        }
    }
}

}  // namespace

Finished run_command(const Command& command, std::stop_token stop) {
    auto in = make_pipe(), out = make_pipe(), err = make_pipe();
    auto arguments = command.arguments;
    auto environment = environment_of(command);
    const auto argument_pointers = pointers(arguments);
    const auto environment_pointers = pointers(environment);
    const auto folder = command.folder ? command.folder->string() : std::string();
    const auto deadline = command.timeout ? std::chrono::steady_clock::now() + *command.timeout : SteadyTime::max();

    const pid_t child = ::fork();
    if (child < 0) return {127, {}, std::strerror(errno), false};
    if (child == 0)
        become(argument_pointers.data(), environment_pointers.data(), command.folder ? folder.c_str() : nullptr,
               in.read.get(), out.write.get(), err.write.get());
    in.read.close();
    out.write.close();
    err.write.close();

    Finished finished;
    SteadyTime kill_at = SteadyTime::max();
    const auto give_up = [&] {
        const auto now = std::chrono::steady_clock::now();
        if (kill_at == SteadyTime::max() && (stop.stop_requested() || now >= deadline)) {
            finished.timed_out = now >= deadline;
            ::kill(-child, SIGTERM);
            kill_at = now + std::chrono::seconds(2);
        }
        if (now < kill_at) return false;
        ::kill(-child, SIGKILL);
        return true;
    };
    struct sigaction ignore_pipe {}, before {};
    ignore_pipe.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore_pipe, &before);
    exchange(in, out, err, command.input, finished, give_up);
    ::sigaction(SIGPIPE, &before, nullptr);

    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (give_up()) {
            ::waitpid(child, &status, 0);
            break;
        }
        ::usleep(2000);
    }
    finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished;
}

}  // namespace kavi

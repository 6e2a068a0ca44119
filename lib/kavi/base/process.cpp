#include <kavi/base/process.hpp>
#include <kavi/base/spawn.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kavi {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Feeds `input` and collects both outputs until the child has closed them, or `give_up` says so.
template <typename GiveUp>
void exchange(Spawned& child, std::string_view input, Finished& finished, GiveUp give_up) {
    ::fcntl(child.input.get(), F_SETFL, O_NONBLOCK);
    if (input.empty()) child.input.close();
    while (child.output || child.errors) {
        if (give_up()) return;
        pollfd polled[3] = {{child.output.get(), POLLIN, 0},
                            {child.errors.get(), POLLIN, 0},
                            {child.input.get(), POLLOUT, 0}};
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
        drain(child.output, polled[0].revents, finished.output);
        drain(child.errors, polled[1].revents, finished.errors);
        if (child.input && polled[2].revents) {
            const auto count = write_quietly(child.input.get(), input);
            if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
            if (input.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) child.input.close();
        }
    }
}

}  // namespace

Finished run_command(const Command& command, std::stop_token stop) {
    const auto deadline =
        command.timeout ? std::chrono::steady_clock::now() + *command.timeout : SteadyTime::max();
    auto child = spawn(command);
    if (child.id < 0) return {127, {}, std::strerror(child.error), false};

    Finished finished;
    SteadyTime kill_at = SteadyTime::max();
    const auto give_up = [&] {
        const auto now = std::chrono::steady_clock::now();
        if (kill_at == SteadyTime::max() && (stop.stop_requested() || now >= deadline)) {
            finished.timed_out = now >= deadline;
            ::kill(-child.id, SIGTERM);
            kill_at = now + std::chrono::seconds(2);
        }
        if (now < kill_at) return false;
        ::kill(-child.id, SIGKILL);
        return true;
    };
    exchange(child, command.input, finished, give_up);

    int status = 0;
    while (::waitpid(child.id, &status, WNOHANG) == 0) {
        if (give_up()) {
            ::waitpid(child.id, &status, 0);
            break;
        }
        ::usleep(2000);
    }
    finished.status = exit_status(status);
    return finished;
}

}  // namespace kavi

#include <kavi/base/child.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/spawn.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kavi {

namespace {

constexpr std::size_t errors_kept = 64 * 1024;
constexpr int poll_milliseconds = 100;  ///< how long a request to stop may go unseen
constexpr auto grace = std::chrono::seconds(2);

/// Has it ended? It stays a zombie, so that its id and its group stay ours.
bool has_ended(pid_t id) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == id;
}

int reap(pid_t id) {
    int status = 0;
    while (::waitpid(id, &status, 0) < 0 && errno == EINTR) {
    }
    return exit_status(status);
}

}  // namespace

struct Child::State {
    Spawned child;
    std::string program;
    std::stop_token stop;
    mutable std::mutex mutex;  ///< guards `errors` and the descriptor they come from
    std::string errors;
    std::optional<int> status;

    void check_stop() const {
        if (stop.stop_requested()) throw Error(errors::interrupted, program + " was interrupted");
    }

    /// Waits until `fd` is ready for `events`, or a moment; takes what stands on standard error.
    bool wait_for(int fd, short events) {
        check_stop();
        pollfd polled[2] = {{fd, events, 0}, {errors_descriptor(), POLLIN, 0}};
        ::poll(polled, 2, poll_milliseconds);
        if (polled[1].revents) drain_errors();
        return polled[0].revents != 0;
    }

    int errors_descriptor() const {
        const std::lock_guard lock(mutex);
        return child.errors.get();
    }

    void drain_errors() {
        const std::lock_guard lock(mutex);
        char buffer[16384];
        while (child.errors) {
            const auto count = ::read(child.errors.get(), buffer, sizeof buffer);
            if (count < 0) return;
            if (count == 0) return child.errors.close();
            errors.append(buffer, static_cast<std::size_t>(count));
            if (errors.size() > errors_kept) errors.erase(0, errors.size() - errors_kept);
        }
    }

    /// Its input stays open until it is gone: closing it first would look like a true end.
    void end() {
        ::kill(-child.id, SIGTERM);
        const auto deadline = std::chrono::steady_clock::now() + grace;
        while (!has_ended(child.id) && std::chrono::steady_clock::now() < deadline) ::usleep(2000);
        ::kill(-child.id, SIGKILL);
        status = reap(child.id);
    }
};

Child::Child(const Command& command, std::stop_token stop) : state_(std::make_unique<State>()) {
    state_->program = command.arguments.front();
    state_->stop = std::move(stop);
    state_->child = spawn(command);
    if (state_->child.id < 0)
        throw Error(errors::file_unreadable, state_->program + " can't be started")
            .because(std::strerror(state_->child.error));
    ::fcntl(state_->child.input.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(state_->child.errors.get(), F_SETFL, O_NONBLOCK);
}

Child::~Child() {
    if (!state_->status) state_->end();
}

bool Child::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (!state_->child.input) return false;
        if (!state_->wait_for(state_->child.input.get(), POLLOUT)) continue;
        const auto count = write_quietly(state_->child.input.get(), bytes);
        if (count > 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EAGAIN && errno != EINTR)
            state_->child.input.close();
    }
    return true;
}

void Child::end_input() {
    state_->child.input.close();
}

std::size_t Child::read(std::span<char> into) {
    while (state_->child.output) {
        if (!state_->wait_for(state_->child.output.get(), POLLIN)) continue;
        const auto count = ::read(state_->child.output.get(), into.data(), into.size());
        if (count > 0) return static_cast<std::size_t>(count);
        if (count == 0 || errno != EINTR) state_->child.output.close();
    }
    return 0;
}

int Child::finish() {
    if (state_->status) return *state_->status;
    end_input();
    char thrown_away[16384];
    while (read(thrown_away) > 0) {
    }
    while (!has_ended(state_->child.id)) state_->wait_for(-1, 0);
    state_->drain_errors();
    state_->status = reap(state_->child.id);
    return *state_->status;
}

std::string Child::errors() const {
    const std::lock_guard lock(state_->mutex);
    return state_->errors;
}

}  // namespace kavi

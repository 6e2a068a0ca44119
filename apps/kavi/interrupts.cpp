#include "interrupts.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace kavi::app {

std::string_view stop_notice(StopReason reason) {
    switch (reason) {
        case StopReason::none:
            return "";
        case StopReason::interrupt:
            return "\nstopping at the next safe point; Ctrl-C again leaves at once\n";
        case StopReason::terminate:
            return "stopping at the next safe point\n";
        case StopReason::timeout:
            return "the time of --timeout is over: stopping at the next safe point\n";
    }
    return "";
}

Interrupts::Interrupts(std::function<void(StopReason)> on_stop) : on_stop_(std::move(on_stop)) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
    deadline_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    finish_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::jthread([this] { watch(); });
}

Interrupts::~Interrupts() {
    const std::uint64_t one = 1;
    while (::write(finish_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
    for (const int fd : {signals_, deadline_, finish_}) ::close(fd);
}

void Interrupts::stop_after(std::chrono::milliseconds time) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time);
    itimerspec when{};
    when.it_value.tv_sec = whole.count();
    when.it_value.tv_nsec = std::max<long>(1, std::chrono::nanoseconds(time - whole).count());
    ::timerfd_settime(deadline_, 0, &when, nullptr);
}

void Interrupts::watch() {
    while (true) {
        pollfd waiting[] = {{.fd = signals_, .events = POLLIN, .revents = 0},
                            {.fd = deadline_, .events = POLLIN, .revents = 0},
                            {.fd = finish_, .events = POLLIN, .revents = 0}};
        if (::poll(waiting, 3, -1) < 0) continue;
        if (waiting[2].revents != 0) return;
        if (waiting[1].revents != 0) {
            std::uint64_t times = 0;
            if (::read(deadline_, &times, sizeof times) > 0) request(StopReason::timeout);
        }
        if (waiting[0].revents != 0) {
            signalfd_siginfo info{};
            if (::read(signals_, &info, sizeof info) != sizeof info) continue;
            const bool interrupted = info.ssi_signo == SIGINT;
            if (reason_ == StopReason::interrupt || reason_ == StopReason::terminate)
                ::_exit(interrupted ? 130 : 143);
            request(interrupted ? StopReason::interrupt : StopReason::terminate);
        }
    }
}

void Interrupts::request(StopReason reason) {
    const bool first = reason_ == StopReason::none;
    if (first || reason != StopReason::timeout) reason_ = reason;
    if (!first) return;
    on_stop_(reason);
    source_.request_stop();
}

}  // namespace kavi::app

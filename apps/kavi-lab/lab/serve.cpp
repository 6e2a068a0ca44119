#include "serve.hpp"

#include "lab/control.hpp"
#include "lab/lab.hpp"
#include "lab/tools.hpp"

#include <kavi/base/files.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace kavi::lab {
namespace {

// What the lab's process writes to the one that started it: lines of progress, then one of these.
constexpr std::string_view ready_mark = "\x01";
constexpr std::string_view failed_mark = "\x02";

sigset_t ending_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
    return set;
}

void tell(const FileDescriptor& pipe, std::string line) {
    line += '\n';
    if (::write(pipe.get(), line.data(), line.size()) < 0) return;  // whoever started us has left
}

std::string described(const Error& problem) {
    auto text = problem.message();
    for (const auto& cause : problem.causes()) text += fmt::format("\n  because: {}", cause);
    if (!problem.advice().empty()) text += fmt::format("\n  to do: {}", problem.advice());
    return text;
}

/// The lab's own process: everything, until a signal ends it.
void serve(const Place& place, const LabOptions& options, FileDescriptor& pipe) {
    const auto signals = ending_signals();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    const auto progress = [&](const std::string& line) {
        std::fprintf(stderr, "%s\n", line.c_str());
        if (pipe) tell(pipe, line);
    };
    Lab lab(place, options, progress);
    std::jthread control([&](std::stop_token stop) {
        serve_control(
            place, [&](const Json& request) { return lab.answer(request); }, stop);
    });
    tell(pipe, std::string(ready_mark));
    pipe.close();
    int signal = 0;
    ::sigwait(&signals, &signal);
}

[[noreturn]] void become_server(const Place& place, const LabOptions& options, FileDescriptor pipe) {
    ::setsid();
    const FileDescriptor nothing(::open("/dev/null", O_RDONLY));
    const FileDescriptor log(::open(place.log().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    ::dup2(nothing.get(), 0);
    ::dup2(log.get(), 1);
    ::dup2(log.get(), 2);
    int status = 0;
    try {
        serve(place, options, pipe);
    } catch (const Error& problem) {
        status = 1;
        if (pipe) tell(pipe, std::string(failed_mark) + described(problem));
    } catch (const std::exception& problem) {
        status = 1;
        if (pipe) tell(pipe, std::string(failed_mark) + problem.what());
    }
    ::_exit(status);
}

}  // namespace

void serve_in_background(const Place& place, const LabOptions& options, const Progress& progress) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw lab_error("no pipe can be made");
    const FileDescriptor read_end(ends[0]);
    FileDescriptor write_end(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) throw lab_error("no process can be made");
    if (child == 0) become_server(place, options, std::move(write_end));
    write_end.close();

    std::string text;
    char buffer[4096];
    for (;;) {
        const auto got = ::read(read_end.get(), buffer, sizeof buffer);
        if (got <= 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
        if (text.starts_with(failed_mark)) continue;  // all of it, up to the end
        for (auto end = text.find('\n'); end != std::string::npos && !text.starts_with(failed_mark);
             end = text.find('\n')) {
            const auto line = text.substr(0, end);
            text.erase(0, end + 1);
            if (line == ready_mark) return;
            progress(line);
        }
    }
    auto error = lab_error("the lab didn't start");
    if (text.starts_with(failed_mark))
        error.because(text.substr(failed_mark.size(), text.size() - failed_mark.size() - 1));
    throw error.fix(fmt::format("its log is {}; 'kavi-lab down' ends what is left", place.log().string()));
}

}  // namespace kavi::lab

#include "line_process.hpp"

#include "lab/tools.hpp"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kavi::lab {

LineProcess::LineProcess(const std::vector<std::string>& arguments,
                         std::function<void(const std::string&)> on_line) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw lab_error("no pipe can be made");
    output_ = FileDescriptor(ends[0]);
    const FileDescriptor input(ends[1]);
    std::vector<char*> words;
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) throw lab_error("no process can be made");
    if (pid_ == 0) {
        ::signal(SIGPIPE, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::dup2(input.get(), 1);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    thread_ = std::jthread([this, hear = std::move(on_line)](std::stop_token stop) {
        std::string text;
        char buffer[4096];
        while (!stop.stop_requested()) {
            pollfd polled{output_.get(), POLLIN, 0};
            if (::poll(&polled, 1, 200) <= 0) continue;
            const auto got = ::read(output_.get(), buffer, sizeof buffer);
            if (got <= 0) return;
            text.append(buffer, static_cast<std::size_t>(got));
            for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
                hear(text.substr(0, end));
                text.erase(0, end + 1);
            }
        }
    });
}

LineProcess::~LineProcess() {
    thread_.request_stop();
    ::kill(pid_, SIGTERM);
    thread_.join();
    ::waitpid(pid_, nullptr, 0);
}

}  // namespace kavi::lab

#include "tools.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kavi::lab {

Error lab_error(std::string message) {
    return Error(errors::lab_failed, std::move(message));
}

namespace {

std::string last_lines(std::string_view text, std::size_t count) {
    auto lines = split(trim(printable(text)), '\n');
    if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
    return join(lines, "; ");
}

}  // namespace

std::string run_tool(std::vector<std::string> arguments,
                     std::string input,
                     std::chrono::milliseconds timeout) {
    const auto name = arguments.at(0);
    const auto shown = join(std::span(arguments).first(std::min<std::size_t>(arguments.size(), 4)), " ");
    auto finished =
        run_command({.arguments = std::move(arguments), .input = std::move(input), .timeout = timeout});
    if (finished.status == 0) return std::move(finished.output);
    auto error = lab_error(fmt::format("'{}' failed", shown));
    if (finished.timed_out) error.because(fmt::format("it took more than {} s", timeout.count() / 1000));
    error.because(finished.errors.empty() ? fmt::format("exit {}", finished.status)
                                          : last_lines(finished.errors, 5));
    if (finished.status == 127) error.fix(fmt::format("install {}: packaging/need test lab", name));
    throw error;
}

bool tool_succeeds(std::vector<std::string> arguments, std::chrono::milliseconds timeout) {
    return run_command({.arguments = std::move(arguments), .timeout = timeout}).status == 0;
}

std::string random_letters(std::size_t count) {
    constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    std::string result;
    for (const char byte : random_bytes(count))
        result += letters[static_cast<unsigned char>(byte) % letters.size()];
    return result;
}

int start_detached(const std::vector<std::string>& arguments, const std::string& log) {
    std::vector<char*> words;
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    const FileDescriptor output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const FileDescriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const pid_t child = ::fork();
    if (child < 0 || !output) throw lab_error(fmt::format("'{}' can't be started", arguments.at(0)));
    if (child == 0) {
        ::setsid();
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::dup2(nothing.get(), 0);
        ::dup2(output.get(), 1);
        ::dup2(output.get(), 2);
        ::signal(SIGPIPE, SIG_DFL);
        ::execvp(words[0], words.data());
        ::_exit(127);
    }
    return child;
}

long long start_time_of(int pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    if (!std::getline(file, line)) return 0;
    // The second field is a name in parentheses, which may hold anything.
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    std::string field;
    for (int i = 3; i <= 22 && rest >> field; ++i) {
        if (i == 3 && field == "Z") return 0;
    }
    return std::atoll(field.c_str());
}

void end_process(int pid, long long started) {
    if (pid <= 1 || started == 0) return;
    const auto there = [&] {
        ::waitpid(pid, nullptr, WNOHANG);
        return start_time_of(pid) == started;
    };
    for (const int signal : {SIGTERM, SIGKILL}) {
        if (!there()) return;
        ::kill(pid, signal);
        for (int i = 0; i < 250 && there(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace kavi::lab

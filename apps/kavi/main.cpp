#include "agent.hpp"
#include "application.hpp"
#include "cli/complete.hpp"
#include "cli/manual.hpp"
#include "estate_context.hpp"

#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace kavi;
using namespace kavi::app;

/// No core dump and no debugger of another process: secrets live in this memory.
void keep_memory_private() {
#ifndef __SANITIZE_ADDRESS__  // whose leak check looks at this process from another one
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

int width_of(int fd) {
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

StreamFacts facts_of(Sink& sink, int fd) {
    return {.sink = sink, .terminal = ::isatty(fd) == 1, .width = width_of(fd)};
}

/// What scripts and packaging ask for; not in the table of commands, because nobody types it.
bool answer_hidden(std::span<const std::string> words, const Environment& environment, Sink& out) {
    if (words.empty() || !words[0].starts_with("__")) return false;
    if (words[0] == "__complete")
        out.write(complete(words.subspan(1),
                           [&](Names kind) { return estate_names(kind, environment, words.subspan(1)); }));
    else if (words[0] == "__man" && words.size() == 2)
        write_manual(words[1]);
    else if (words[0] == "__reference")
        out.write(reference_page());
    else
        return false;
    return true;
}

int exit_code(Exit exit, const FileSink& out) {
    if (exit != Exit::ok || out.failure().empty()) return static_cast<int>(exit);
    std::fprintf(stderr, "✘ standard output couldn't be written: %s\n", out.failure().c_str());
    return static_cast<int>(Exit::failed);
}

int run_as_agent(std::span<const std::string> words, const Environment& environment, Sink& out) {
    Interrupts interrupts([](StopReason) {});
    return static_cast<int>(
        run_agent({.words = words.subspan(1), .environment = environment, .input = STDIN_FILENO, .out = out, .stop = interrupts.token()}));
}

}  // namespace

int main(int argc, char** argv) {
    keep_memory_private();
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    const auto environment = Environment::of_process();
    FileSink out(STDOUT_FILENO), err(STDERR_FILENO);
    if (answer_hidden(words, environment, out)) return EXIT_SUCCESS;

    if (!words.empty() && words[0] == "__agent") return run_as_agent(words, environment, out);

    SystemClock clock;
    Interrupts interrupts([&](StopReason reason) { err.write(stop_notice(reason)); });
    TerminalPrompt prompt(STDIN_FILENO, STDERR_FILENO, interrupts.token());
    const auto exit = run_command_line(words,
                                       {.environment = environment,
                                        .clock = clock,
                                        .out = facts_of(out, STDOUT_FILENO),
                                        .err = facts_of(err, STDERR_FILENO),
                                        .prompt = prompt,
                                        .stop = interrupts.token(),
                                        .stop_after = [&](auto time) { interrupts.stop_after(time); },
                                        .stop_reason = [&] { return interrupts.reason(); }});
    return exit_code(exit, out);
}

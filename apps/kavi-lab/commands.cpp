#include "commands.hpp"

#include "lab/control.hpp"
#include "lab/docker.hpp"
#include "lab/lab.hpp"
#include "lab/place.hpp"
#include "lab/serve.hpp"
#include "lab/tools.hpp"

#include <kavi/base/files.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;

void say(const std::string& line) {
    std::fprintf(stderr, "%s\n", line.c_str());
}

bool labs_are_up() {
    return !fs::is_empty(runtime_folder() / "labs");
}

int build() {
    const auto docker = Docker::find_or_start();
    build_images(docker, say);
    say(fmt::format("the images are in {}", cache_folder().string()));
    if (!labs_are_up() && !std::getenv("KAVI_LAB_KEEP_DOCKER")) Docker::stop_own();
    return 0;
}

/// True: nothing is left.
bool end_lab(const Place& place) {
    const auto record = Record::read(place);
    if (!record) return true;
    const auto problems = tear_down(place, *record);
    for (const auto& problem : problems) say("left behind: " + problem);
    return problems.empty();
}

void start(const Place& place, LabOptions options) {
    if (const auto record = Record::read(place)) {
        if (record->alive())
            throw lab_error(fmt::format("a lab is up in {} already", place.folder.string()))
                .fix("kavi-lab down");
        say("ending what a lab that died here left");
        end_lab(place);
    }
    if (options.estate.empty()) options.estate = "config/kavi.toml";
    options.estate = fs::absolute(options.estate);
    if (options.machines == MachineKind::real && ::getuid() != 0) {
        auto error = lab_error("real machines need root");
        throw error.fix("run it as root, or with --machines ssh");
    }
    serve_in_background(place, options, say);
}

int up(const CommandLine& line) {
    const auto place = place_at(line.folder);
    start(place, line.options);
    say(fmt::format("ready; point kavi at it with: . {}", (place.folder / "env").string()));
    return 0;
}

int down(const CommandLine& line) {
    const auto place = place_at(line.folder);
    if (!Record::read(place)) say(fmt::format("no lab is up in {}", place.folder.string()));
    return end_lab(place) ? 0 : 1;
}

int run_with_environment(const fs::path& environment, const std::vector<std::string>& command) {
    std::vector<std::string> words{"/bin/sh", "-c", ". \"$0\" && exec \"$@\"", environment.string()};
    words.insert(words.end(), command.begin(), command.end());
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::execv(pointers[0], pointers.data());
        ::_exit(127);
    }
    // Ctrl-C is for the command; the lab ends after it.
    std::signal(SIGINT, SIG_IGN);
    int status = 0;
    ::waitpid(child, &status, 0);
    std::signal(SIGINT, SIG_DFL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run(const CommandLine& line) {
    if (line.words.empty()) throw lab_error("'run' needs a command").fix("kavi-lab run -- COMMAND");
    std::optional<TemporaryFolder> temporary;
    if (!line.folder) temporary.emplace();
    const auto place = place_at(line.folder ? *line.folder : temporary->path().string());
    try {
        start(place, line.options);
    } catch (const Error&) {
        end_lab(place);
        throw;
    }
    const int status = run_with_environment(place.folder / "env", line.words);
    return end_lab(place) ? status : 1;
}

int ask(const CommandLine& line, const Json& request) {
    const auto text = ask_lab(place_at(line.folder), request);
    if (!text.empty()) std::printf("%s%s", text.c_str(), text.ends_with('\n') ? "" : "\n");
    return 0;
}

int fault(const CommandLine& line) {
    const auto verb = line.words.empty() ? "" : line.words[0];
    if (verb != "add" && verb != "list" && verb != "clear")
        throw lab_error("'fault' is followed by add, list or clear").fix("see 'kavi-lab --help'");
    return ask(line,
               {{"do", "fault-" + verb}, {"words", std::vector(line.words.begin() + 1, line.words.end())}});
}

}  // namespace

int run_command_line(const CommandLine& line) {
    if (line.help) {
        std::fputs(usage_text().c_str(), stdout);
        return 0;
    }
    if (line.command == "build") return build();
    if (line.command == "up") return up(line);
    if (line.command == "run") return run(line);
    if (line.command == "down") return down(line);
    if (line.command == "fault") return fault(line);
    if (line.command == "seed")
        return ask(line,
                   {{"do", "seed"},
                    {"records", line.records},
                    {"secrets", line.secrets},
                    {"servers", line.servers}});
    return ask(line, {{"do", "destroy-server"}, {"words", line.words}});
}

}  // namespace kavi::lab

#include "../render/errors.hpp"
#include "commands.hpp"
#include "secrets_selection.hpp"

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include <unistd.h>

namespace kavi::app {

namespace {

constexpr auto own_failure =
    static_cast<Exit>(125);  // as docs/cli.md has it: the command's own code is passed through

struct RunOptions {
    SecretsSelection selection;
    std::vector<std::string> command;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> all;
    for (auto& text : strings) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

std::vector<std::string> environment_with(const Session& session, const model::NamedSecrets& secrets) {
    std::vector<std::string> lines;
    for (const auto& [name, value] : session.environment.all())
        if (!secrets.contains(name)) lines.push_back(name + "=" + value);
    for (const auto& [name, value] : secrets) lines.push_back(name + "=" + std::string(value.reveal()));
    return lines;
}

/// kavi's own process becomes the command, so that signals and the exit code need nobody to pass them on.
[[noreturn]] void become(std::vector<std::string> command, std::vector<std::string> environment) {
    const auto arguments = pointers(command), variables = pointers(environment);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvpe(arguments[0], arguments.data(), variables.data());
    throw Error(errors::usage, fmt::format("can't start {}", command[0])).because(std::strerror(errno));
}

Result run_with_secrets(const RunOptions& options, Session& session) {
    try {
        if (options.command.empty())
            throw Error(errors::usage, "there is no command to run").fix("kavi secrets run -- CMD …");
        const auto selected = select_secrets(session, options.selection);  // logged out again by now
        require_variables(selected.secrets);
        session.output.detail(
            fmt::format("{} secrets from {}", selected.secrets.size(), selected.description));
        become(options.command, environment_with(session, selected.secrets));
    } catch (const Error& error) {
        return {.exit = own_failure, .errors = {error}};
    }
}

}  // namespace

Run define_secrets_run(Arguments& arguments) {
    auto options = std::make_shared<RunOptions>();
    declare(arguments, options->selection);
    arguments.rest("CMD", options->command, "the command, behind --");
    return [options](Session& session) { return run_with_secrets(*options, session); };
}

}  // namespace kavi::app

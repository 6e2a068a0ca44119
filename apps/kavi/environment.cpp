#include "environment.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

extern char** environ;

namespace kavi::app {

Environment Environment::of_process() {
    std::map<std::string, std::string, std::less<>> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return Environment(std::move(variables));
}

std::optional<std::string> Environment::find(std::string_view name) const {
    const auto found = variables_.find(name);
    if (found == variables_.end() || found->second.empty()) return std::nullopt;
    return found->second;
}

bool Environment::is_on(std::string_view name) const {
    const auto value = lower(find(name).value_or("0"));
    if (value == "1" || value == "true" || value == "yes" || value == "on") return true;
    if (value == "0" || value == "false" || value == "no" || value == "off") return false;
    throw Error(errors::usage,
                fmt::format("the variable {} must be 1 or 0, it is '{}'", name, printable(value)));
}

namespace {

/// Moves the bytes into a Secret, without the newline that editors and echo leave at the end.
Secret without_newline(std::string& bytes) {
    if (bytes.ends_with('\n')) bytes.pop_back();
    if (bytes.ends_with('\r')) bytes.pop_back();
    return Secret::take(bytes);
}

Secret from_file(std::string_view variable, const std::string& path) {
    auto bytes = read_file_if_there(path);
    if (!bytes) {
        Error error(errors::credentials_missing,
                    fmt::format("{} names a file that isn't there: {}", variable, path));
        throw error.fix(fmt::format("write the credential to that file, or unset {}", variable));
    }
    return without_newline(*bytes);
}

Secret from_command(std::string_view variable, const std::string& command, std::stop_token stop) {
    auto finished = run_command(
        {.arguments = {"/bin/sh", "-c", command}, .timeout = std::chrono::seconds(30)}, std::move(stop));
    if (finished.status != 0 || finished.output.empty()) {
        wipe(finished.output);
        Error error(errors::credentials_missing,
                    fmt::format("the command in {} gave no credential", variable));
        error.because(finished.timed_out ? "it took more than 30 s"
                                         : fmt::format("exit {}", finished.status));
        if (!finished.errors.empty()) error.because(std::string(trim(printable(finished.errors))));
        throw error.fix("run the command by hand and see what it says");
    }
    return without_newline(finished.output);
}

}  // namespace

std::optional<Secret> Environment::credential(std::string_view name, std::stop_token stop) const {
    if (const auto value = find(name)) return Secret(*value);
    const auto file_variable = fmt::format("{}_FILE", name);
    if (const auto path = find(file_variable)) return from_file(file_variable, *path);
    const auto command_variable = fmt::format("{}_COMMAND", name);
    if (const auto command = find(command_variable))
        return from_command(command_variable, *command, std::move(stop));
    return std::nullopt;
}

std::string Environment::folder(std::string_view variable, std::string_view below_home) const {
    // The XDG specification: a relative path is as good as none.
    if (const auto base = find(variable); base && base->starts_with('/')) return *base + "/kavi";
    const auto home = find("HOME");
    if (!home) {
        Error error(errors::config_missing, fmt::format("neither {} nor HOME is set", variable));
        throw error.fix(fmt::format("set {} to an absolute path", variable));
    }
    return fmt::format("{}/{}/kavi", *home, below_home);
}

std::string Environment::state_folder() const {
    return folder("XDG_STATE_HOME", ".local/state");
}

std::string Environment::config_folder() const {
    return folder("XDG_CONFIG_HOME", ".config");
}

std::string Environment::cache_folder() const {
    return folder("XDG_CACHE_HOME", ".cache");
}

}  // namespace kavi::app

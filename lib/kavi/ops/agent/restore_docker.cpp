#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/restore_docker.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

std::vector<std::string> words_of(std::string_view lines) {
    std::vector<std::string> words;
    for (const auto& line : split(lines, '\n'))
        if (const auto word = trim(line); !word.empty()) words.emplace_back(word);
    return words;
}

std::map<std::string, std::string> environment_of(const Json& config) {
    std::map<std::string, std::string> all;
    for (const auto& entry : member_or_null(config, "Env")) {
        if (!entry.is_string()) continue;
        const auto text = entry.get<std::string>();
        const auto equals = text.find('=');
        if (equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return all;
}

RestoreContainer container_of(const Json& full) {
    const auto& config = member_or_null(full, "Config");
    const auto& state = member_or_null(full, "State");
    const auto& labels = member_or_null(config, "Labels");
    RestoreContainer found{.id = string_or(full, "Id"),
                           .project = string_or(labels, "com.docker.compose.project"),
                           .service = string_or(labels, "com.docker.compose.service"),
                           .image = string_or(full, "Image"),
                           .running = string_or(state, "Status") == "running",
                           .health = string_or(member_or_null(state, "Health"), "Status"),
                           .addresses = {},
                           .environment = environment_of(config),
                           .mounts = {}};
    for (const auto& network : member_or_null(member_or_null(full, "NetworkSettings"), "Networks"))
        for (const auto* key : {"IPAddress", "GlobalIPv6Address"})
            if (const auto address = string_or(network, key); !address.empty())
                found.addresses.push_back(address);
    for (const auto& mount : member_or_null(full, "Mounts"))
        found.mounts[string_or(mount, "Source")] = string_or(mount, "Name");
    return found;
}

}  // namespace

std::vector<std::string> last_lines(std::string_view text, std::size_t count) {
    auto lines = words_of(printable(text));
    if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(count));
    return lines;
}

std::string RestoreContainer::name() const {
    return service.empty() ? id.substr(0, 12) : service;
}

Finished RestoreDocker::run(std::vector<std::string> words, std::string_view input) {
    words.insert(words.begin(), "docker");
    auto done = run_command({.arguments = std::move(words), .input = std::string(input)}, stop_);
    if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
    return done;
}

std::string RestoreDocker::must(std::string_view doing,
                                std::vector<std::string> words,
                                std::string_view input) {
    auto done = run(std::move(words), input);
    if (done.status == 0) return std::move(done.output);
    Error error(errors::restore_failed, std::string(doing));
    for (auto& line : last_lines(done.errors)) error.because(std::move(line));
    throw error;
}

std::unique_ptr<Child> RestoreDocker::start(std::vector<std::string> words) {
    words.insert(words.begin(), "docker");
    return std::make_unique<Child>(Command{.arguments = std::move(words)}, stop_);
}

std::vector<std::string> RestoreDocker::ids(std::vector<std::string> words) {
    return words_of(must("docker can't list containers", std::move(words)));
}

std::vector<RestoreContainer> RestoreDocker::inspect(const std::vector<std::string>& ids) {
    std::vector<RestoreContainer> found;
    if (ids.empty()) return found;
    std::vector<std::string> words{"inspect", "--type", "container"};
    words.insert(words.end(), ids.begin(), ids.end());
    // One may have gone since it was listed: then docker fails and still tells of the others.
    for (const auto& one : parse_json(run(std::move(words)).output, "docker inspect"))
        found.push_back(container_of(one));
    return found;
}

std::vector<RestoreContainer> RestoreDocker::of_service(const std::string& project,
                                                        const std::string& service) {
    return inspect(ids({"ps",
                        "--all",
                        "--quiet",
                        "--no-trunc",
                        "--filter",
                        "label=com.docker.compose.project=" + project,
                        "--filter",
                        "label=com.docker.compose.service=" + service,
                        "--filter",
                        "label=com.docker.compose.oneoff=False"}));
}

RestoreContainer RestoreDocker::running(const std::string& project, const std::string& service) {
    for (auto& container : of_service(project, service))
        if (container.running) return std::move(container);
    throw Error(errors::restore_failed, fmt::format("{} doesn't run", service)).fix("kavi deploy " + service);
}

std::vector<RestoreContainer> RestoreDocker::all_running() {
    return inspect(ids({"ps", "--quiet", "--no-trunc"}));
}

void RestoreDocker::stop_all(std::span<const RestoreContainer> containers) {
    for (const auto& one : containers) must(fmt::format("{} can't be stopped", one.name()), {"stop", one.id});
}

void RestoreDocker::start_all(std::span<const RestoreContainer> containers,
                              bool restart,
                              std::chrono::seconds patience) {
    for (const auto& one : containers)
        must(fmt::format("{} can't be started", one.name()), {restart ? "restart" : "start", one.id});
    for (const auto& one : containers) wait_ready(one, patience);
}

void RestoreDocker::wait_ready(const RestoreContainer& container, std::chrono::seconds patience) {
    const auto until = clock_.steady() + patience;
    for (;;) {
        const auto found = inspect({container.id});
        const bool running = !found.empty() && found.front().running;
        const auto health = running ? found.front().health : "";
        if (running && (health.empty() || health == "healthy")) return;
        if (health == "unhealthy" || clock_.steady() > until) {
            Error error(errors::service_unhealthy,
                        fmt::format("{} did not become healthy after the restore", container.name()));
            throw error.because(running ? "health: " + health : "its container doesn't run")
                .fix("kavi logs " + container.name());
        }
        clock_.sleep_for(std::chrono::milliseconds(200), stop_);
        if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
    }
}

std::optional<std::string> RestoreDocker::volume_folder(const std::string& volume) {
    const auto done = run({"volume", "inspect", "--format", "{{.Mountpoint}}", volume});
    if (done.status != 0) return std::nullopt;
    return std::string(trim(done.output));
}

}  // namespace kavi::ops

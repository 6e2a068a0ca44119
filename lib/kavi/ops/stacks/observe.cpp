#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/stacks/observe.hpp>
#include <kavi/ops/stacks/wanted.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

int int_or_zero(const Json& object, std::string_view key) {
    const auto& value = member_or_null(object, key);
    return value.is_number_integer() ? value.get<int>() : 0;
}

std::vector<std::string> strings(const Json& list) {
    std::vector<std::string> texts;
    if (list.is_array())
        for (const auto& item : list)
            if (item.is_string()) texts.push_back(item.get<std::string>());
    return texts;
}

std::vector<std::string> volumes_of(const Json& mounts) {
    std::vector<std::string> names;
    if (mounts.is_array())
        for (const auto& mount : mounts)
            if (string_or(mount, "type") == "volume") names.push_back(string_or(mount, "name"));
    return names;
}

SeenContainer read_container(const Json& json) {
    const auto& oom = member_or_null(json, "oom_killed");
    return {.id = string_or(json, "id"),
            .service = string_or(json, "service"),
            .image = string_or(json, "image"),
            .image_id = string_or(json, "image_id"),
            .state = string_or(json, "state"),
            .health = string_or(json, "health"),
            .exit_code = int_or_zero(json, "exit_code"),
            .restarts = int_or_zero(json, "restarts"),
            .oom_killed = oom.is_boolean() && oom.get<bool>(),
            .volumes = volumes_of(member_or_null(json, "mounts"))};
}

/// Of two containers of one service (a one-off run beside it, an update under way) the recorded one counts,
/// else one that runs.
bool better(const SeenContainer& candidate, const SeenContainer& present, const std::string& recorded) {
    if (present.id == recorded) return false;
    return candidate.id == recorded || (candidate.state == "running" && present.state != "running");
}

void read_docker(const Json& docker, const model::Stack& stack, StackSeen& seen) {
    const auto& answers = member_or_null(docker, "answers");
    if (answers.is_boolean() && !answers.get<bool>()) {
        Error error(errors::remote_failed, fmt::format("Docker on {} doesn't answer", stack.server));
        for (const auto& why : strings(member_or_null(docker, "why"))) error.because(printable(why));
        throw error.fix(fmt::format("kavi ssh {}, then: systemctl status docker", stack.server));
    }
    if (const auto& containers = member_or_null(docker, "containers"); containers.is_array())
        for (const auto& json : containers) {
            if (string_or(json, "project") != stack.project) continue;
            const auto container = read_container(json);
            const auto record = seen.record.services.find(container.service);
            const auto recorded =
                record == seen.record.services.end() ? std::string() : record->second.container;
            const auto [place, fresh] = seen.containers.emplace(container.service, container);
            if (!fresh && better(container, place->second, recorded)) place->second = container;
        }
    if (const auto& images = member_or_null(docker, "images"); images.is_array())
        for (const auto& image : images) {
            const auto digests = strings(member_or_null(image, "digests"));
            for (const auto& tag : strings(member_or_null(image, "tags"))) seen.images[tag] = digests;
            for (const auto& digest : digests) seen.images[digest] = digests;
        }
}

std::map<std::string, SeenFile> read_files(const Json& files) {
    std::map<std::string, SeenFile> seen;
    if (files.is_object())
        for (const auto& [path, file] : files.items())
            seen[path] = {string_or(file, "sha256"), string_or(file, "mode")};
    return seen;
}

}  // namespace

Json stack_facts_parts(const model::LoadedEstate& loaded, const std::string& server) {
    auto stacks = Json::object();
    for (const auto& [name, stack] : loaded.estate.stacks)
        if (stack.server == server)
            stacks[name] = {{"directory", stack.directory}, {"secrets", stack_secrets_folder(stack)}};
    return {{"stacks", {{"stacks", std::move(stacks)}}}};
}

StackSeen read_stack_seen(const Json& facts, const model::Stack& stack) {
    StackSeen seen;
    const auto& records = member_or_null(facts, "records");
    seen.raw_record = member_or_null(member_or_null(records, "stacks"), stack.name);
    seen.record = read_stack_record(seen.raw_record);
    if (const auto& releases = member_or_null(member_or_null(records, "releases"), stack.name); releases.is_array())
        for (const auto& release : releases) seen.releases.push_back(string_or(release, "release"));
    read_docker(member_or_null(facts, "docker"), stack, seen);
    const auto& placed = member_or_null(member_or_null(facts, "stacks"), stack.name);
    seen.files = read_files(member_or_null(placed, "files"));
    seen.secrets = read_files(member_or_null(placed, "secrets"));
    return seen;
}

}  // namespace kavi::ops

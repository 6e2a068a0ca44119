#include <embedded/baseline.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/baseline.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <set>

namespace kavi::model {

namespace {

std::string embedded_file(std::string_view name) {
    const auto files = embedded::baseline();
    const auto found = std::ranges::find(files, name, &embedded::File::name);
    if (found == files.end()) throw Error(errors::internal, fmt::format("the baseline has no file {}", name));
    return std::string(found->content);
}

std::vector<std::string> texts(const Json& object, std::string_view key) {
    const auto found = object.find(key);
    return found == object.end() ? std::vector<std::string>() : found->get<std::vector<std::string>>();
}

std::vector<std::string> operators_keys(const Estate& estate) {
    std::vector<std::string> lines;
    for (const auto& [name, who] : estate.operators)
        if (who.ssh) lines.emplace_back(trim(*who.ssh));
    return lines;
}

/// A row of the definition, its file's content laid in.
BaselineItem item_from(Json row, const Estate& estate) {
    BaselineItem item{.id = string_or(row, "id"),
                      .title = string_or(row, "title"),
                      .effect = string_or(row, "effect"),
                      .after = texts(row, "after")};
    if (row.contains("file")) row["content"] = embedded_file(string_or(row, "file"));
    if (row["kind"] == "authorized-keys") row["lines"] = operators_keys(estate);
    for (const auto* key : {"id", "effect", "after", "file"}) row.erase(key);
    item.spec = std::move(row);
    return item;
}

/// "PROJECT SERVICE" of what needs the storage and may run on the server: the host looks for such containers.
Json services_needing(const Estate& estate, const Server& server, const std::string& storage) {
    auto pairs = Json::array();
    for (const auto& [stack_name, stack] : estate.stacks) {
        if (stack.server != server.name) continue;
        for (const auto& [name, service] : estate.services) {
            const bool needs = std::ranges::any_of(
                service.needs, [&](const Place& place) { return place.owner == storage; });
            if (needs && !service.server) pairs.push_back({stack.project, name});
        }
    }
    return pairs;
}

/// The folders of a storage that services can't start without, sorted: "git", "obsidian".
std::vector<std::string> folders_needed(const Estate& estate, const std::string& storage) {
    std::set<std::string> folders;
    for (const auto& [name, service] : estate.services)
        for (const auto& place : service.needs)
            if (place.owner == storage && !place.path.empty()) folders.insert(place.path);
    return {folders.begin(), folders.end()};
}

/// Where a file of the definition lies on the host, or nothing for a kind that isn't a file.
std::string path_of(const Json& spec) {
    const auto kind = string_or(spec, "kind");
    if (kind == "file") return string_or(spec, "path");
    if (kind == "sshd") return "/etc/ssh/sshd_config.d/" + string_or(spec, "name");
    if (kind == "unit") return "/etc/systemd/system/" + string_or(spec, "name");
    return {};
}

}  // namespace

std::vector<BaselineItem> baseline_items(const Estate& estate, const Server&) {
    const auto definition = Json::parse(embedded_file("items.json"));
    std::vector<BaselineItem> items;
    for (const auto& row : definition.at("items")) items.push_back(item_from(row, estate));
    return items;
}

std::vector<BaselineItem> mount_items(const Estate& estate, const Server& server) {
    std::vector<BaselineItem> items;
    for (const auto& name : server.mounts) {
        const auto found = estate.storages.find(name);
        if (found == estate.storages.end() || !found->second.mount) continue;
        const auto& storage = found->second;
        items.push_back({.id = name,
                         .title = fmt::format("{} at {}", name, storage.mount->at),
                         .effect = "restarts the services that need it",
                         .spec = {{"kind", "mount"},
                                  {"title", fmt::format("{} at {}", name, storage.mount->at)},
                                  {"name", name},
                                  {"at", storage.mount->at},
                                  {"user", storage.mount->user},
                                  {"host", storage.host},
                                  {"port", storage.port},
                                  {"host_key", storage.host_key.value_or("")},
                                  {"folders", folders_needed(estate, name)},
                                  {"services", services_needing(estate, server, name)}}});
    }
    return items;
}

std::string baseline_user_data(const Estate& estate, const Server& server) {
    Json root{{"name", "root"}, {"ssh_authorized_keys", operators_keys(estate)}};
    Json config{{"users", Json::array()},
                {"disable_root", false},
                {"ssh_pwauth", false},
                {"write_files", Json::array()},
                {"runcmd", Json::array()}};
    config["users"].push_back(std::move(root));
    if (server.baseline != BaselineMode::none)
        for (const auto& item : baseline_items(estate, server)) {
            if (const auto path = path_of(item.spec); !path.empty())
                config["write_files"].push_back({{"path", path},
                                                 {"permissions", string_or(item.spec, "mode", "0644")},
                                                 {"content", string_or(item.spec, "content")}});
            if (item.spec["kind"] == "folders")
                for (const auto& [path, mode] : item.spec["folders"].items())
                    config["runcmd"].push_back({"install", "-d", "-m", mode, path});
        }
    return "#cloud-config\n" + config.dump() + "\n";
}

}  // namespace kavi::model

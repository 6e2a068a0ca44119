#include "estate_names.hpp"

#include "lab/tools.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

// A file from outside must not end the program: toml++ asserts on some.
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>

namespace kavi::lab {
namespace {

std::string text_at(const toml::table& table, std::string_view key) {
    return table[key].value_or(std::string());
}

/// A text, or the first of several.
std::string first_text_at(const toml::table& table, std::string_view key) {
    if (const auto* list = table[key].as_array())
        return list->empty() ? "" : (*list)[0].value_or(std::string());
    return text_at(table, key);
}

std::vector<std::string> texts_at(const toml::table& table, std::string_view key) {
    std::vector<std::string> texts;
    if (const auto* list = table[key].as_array())
        for (const auto& item : *list) texts.push_back(item.value_or(std::string()));
    return texts;
}

std::map<std::string, std::string> pairs_at(const toml::table& table, std::string_view key) {
    std::map<std::string, std::string> pairs;
    if (const auto* inner = table[key].as_table())
        for (const auto& [name, value] : *inner) pairs.emplace(name.str(), value.value_or(std::string()));
    return pairs;
}

std::vector<std::string> keys_of(const std::map<std::string, std::string>& pairs) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : pairs) keys.push_back(key);
    return keys;
}

/// Calls work(name, table) for each table in [section.*].
template <typename Work>
void for_each_table(const toml::table& root, std::string_view section, Work work) {
    if (const auto* tables = root[section].as_table())
        for (const auto& [name, node] : *tables)
            if (const auto* table = node.as_table()) work(std::string(name.str()), *table);
}

void collect_references(const toml::node& node, std::set<std::string>& found) {
    if (const auto* table = node.as_table())
        for (const auto& [name, child] : *table) collect_references(child, found);
    if (const auto* list = node.as_array())
        for (const auto& child : *list) collect_references(child, found);
    const auto text = node.value<std::string>().value_or("");
    if (text.starts_with("secret:/") || text.starts_with("sealed:/")) found.insert(text);
}

void read_servers(const toml::table& root, EstateNames& names) {
    for_each_table(root, "servers", [&](std::string name, const toml::table& table) {
        EstateNames::Server server{.name = std::move(name),
                                   .provider = text_at(table, "provider"),
                                   .ipv4 = text_at(table, "ipv4"),
                                   .type = first_text_at(table, "type"),
                                   .image = text_at(table, "image"),
                                   .location = text_at(table, "location"),
                                   .protect = table["protect"].value_or(false)};
        if (const auto* ssh = table["ssh"].as_table()) server.host_key = text_at(*ssh, "host_key");
        names.servers.push_back(std::move(server));
    });
}

void read_services(const toml::table& root, EstateNames& names) {
    for_each_table(root, "stacks", [&](std::string name, const toml::table& table) {
        auto compose = texts_at(table, "compose");
        if (compose.empty() && !text_at(table, "compose").empty())
            compose.push_back(text_at(table, "compose"));
        names.stacks.push_back({.name = std::move(name),
                                .server = text_at(table, "server"),
                                .project = text_at(table, "project"),
                                .env = text_at(table, "env"),
                                .compose = std::move(compose),
                                .vars = keys_of(pairs_at(table, "vars")),
                                .secrets = keys_of(pairs_at(table, "secrets"))});
    });
    for_each_table(root, "services", [&](std::string name, const toml::table& table) {
        if (text_at(table, "server").empty()) return;
        EstateNames::Watched watched{.name = std::move(name), .server = text_at(table, "server")};
        if (const auto* probe = table["probe"].as_table()) {
            watched.http = text_at(*probe, "http");
            watched.tcp = text_at(*probe, "tcp");
        }
        names.watched.push_back(std::move(watched));
    });
    for_each_table(root, "domains", [&](std::string name, const toml::table& table) {
        names.domains.push_back(
            {std::move(name), text_at(table, "service"), table["proxied"].value_or(false)});
    });
    for_each_table(
        root, "zones", [&](std::string name, const toml::table&) { names.zones.push_back(std::move(name)); });
}

void read_storage(const toml::table& root, EstateNames& names) {
    for_each_table(root, "storage", [&](std::string name, const toml::table& table) {
        if (text_at(table, "kind") == "s3") {
            names.objects.push_back({.endpoint = text_at(table, "endpoint"),
                                     .access_key = text_at(table, "access_key"),
                                     .secret_key = text_at(table, "secret_key"),
                                     .buckets = texts_at(table, "buckets")});
            return;
        }
        if (text_at(table, "kind") != "storage-box") return;
        EstateNames::Box box{.name = std::move(name),
                             .host = text_at(table, "host"),
                             .host_key = text_at(table, "host_key"),
                             .port = table["port"].value_or(23),
                             .users = pairs_at(table, "users"),
                             .keys = pairs_at(table, "keys")};
        if (const auto* mount = table["mount"].as_table()) box.mount_user = text_at(*mount, "user");
        names.boxes.push_back(std::move(box));
    });
}

}  // namespace

const EstateNames::Server* EstateNames::find_server(const std::string& name) const {
    const auto found = std::ranges::find(servers, name, &Server::name);
    return found == servers.end() ? nullptr : &*found;
}

const EstateNames::Server* EstateNames::server_of(const Domain& domain) const {
    const auto found = std::ranges::find(watched, domain.service, &Watched::name);
    if (found != watched.end()) return find_server(found->server);
    return stacks.empty() ? nullptr : find_server(stacks.front().server);
}

EstateNames read_estate_names(const std::filesystem::path& file) {
    EstateNames names{.file = file};
    toml::table root;
    try {
        root = toml::parse(read_file(file), file.string());
    } catch (const toml::parse_error& problem) {
        throw lab_error(fmt::format("{} can't be read as TOML", file.string()))
            .because(std::string(problem.description()));
    }
    for_each_table(root, "operators", [&](std::string name, const toml::table& table) {
        names.operators.push_back({std::move(name), text_at(table, "ssh"), text_at(table, "age")});
    });
    if (const auto* secrets = root["secrets"].as_table()) {
        names.project = (*secrets)["project"].value_or(names.project);
        names.environment = (*secrets)["environment"].value_or(names.environment);
    }
    read_servers(root, names);
    read_services(root, names);
    read_storage(root, names);
    std::set<std::string> references;
    collect_references(root, references);
    names.references.assign(references.begin(), references.end());
    return names;
}

ComposeNames read_compose_names(const std::filesystem::path& file) {
    static const std::regex variable(R"(\$\{([A-Za-z_][A-Za-z0-9_]*))");
    static const std::regex image(R"(^\s*image:\s*["']?([^\s"'#]+))");
    ComposeNames names;
    std::set<std::string> variables;
    for (const auto& line : split(read_file(file), '\n')) {
        if (trim(line).starts_with('#')) continue;
        for (std::sregex_iterator match(line.begin(), line.end(), variable), end; match != end; ++match)
            variables.insert((*match)[1]);
        std::smatch match;
        if (std::regex_search(line, match, image)) names.images.push_back(match[1]);
    }
    names.variables.assign(variables.begin(), variables.end());
    return names;
}

}  // namespace kavi::lab

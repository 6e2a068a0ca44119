#include "estate_context.hpp"

#include <kavi/model/placed.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::app {

namespace {

using Candidates = std::vector<Candidate>;

/// The value of --config among the words that are typed already.
std::optional<std::string> config_option(std::span<const std::string> words) {
    constexpr std::string_view assigned = "--config=";
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool is_flag = words[i] == "-c" || words[i] == "--config";
        if (is_flag && i + 1 < words.size()) return words[i + 1];
        if (words[i].starts_with(assigned)) return words[i].substr(assigned.size());
    }
    return std::nullopt;
}

void add_servers(const model::Estate& estate, Candidates& candidates) {
    for (const auto& [name, server] : estate.servers)
        candidates.push_back({name, server.role.empty() ? "server" : fmt::format("server, {}", server.role)});
}

void add_stacks(const model::Estate& estate, Candidates& candidates) {
    for (const auto& [name, stack] : estate.stacks)
        candidates.push_back({name, fmt::format("stack on {}", stack.server)});
}

void add_services(const model::LoadedEstate& loaded, Candidates& candidates) {
    for (const auto& service : model::placed_services(loaded))
        candidates.push_back({service.name, fmt::format("service on {}", service.server)});
}

/// By name alone: the values that the secrets' references of the estate file end in.
void add_secrets(const model::Estate& estate, Candidates& candidates) {
    std::set<std::pair<std::string, std::string>> found;
    const auto add = [&](const std::optional<model::SecretRef>& ref) {
        if (ref && !ref->name.empty()) found.emplace(ref->name, ref->text());
    };
    add(estate.hetzner_token);
    add(estate.cloudflare_token);
    for (const auto& [name, stack] : estate.stacks)
        for (const auto& [file, ref] : stack.secrets) add(ref);
    for (const auto& [name, storage] : estate.storages) {
        for (const auto& [purpose, ref] : storage.keys) add(ref);
        add(storage.access_key);
        add(storage.secret_key);
    }
    for (const auto& [name, text] : found) candidates.push_back({name, text});
}

/// Runs that this machine has records of, newest first.
Candidates runs(const Environment& environment) {
    std::vector<std::string> names;
    std::error_code problem;
    for (const auto& entry :
         std::filesystem::directory_iterator(environment.state_folder() + "/runs", problem))
        names.push_back(entry.path().filename().string());
    std::ranges::sort(names, std::greater());
    Candidates candidates;
    for (auto& name : names) candidates.push_back({std::move(name), ""});
    return candidates;
}

Candidates names_of(Names kind, const model::LoadedEstate& loaded) {
    Candidates candidates;
    const auto& estate = loaded.estate;
    switch (kind) {
        case Names::server:
            add_servers(estate, candidates);
            break;
        case Names::stack:
            add_stacks(estate, candidates);
            break;
        case Names::service:
            add_services(loaded, candidates);
            break;
        case Names::target:
            add_servers(estate, candidates);
            add_stacks(estate, candidates);
            add_services(loaded, candidates);
            break;
        case Names::domain:
            for (const auto& [name, domain] : estate.domains) candidates.push_back({name, domain.service});
            break;
        case Names::zone:
            for (const auto& [name, zone] : estate.zones) candidates.push_back({name, "zone"});
            break;
        case Names::item:
            for (const auto& [name, item] : estate.backup.items)
                candidates.push_back({name, item.source ? item.source->text() : item.service.value_or("")});
            break;
        case Names::storage:
            for (const auto& [name, storage] : estate.storages) candidates.push_back({name, "storage"});
            break;
        case Names::secret:
            add_secrets(estate, candidates);
            break;
        default:
            break;
    }
    return candidates;
}

}  // namespace

std::vector<Candidate> estate_names(Names kind,
                                    const Environment& environment,
                                    std::span<const std::string> words) {
    try {
        if (kind == Names::run) return runs(environment);
        const auto found = model::find_estate(where_to_look(config_option(words), environment));
        return names_of(kind, model::load_estate(found.file));
    } catch (const Error&) {
        return {};
    }
}

}  // namespace kavi::app

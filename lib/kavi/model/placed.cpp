#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace kavi::model {

namespace {

/// Tiers within one stack: declared, or that of the latest service that this one depends on.
class Tiers {
  public:
    Tiers(const LoadedEstate& loaded, const ComposeProject& project) : loaded_(loaded), project_(project) {}

    /// nullopt: nothing says it.
    std::optional<int> of(const std::string& name) {
        if (const auto settings = loaded_.estate.services.find(name);
            settings != loaded_.estate.services.end() && settings->second.tier)
            return settings->second.tier;
        const auto service = project_.services.find(name);
        if (service == project_.services.end() || !under_way_.insert(name).second) return std::nullopt;
        std::optional<int> latest;
        for (const auto& [needed, dependency] : service->second.depends_on)
            if (const auto tier = of(needed)) latest = std::max(latest.value_or(*tier), *tier);
        under_way_.erase(name);
        return latest;
    }

  private:
    const LoadedEstate& loaded_;
    const ComposeProject& project_;
    std::set<std::string> under_way_;  // a cycle is reported elsewhere; here it only must end
};

int after_last_tier(const Estate& estate) {
    int last = 0;
    for (const auto& [name, service] : estate.services) last = std::max(last, service.tier.value_or(0));
    return last + 1;
}

Service settings_of(const Estate& estate, const std::string& name) {
    const auto found = estate.services.find(name);
    return found != estate.services.end() ? found->second : Service{.name = name};
}

}  // namespace

std::vector<PlacedService> placed_services(const LoadedEstate& loaded) {
    std::vector<PlacedService> services;
    const auto& estate = loaded.estate;
    const int last = after_last_tier(estate);
    for (const auto& [name, stack] : estate.stacks) {
        const auto project = loaded.stacks.find(name);
        if (project == loaded.stacks.end()) continue;
        Tiers tiers(loaded, project->second);
        for (const auto& [service, definition] : project->second.services)
            services.push_back({.name = service,
                                .server = stack.server,
                                .stack = name,
                                .settings = settings_of(estate, service),
                                .tier = tiers.of(service).value_or(last)});
    }
    for (const auto& [name, service] : estate.services)
        if (service.server)
            services.push_back(
                {.name = name, .server = *service.server, .stack = {}, .settings = service, .tier = last});
    std::ranges::sort(services, {}, [](const PlacedService& one) {
        return std::tuple(!one.stack.has_value(), one.tier, one.name);
    });
    return services;
}

std::optional<PlacedService> find_service(const LoadedEstate& loaded, std::string_view name) {
    for (auto& service : placed_services(loaded))
        if (service.name == name) return std::move(service);
    return std::nullopt;
}

std::vector<std::vector<std::string>> start_levels(const LoadedEstate& loaded, const std::string& stack) {
    const auto& project = loaded.stacks.at(stack);
    std::map<int, std::set<std::string>> waiting;
    for (const auto& service : placed_services(loaded))
        if (service.stack == stack) waiting[service.tier].insert(service.name);
    std::set<std::string> started;
    std::vector<std::vector<std::string>> levels;
    for (auto& [tier, names] : waiting) {
        while (!names.empty()) {
            std::vector<std::string> level;
            for (const auto& name : names) {
                // Only within the tier: one that depends on a later tier's service has been told to start
                // earlier.
                const auto& needed = project.services.at(name).depends_on;
                const bool free = std::ranges::none_of(needed, [&, &present = names](const auto& entry) {
                    return present.contains(entry.first) && entry.first != name;
                });
                if (free) level.push_back(name);
            }
            if (level.empty()) level.assign(names.begin(), names.end());  // a cycle, reported elsewhere
            for (const auto& name : level) names.erase(name);
            levels.push_back(std::move(level));
        }
    }
    return levels;
}

std::string variable_name(std::string_view name) {
    std::string result;
    for (const char c : name) {
        const bool small = c >= 'a' && c <= 'z';
        const bool fits = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        result += small ? static_cast<char>(c - 'a' + 'A') : fits ? c : '_';
    }
    return result;
}

std::map<std::string, std::string> stack_variables(const Estate& estate, const Stack& stack) {
    auto variables = stack.vars;
    std::vector<const Domain*> domains;
    for (const auto& [name, domain] : estate.domains) domains.push_back(&domain);
    std::ranges::stable_sort(domains, {}, &Domain::line);
    std::map<std::string, int> seen;
    for (const auto* domain : domains) {
        auto variable = "KAVI_DOMAIN_" + variable_name(domain->service);
        if (const int count = ++seen[variable]; count > 1) variable += fmt::format("_{}", count);
        variables[variable] = domain->name;
    }
    for (const auto& [name, storage] : estate.storages)
        if (storage.kind == Storage::Kind::s3)
            variables["KAVI_STORAGE_" + variable_name(name)] = storage.endpoint;
    variables["COMPOSE_PROJECT_NAME"] = stack.project;
    return variables;
}

const Zone* zone_of(const Estate& estate, std::string_view name) {
    const auto wanted = lower(name);
    const Zone* best = nullptr;
    for (const auto& [zone_name, zone] : estate.zones) {
        const auto zone_text = lower(zone_name);
        const bool holds = wanted == zone_text || wanted.ends_with("." + zone_text);
        if (holds && (best == nullptr || zone.name.size() > best->name.size())) best = &zone;
    }
    return best;
}

}  // namespace kavi::model

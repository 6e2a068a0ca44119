#include "estate_check.hpp"
#include "estate_types.hpp"

#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::model {

namespace {

/// A router's rule, as labels say it.
bool is_rule(std::string_view label) {
    return lower(label).starts_with("traefik.http.routers.") && lower(label).ends_with(".rule");
}

/// "git" below the mount of "box" at /mnt/storagebox, for the bind /mnt/storagebox/git.
std::optional<std::string> below(std::string_view path, std::string_view folder) {
    if (path == folder) return "";
    if (!path.starts_with(folder) || path.substr(folder.size()).front() != '/') return std::nullopt;
    return std::string(path.substr(folder.size() + 1));
}

class StackChecker {
  public:
    StackChecker(const LoadedEstate& loaded, Problems& problems)
        : loaded_(loaded), estate_(loaded.estate), problems_(problems) {
        for (const auto& [stack, project] : loaded.stacks)
            for (const auto& [service, definition] : project.services) stacks_of_[service].push_back(stack);
    }

    void check(std::span<const NameUse> services) {
        check_services();
        if (all_stacks_read()) check_names_of_services(services);
        for (const auto& [name, project] : loaded_.stacks) {
            const auto& stack = estate_.stacks.at(name);
            check_secrets(stack, project);
            check_variables(stack, project);
            for (const auto& [service, definition] : project.services) {
                check_rules(definition);
                check_mounts(stack, definition);
            }
        }
        check_domains();
        check_needs();
    }

  private:
    /// A compose file that couldn't be read may have held the name that seems to be missing.
    bool all_stacks_read() const { return loaded_.stacks.size() == estate_.stacks.size(); }

    std::string path(std::string_view table, std::string_view name) const { return path_of(table, name); }

    void check_services() {
        for (const auto& [service, stacks] : stacks_of_)
            if (stacks.size() > 1)
                problems_.error(loaded_.stacks.at(stacks[1]).services.at(service).at,
                                fmt::format("service \"{}\" is in stack \"{}\" too", service, stacks[0]),
                                "kavi tells services by their names: each needs its own");
        std::vector<std::string> known;
        for (const auto& [service, stacks] : stacks_of_) known.push_back(service);
        for (const auto& [name, service] : estate_.services) {
            const bool in_stack = stacks_of_.contains(name);
            const auto at = key_at(loaded_.origins, path("services", name));
            if (service.server && in_stack)
                problems_.error(
                    at,
                    fmt::format("service \"{}\" is in stack \"{}\" and can't be watched on {} too",
                                name,
                                stacks_of_.at(name)[0],
                                *service.server),
                    fmt::format(
                        "[services.{}-{}] as = \"{}\" keeps them apart", *service.server, name, name));
            else if (!service.server && !in_stack && all_stacks_read())
                problems_.error(at,
                                fmt::format("service \"{}\" is in no stack and has no server", name),
                                did_you_mean(name, known));
        }
    }

    void check_names_of_services(std::span<const NameUse> uses) {
        std::vector<std::string> known;
        for (const auto& [service, stacks] : stacks_of_) known.push_back(service);
        for (const auto& [name, service] : estate_.services)
            if (service.server) known.push_back(name);
        for (const auto& use : uses)
            if (std::ranges::find(known, use.name) == known.end()) {
                unknown_service_ = true;
                problems_.error(
                    use.at,
                    fmt::format("service \"{}\" is neither in a stack nor in [services]", use.name),
                    did_you_mean(use.name, known));
            }
    }

    void check_secrets(const Stack& stack, const ComposeProject& project) {
        std::set<std::string> used;
        std::vector<std::string> known;
        for (const auto& [name, ref] : stack.secrets) known.push_back(name);
        for (const auto* sources : {&project.secrets, &project.configs})
            for (const auto& [name, source] : *sources) {
                if (!source.kavi_secret) continue;
                used.insert(*source.kavi_secret);
                if (!stack.secrets.contains(*source.kavi_secret))
                    problems_.error(
                        source.at,
                        fmt::format("\"{}\" isn't in [stacks.{}.secrets]", *source.kavi_secret, stack.name),
                        did_you_mean(*source.kavi_secret, known));
            }
        for (const auto& name : known)
            if (!used.contains(name))
                problems_.warning(
                    key_at(loaded_.origins, path_of(path("stacks", stack.name) + ".secrets", name)),
                    fmt::format("no compose file uses ${{KAVI_SECRETS}}/{}", name));
    }

    /// With a folder of secrets only that folder knows what is missing.
    void check_variables(const Stack& stack, const ComposeProject& project) {
        std::set<std::string> known{"KAVI_SECRETS"};
        for (const auto& [name, value] : stack_variables(estate_, stack)) known.insert(name);
        for (const auto& use : missing_variables(project, known)) {
            if (stack.env && !use.name.starts_with("KAVI_")) continue;
            if (unknown_service_ && use.name.starts_with("KAVI_DOMAIN_"))
                continue;  // it follows from that name
            const auto message = use.message.empty()
                                     ? fmt::format("nothing sets the variable {}", use.name)
                                     : fmt::format("nothing sets the variable {}: {}", use.name, use.message);
            if (use.required)
                problems_.error(use.at, message, hint_for(use.name));
            else
                problems_.warning(use.at, message, hint_for(use.name));
        }
    }

    std::string hint_for(const std::string& variable) const {
        if (variable.starts_with("KAVI_DOMAIN_")) return "it comes from [domains]";
        if (variable.starts_with("KAVI_STORAGE_")) return "it comes from [storage]";
        return "set it in the stack's \"vars\", or name its folder of secrets in \"env\"";
    }

    void check_rules(const ComposeService& service) {
        std::vector<std::string> domains;
        for (const auto& [name, domain] : estate_.domains) domains.push_back(name);
        for (const auto& [label, rule] : service.labels) {
            if (!is_rule(label)) continue;
            const auto position = service.label_positions.find(label);
            const auto at = position != service.label_positions.end() ? position->second : service.at;
            for (const auto& host : traefik_hosts(rule)) {
                if (host.empty() || host.find('$') != std::string::npos)
                    continue;  // its variable is the problem
                routed_.insert(lower(host));
                const auto domain = estate_.domains.find(lower(host));
                if (domain == estate_.domains.end())
                    problems_.error(at,
                                    fmt::format("Traefik's Host(\"{}\") is in no [domains] table", host),
                                    did_you_mean(host, domains));
                else if (domain->second.service != service.name)
                    problems_.error(at,
                                    fmt::format("Traefik's Host(\"{}\") is the domain of service \"{}\"",
                                                host,
                                                domain->second.service));
            }
        }
    }

    /// The other way: a domain of a service behind Traefik needs a rule.
    void check_domains() {
        if (unknown_service_) return;
        for (const auto& [name, domain] : estate_.domains) {
            const auto stacks = stacks_of_.find(domain.service);
            if (stacks == stacks_of_.end() || routed_.contains(lower(name))) continue;
            const auto& service = loaded_.stacks.at(stacks->second[0]).services.at(domain.service);
            const bool behind_traefik =
                std::ranges::any_of(service.labels, [](const auto& label) { return is_rule(label.first); });
            const auto at = key_at(loaded_.origins, path("domains", name));
            if (behind_traefik)
                problems_.error(
                    at,
                    fmt::format("no Traefik rule of service \"{}\" has Host(`{}`)", service.name, name),
                    fmt::format("compose knows the name as ${{{}}}", variable_of(name)));
            else if (service.ports.empty())
                problems_.warning(
                    at,
                    fmt::format(
                        "nothing leads to service \"{}\": it has no Traefik rule and publishes no port",
                        service.name));
        }
    }

    std::string variable_of(const std::string& domain) const {
        for (const auto& [variable, value] : stack_variables(estate_, {}))
            if (value == domain && variable.starts_with("KAVI_DOMAIN_")) return variable;
        return "KAVI_DOMAIN_…";
    }

    void check_mounts(const Stack& stack, const ComposeService& service) {
        const auto server = estate_.servers.find(stack.server);
        if (server == estate_.servers.end()) return;
        for (const auto& mount : service.mounts) {
            if (mount.kind != ComposeMount::Kind::bind) continue;
            for (const auto& [name, storage] : estate_.storages)
                if (storage.mount)
                    if (const auto place = below(mount.source, storage.mount->at))
                        check_bind(service, mount, server->second, Place{name, *place});
        }
    }

    void check_bind(const ComposeService& service,
                    const ComposeMount& mount,
                    const Server& server,
                    const Place& place) {
        if (std::ranges::find(server.mounts, place.owner) == server.mounts.end())
            return problems_.error(mount.at,
                                   fmt::format("\"{}\" isn't mounted on {}", place.owner, server.name),
                                   fmt::format("[servers.{}] mounts = [\"{}\"]", server.name, place.owner));
        const auto settings = estate_.services.find(service.name);
        const bool declared =
            settings != estate_.services.end() &&
            std::ranges::any_of(settings->second.needs, [&](const Place& need) {
                return need.owner == place.owner && (need.path == place.path || below(place.path, need.path));
            });
        if (!declared)
            problems_.error(
                mount.at,
                fmt::format("service \"{}\" would start on the bare directory while {} isn't mounted",
                            service.name,
                            place.owner),
                fmt::format("[services.{}] needs = [\"{}\"]", service.name, place.text()));
        if (mount.create_host_path)
            problems_.warning(
                mount.at,
                fmt::format("Docker would make {} itself while {} isn't mounted", mount.source, place.owner),
                "bind: {create_host_path: false}");
    }

    void check_needs() {
        for (const auto& [name, service] : estate_.services) {
            const auto stacks = stacks_of_.find(name);
            if (stacks == stacks_of_.end()) continue;
            const auto server = estate_.servers.find(estate_.stacks.at(stacks->second[0]).server);
            if (server == estate_.servers.end()) continue;
            for (std::size_t i = 0; i < service.needs.size(); ++i)
                if (const auto& owner = service.needs[i].owner;
                    estate_.storages.contains(owner) &&
                    std::ranges::find(server->second.mounts, owner) == server->second.mounts.end())
                    problems_.error(
                        value_at(loaded_.origins, fmt::format("{}.needs[{}]", path("services", name), i)),
                        fmt::format("\"{}\" isn't mounted on {}", owner, server->first),
                        fmt::format("[servers.{}] mounts = [\"{}\"]", server->first, owner));
        }
    }

    const LoadedEstate& loaded_;
    const Estate& estate_;
    Problems& problems_;
    std::map<std::string, std::vector<std::string>> stacks_of_;
    std::set<std::string> routed_;
    bool unknown_service_ = false;
};

}  // namespace

void check_stacks(const LoadedEstate& loaded, std::span<const NameUse> services, Problems& problems) {
    StackChecker(loaded, problems).check(services);
}

}  // namespace kavi::model

#include <kavi/model/compose.hpp>
#include <kavi/model/compose_merge.hpp>
#include <kavi/model/compose_parts.hpp>
#include <kavi/model/interpolate.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::model {

namespace {

const std::vector<std::string>& top_keys() {
    static const std::vector<std::string> keys{
        "configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes"};
    return keys;
}

bool is_service_name(std::string_view name) {
    constexpr std::string_view fit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !name.empty() && name.find_first_not_of(fit) == std::string_view::npos;
}

class ProjectReader {
  public:
    ProjectReader(const std::string& name, const VariableLookup& lookup, Problems& problems)
        : lookup_([&name, &lookup](std::string_view wanted) {
              auto variable = lookup ? lookup(wanted) : Variable{};
              if (wanted == "COMPOSE_PROJECT_NAME" && variable.state == Variable::State::absent)
                  return Variable{Variable::State::known, name};
              return variable;
          }),
          reader_{problems, lookup_} {
        project_.name = name;
    }

    ComposeProject read(const std::vector<ComposeText>& files) {
        auto tree = merged(files);
        reader_.check_keys(tree, top_keys(), "a compose file");
        if (const auto* include = tree.find("include"))
            reader_.problems.error(include->at,
                                   "kavi doesn't read \"include\"",
                                   "name the further files in the stack's \"compose\"");
        each_section(tree, "networks", [&](const Value& table) { read_networks(reader_, table, project_); });
        each_section(tree, "volumes", [&](const Value& table) { read_volumes(reader_, table, project_); });
        each_section(
            tree, "secrets", [&](const Value& table) { read_sources(reader_, table, false, project_); });
        each_section(
            tree, "configs", [&](const Value& table) { read_sources(reader_, table, true, project_); });
        each_section(tree, "services", [&](const Value& table) { read_services(table); });
        if (project_.services.empty() && !reader_.problems.any_error())
            reader_.problems.error(tree.at, "there is no service in here");
        add_default_network();
        for (auto& [name, service] : project_.services) check_service(service);
        check_cycles();
        check_templates(tree);
        collect_variables(tree);
        return std::move(project_);
    }

  private:
    Value merged(const std::vector<ComposeText>& files) {
        Value tree{.kind = Value::Kind::table};
        bool first = true;
        for (const auto& file : files) {
            project_.files.push_back(file.path);
            const auto index = reader_.problems.add_source(file.path, file.text);
            auto next = read_yaml(index, reader_.problems);
            if (!reader_.is(next, Value::Kind::table, "a compose file")) continue;
            tree = first ? std::move(next) : merge_compose(std::move(tree), next, reader_.problems);
            first = false;
        }
        for (auto& member : tree.members)
            if (member.key == "services")
                for (auto& service : member.value.members) keep_last_entries(service.value);
        return tree;
    }

    template <typename Read>
    void each_section(const Value& tree, std::string_view key, Read read) {
        const auto* table = tree.find(key);
        if (table == nullptr || table->kind == Value::Kind::null) return;
        if (reader_.is(*table, Value::Kind::table, fmt::format("\"{}\"", key))) read(*table);
    }

    void read_services(const Value& table) {
        for (const auto& member : table.members) {
            if (member.key.starts_with("x-")) continue;
            if (!is_service_name(member.key))
                reader_.problems.error(member.at,
                                       fmt::format("\"{}\" can't be a service's name", member.key));
            if (reader_.is(member.value, Value::Kind::table, "a service"))
                project_.services[member.key] = read_service(reader_, member);
        }
    }

    void add_default_network() {
        const bool used = std::ranges::any_of(project_.services, [](const auto& entry) {
            return std::ranges::find(entry.second.networks, "default") != entry.second.networks.end();
        });
        if (used && !project_.networks.contains("default"))
            project_.networks["default"] = {
                .name = "default", .real_name = project_.name + "_default", .subtree = Json::object()};
    }

    template <typename Section>
    void check_known(const Section& section,
                     const std::string& name,
                     const Position& at,
                     std::string_view what) {
        if (section.contains(name) || name.find('$') != std::string::npos) return;
        std::vector<std::string> names;
        for (const auto& [known, value] : section) names.push_back(known);
        reader_.problems.error(
            at, fmt::format("there is no {} \"{}\"", what, name), did_you_mean(name, names));
    }

    void check_service(const ComposeService& service) {
        for (const auto& name : service.networks)
            check_known(project_.networks, name, service.at, fmt::format("network for {},", service.name));
        for (const auto& grant : service.secrets)
            check_known(project_.secrets, grant.source, grant.at, "secret");
        for (const auto& grant : service.configs)
            check_known(project_.configs, grant.source, grant.at, "config");
        for (const auto& mount : service.mounts)
            if (mount.kind == ComposeMount::Kind::volume && !mount.source.empty())
                check_known(project_.volumes, mount.source, mount.at, "volume");
        for (const auto& [name, dependency] : service.depends_on)
            if (dependency.required)
                check_known(project_.services,
                            name,
                            service.at,
                            fmt::format("service for {} to depend on,", service.name));
    }

    void check_cycles() {
        std::map<std::string, int> marks;  // 1 under way, 2 done
        for (const auto& [name, service] : project_.services)
            if (has_cycle(name, marks)) {
                reader_.problems.error(service.at,
                                       fmt::format("service \"{}\" depends on itself in the end", name));
                return;
            }
    }

    bool has_cycle(const std::string& name, std::map<std::string, int>& marks) const {
        const auto found = project_.services.find(name);
        if (found == project_.services.end() || marks[name] == 2) return false;
        if (marks[name] == 1) return true;
        marks[name] = 1;
        for (const auto& [needed, dependency] : found->second.depends_on)
            if (has_cycle(needed, marks)) return true;
        marks[name] = 2;
        return false;
    }

    void check_templates(const Value& value) {
        std::string_view bad;
        if (value.kind == Value::Kind::text && !template_pieces(value.text, &bad))
            reader_.problems.error(value.at,
                                   fmt::format("\"{}\" names no variable", bad.substr(0, 20)),
                                   "a plain dollar is written $$");
        for (const auto& item : value.items) check_templates(item);
        for (const auto& member : value.members)
            if (!member.key.starts_with("x-")) check_templates(member.value);
    }

    void collect_variables(const Value& tree) {
        if (const auto* services = tree.find("services"))
            for (const auto& member : services->members) add_uses(member.value, {member.key});
        collect_section(tree, "networks", [](const ComposeService& service, const std::string& name) {
            return std::ranges::find(service.networks, name) != service.networks.end();
        });
        collect_section(tree, "volumes", [](const ComposeService& service, const std::string& name) {
            return std::ranges::find(service.mounts, name, &ComposeMount::source) != service.mounts.end();
        });
        collect_section(tree, "secrets", [](const ComposeService& service, const std::string& name) {
            return std::ranges::find(service.secrets, name, &ComposeGrant::source) != service.secrets.end();
        });
        collect_section(tree, "configs", [](const ComposeService& service, const std::string& name) {
            return std::ranges::find(service.configs, name, &ComposeGrant::source) != service.configs.end();
        });
        for (auto& [name, use] : uses_) project_.variables.push_back(std::move(use));
    }

    /// References of a top-level section count for the services that use the entry.
    template <typename Uses>
    void collect_section(const Value& tree, std::string_view key, Uses is_used) {
        const auto* section = tree.find(key);
        if (section == nullptr) return;
        for (const auto& member : section->members) {
            std::set<std::string> services;
            for (auto& [name, service] : project_.services)
                if (is_used(service, member.key)) {
                    services.insert(name);
                    note_variables(service, member.value);
                }
            add_uses(member.value, services);
        }
    }

    static void note_variables(ComposeService& service, const Value& value) {
        each_reference(value, [&](const TemplateReference& reference, const Position&) {
            service.variables.insert(std::string(reference.name));
        });
        if (const auto* variable = value.find("environment")) service.variables.insert(variable->text);
    }

    void add_uses(const Value& value, const std::set<std::string>& services) {
        each_reference(value, [&](const TemplateReference& reference, const Position& at) {
            const bool required = reference.op.ends_with('?');
            const bool has_default = !required && !reference.op.empty();
            auto [place, fresh] = uses_.try_emplace(
                std::string(reference.name),
                VariableUse{.name = std::string(reference.name), .has_default = has_default, .at = at});
            auto& use = place->second;
            use.has_default = use.has_default && has_default;
            if (required && !use.required) {
                use.required = true;
                use.message = reference.word;
                use.at = at;
            }
            use.services.insert(services.begin(), services.end());
        });
    }

    VariableLookup lookup_;
    ComposeReader reader_;
    ComposeProject project_;
    std::map<std::string, VariableUse> uses_;
};

}  // namespace

ComposeProject read_compose(const std::string& name,
                            const std::vector<ComposeText>& files,
                            const VariableLookup& lookup,
                            Problems& problems) {
    return ProjectReader(name, lookup, problems).read(files);
}

std::vector<VariableUse> missing_variables(const ComposeProject& project,
                                           const std::set<std::string>& known) {
    std::vector<VariableUse> missing;
    for (const auto& use : project.variables)
        if (!use.has_default && use.name != "COMPOSE_PROJECT_NAME" && !known.contains(use.name))
            missing.push_back(use);
    return missing;
}

}  // namespace kavi::model

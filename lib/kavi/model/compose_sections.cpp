#include <kavi/model/compose_parts.hpp>
#include <kavi/model/interpolate.hpp>

#include <fmt/format.h>

namespace kavi::model {

namespace {

using Keys = std::vector<std::string>;

/// What networks, volumes, secrets and configs have in common.
struct Named {
    std::string real_name;
    bool external = false;
};

Named read_named(const ComposeReader& reader, const Member& member, const std::string& project) {
    Named named{.real_name = fmt::format("{}_{}", project, member.key)};
    if (const auto* external = member.value.find("external")) {
        if (external->kind == Value::Kind::table) {  // the old way to say the name
            named.external = true;
            named.real_name = member.key;
            if (const auto* name = external->find("name")) named.real_name = reader.text(*name, "\"name\"");
        } else {
            named.external = reader.flag(*external, "\"external\"");
            if (named.external) named.real_name = member.key;
        }
    }
    if (const auto* name = member.value.find("name")) named.real_name = reader.text(*name, "\"name\"");
    return named;
}

bool table_or_null(const ComposeReader& reader, const Value& value, std::string_view what) {
    return value.kind == Value::Kind::null || reader.is(value, Value::Kind::table, what);
}

}  // namespace

void read_networks(const ComposeReader& reader, const Value& table, ComposeProject& project) {
    static const Keys keys{"attachable",
                           "driver",
                           "driver_opts",
                           "enable_ipv4",
                           "enable_ipv6",
                           "external",
                           "internal",
                           "ipam",
                           "labels",
                           "name"};
    for (const auto& member : table.members) {
        ComposeNetwork network{.name = member.key, .at = member.at};
        if (!table_or_null(reader, member.value, "a network")) continue;
        reader.check_keys(member.value, keys, "a network");
        const auto named = read_named(reader, member, project.name);
        network.real_name = named.real_name;
        network.external = named.external;
        if (const auto* internal = member.value.find("internal"))
            network.internal = reader.flag(*internal, "\"internal\"");
        network.subtree = subtree_json(member.value);
        project.networks[member.key] = std::move(network);
    }
}

void read_volumes(const ComposeReader& reader, const Value& table, ComposeProject& project) {
    static const Keys keys{"driver", "driver_opts", "external", "labels", "name"};
    for (const auto& member : table.members) {
        ComposeVolume volume{.name = member.key, .at = member.at};
        if (!table_or_null(reader, member.value, "a volume")) continue;
        reader.check_keys(member.value, keys, "a volume");
        const auto named = read_named(reader, member, project.name);
        volume.real_name = named.real_name;
        volume.external = named.external;
        volume.subtree = subtree_json(member.value);
        project.volumes[member.key] = std::move(volume);
    }
}

namespace {

/// NAME where the text is "$KAVI_SECRETS/NAME", however the variable is written.
std::optional<std::string> secret_of_kavi(std::string_view file) {
    const auto pieces = template_pieces(file);
    if (!pieces || pieces->size() != 2) return std::nullopt;
    const auto* reference = std::get_if<TemplateReference>(&pieces->front());
    const auto* path = std::get_if<std::string_view>(&pieces->back());
    if (reference == nullptr || path == nullptr || reference->name != "KAVI_SECRETS") return std::nullopt;
    if (!path->starts_with('/') || path->size() < 2 || path->find('/', 1) != std::string_view::npos)
        return std::nullopt;
    return std::string(path->substr(1));
}

ComposeSource read_source(const ComposeReader& reader, const Member& member, bool configs) {
    ComposeSource source{.name = member.key, .at = member.at};
    int ways = 0;
    if (const auto* file = member.value.find("file")) {
        const auto raw = reader.raw(*file, "\"file\"");
        source.kavi_secret = secret_of_kavi(raw);
        source.file = reader.interpolated(raw);
        ++ways;
    }
    if (const auto* variable = member.value.find("environment")) {
        source.environment = reader.text(*variable, "\"environment\"");
        ++ways;
    }
    if (const auto* content = member.value.find("content"); configs && content != nullptr) {
        source.content = reader.raw(*content, "\"content\"");
        ++ways;
    }
    source.external = read_named(reader, member, "").external;
    source.subtree = subtree_json(member.value);
    const auto what = configs ? "config" : "secret";
    if (source.external ? ways != 0 : ways != 1)
        reader.problems.error(member.at,
                              fmt::format("{} \"{}\" must have exactly one of {}",
                                          what,
                                          member.key,
                                          configs ? "\"file\", \"environment\" and \"content\""
                                                  : "\"file\" and \"environment\""));
    if (source.external)
        reader.problems.error(member.at,
                              fmt::format("{} \"{}\" is external, which only Swarm has", what, member.key));
    return source;
}

}  // namespace

void read_sources(const ComposeReader& reader, const Value& table, bool configs, ComposeProject& project) {
    static const Keys secret_keys{
        "driver", "driver_opts", "environment", "external", "file", "labels", "name", "template_driver"};
    static const Keys config_keys{
        "content", "environment", "external", "file", "labels", "name", "template_driver"};
    for (const auto& member : table.members) {
        const auto what = configs ? "a config" : "a secret";
        if (!reader.is(member.value, Value::Kind::table, what)) continue;
        reader.check_keys(member.value, configs ? config_keys : secret_keys, what);
        (configs ? project.configs : project.secrets)[member.key] = read_source(reader, member, configs);
    }
}

}  // namespace kavi::model

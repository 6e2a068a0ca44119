#include <kavi/base/text.hpp>
#include <kavi/model/compose_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace kavi::model {

namespace {

/// At each colon that isn't inside "${…}". A single letter before one is a drive of Windows to Compose.
std::vector<std::string> split_at_colons(std::string_view spec) {
    std::vector<std::string> sections(1);
    int inside = 0;
    for (std::size_t i = 0; i < spec.size(); ++i) {
        if (spec.substr(i).starts_with("${")) ++inside;
        if (spec[i] == '}' && inside > 0) --inside;
        const auto& last = sections.back();
        const bool drive = last.size() == 1 && std::isalpha(static_cast<unsigned char>(last[0])) != 0;
        if (spec[i] == ':' && inside == 0 && !drive)
            sections.emplace_back();
        else
            sections.back() += spec[i];
    }
    return sections;
}

bool is_path(std::string_view source) {
    return source.starts_with('.') || source.starts_with('/') || source.starts_with('~') ||
           source.starts_with('$');
}

ComposeMount short_mount(const ComposeReader& reader, const Value& value) {
    ComposeMount mount{.at = value.at};
    const auto raw = reader.raw(value, "a volume");
    auto split = split_mount(reader.interpolated(raw));
    if (!split.error.empty()) reader.problems.error(value.at, fmt::format("\"{}\": {}", raw, split.error));
    mount.source = std::move(split.source);
    mount.target = std::move(split.target);
    mount.kind = is_path(mount.source) ? ComposeMount::Kind::bind : ComposeMount::Kind::volume;
    mount.read_only = std::ranges::find(split.options, "ro") != split.options.end();
    return mount;
}

ComposeMount::Kind mount_kind(const ComposeReader& reader, const Value& type) {
    const auto name = reader.text(type, "a volume's type");
    if (name == "volume") return ComposeMount::Kind::volume;
    if (name == "bind") return ComposeMount::Kind::bind;
    if (name == "tmpfs") return ComposeMount::Kind::tmpfs;
    if (name != "npipe" && name != "cluster" && name != "image")
        reader.problems.error(
            type.at, fmt::format("\"{}\" is no type of a volume", name), "volume, bind or tmpfs");
    return ComposeMount::Kind::other;
}

ComposeMount long_mount(const ComposeReader& reader, const Value& table) {
    static const std::vector<std::string> keys{
        "bind", "consistency", "image", "read_only", "source", "target", "tmpfs", "type", "volume"};
    reader.check_keys(table, keys, "a volume");
    ComposeMount mount{.at = table.at};
    if (const auto* type = table.find("type"))
        mount.kind = mount_kind(reader, *type);
    else
        reader.problems.error(table.at, "this volume has no \"type\"", "volume, bind or tmpfs");
    if (const auto* source = table.find("source")) mount.source = reader.text(*source, "a volume's source");
    if (const auto* target = table.find("target")) mount.target = reader.text(*target, "a volume's target");
    if (const auto* only = table.find("read_only")) mount.read_only = reader.flag(*only, "\"read_only\"");
    if (const auto* bind = table.find("bind"))
        if (const auto* create = bind->find("create_host_path"))
            mount.create_host_path = reader.flag(*create, "\"create_host_path\"");
    if (mount.kind == ComposeMount::Kind::bind && mount.source.empty())
        reader.problems.error(table.at, "this bind has no \"source\"");
    return mount;
}

}  // namespace

SplitMount split_mount(std::string_view spec) {
    auto sections = split_at_colons(spec);
    SplitMount mount;
    if (sections.size() > 3) mount.error = "too many colons";
    if (std::ranges::any_of(sections, &std::string::empty)) mount.error = "a part between colons is empty";
    if (sections.size() == 1) {
        mount.target = sections[0];
        return mount;
    }
    mount.source = sections[0];
    mount.target = sections[1];
    if (sections.size() > 2) mount.options = split(sections[2], ',');
    return mount;
}

std::vector<ComposeMount> read_mounts(const ComposeReader& reader, const Value& list) {
    std::vector<ComposeMount> mounts;
    if (!reader.is(list, Value::Kind::list, "\"volumes\" of a service")) return mounts;
    for (const auto& item : list.items) {
        const bool is_long = item.kind == Value::Kind::table;
        auto mount = is_long ? long_mount(reader, item) : short_mount(reader, item);
        const bool known = mount.target.find('$') == std::string::npos;
        if (mount.target.empty())
            reader.problems.error(item.at, "this volume has no target");
        else if (known && !mount.target.starts_with('/'))
            reader.problems.error(item.at,
                                  fmt::format("the target \"{}\" must be an absolute path", mount.target));
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

namespace {

/// How many ports "80" or "8000-8010" names; nullopt: it isn't one.
std::optional<int> ports_in(std::string_view text) {
    const auto number = [](std::string_view digits) -> std::optional<int> {
        int value = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        const bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
        return whole && value >= 0 && value <= 65535 ? std::optional(value) : std::nullopt;
    };
    const auto dash = text.find('-');
    const auto first = number(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return *last - *first + 1;
}

/// "[HOST:][PUBLISHED:]TARGET[/PROTOCOL]", the host perhaps an IPv6 address in brackets.
ComposePort short_port(std::string_view spec) {
    ComposePort port;
    if (const auto slash = spec.rfind('/'); slash != std::string_view::npos) {
        port.protocol = lower(spec.substr(slash + 1));
        spec = spec.substr(0, slash);
    }
    const auto before = [&](std::string_view text, std::string& last) {
        const auto colon = text.rfind(':');
        last = text.substr(colon == std::string_view::npos ? 0 : colon + 1);
        return colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
    };
    auto rest = before(spec, port.target);
    if (rest.empty()) return port;
    rest = before(rest, port.published);
    if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
    port.host_ip = rest;
    return port;
}

ComposePort long_port(const ComposeReader& reader, const Value& table) {
    static const std::vector<std::string> keys{
        "app_protocol", "host_ip", "mode", "name", "protocol", "published", "target"};
    reader.check_keys(table, keys, "a port");
    ComposePort port;
    const auto read = [&](std::string_view key, std::string& into) {
        if (const auto* value = table.find(key))
            into = reader.text(*value, fmt::format("\"{}\" of a port", key));
    };
    read("target", port.target);
    read("published", port.published);
    read("host_ip", port.host_ip);
    read("protocol", port.protocol);
    return port;
}

void check_port(const ComposeReader& reader, const ComposePort& port) {
    if ((port.target + port.published).find('$') != std::string::npos) return;
    const auto targets = ports_in(port.target);
    const auto published = port.published.empty() ? targets : ports_in(port.published);
    if (!targets || !published)
        reader.problems.error(port.at, "this isn't a port", "as \"443:443/tcp\" or \"127.0.0.1:8080:80\"");
    else if (*targets != *published && *targets != 1)
        reader.problems.error(port.at,
                              fmt::format("{} ports can't be published as {}", *targets, *published));
}

}  // namespace

std::vector<ComposePort> read_ports(const ComposeReader& reader, const Value& list) {
    std::vector<ComposePort> ports;
    if (!reader.is(list, Value::Kind::list, "\"ports\"")) return ports;
    for (const auto& item : list.items) {
        const bool is_long = item.kind == Value::Kind::table;
        auto port = is_long ? long_port(reader, item) : short_port(reader.text(item, "a port"));
        port.at = item.at;
        check_port(reader, port);
        const auto same = [&](const ComposePort& other) {
            return other.target == port.target && other.published == port.published &&
                   other.protocol == port.protocol && other.host_ip == port.host_ip;
        };
        if (std::ranges::none_of(ports, same)) ports.push_back(std::move(port));
    }
    return ports;
}

}  // namespace kavi::model

#include "estate_forms.hpp"
#include "estate_table.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::model {

namespace {

using Rules = std::vector<FirewallRule>;

constexpr std::string_view rule_words = "ports like \"22/tcp\", \"1024-5000/udp\" or \"icmp\"";
constexpr std::string_view rule_pattern = "^(icmp|[0-9]+(-[0-9]+)?/(tcp|udp))$";

std::vector<std::string> everywhere() {
    return {"0.0.0.0/0", "::/0"};
}

std::string rule_text(const FirewallRule& rule) {
    return rule.port.empty() ? rule.protocol : fmt::format("{}/{}", rule.port, rule.protocol);
}

TextType rule_type() {
    return std::make_shared<FormType<std::string>>(Form<std::string>{
        .words = std::string(rule_words),
        .pattern = std::string(rule_pattern),
        .parse = [](std::string_view text) -> std::optional<std::string> {
            return parse_firewall_rule(text) ? std::optional(std::string(text)) : std::nullopt;
        },
        .write = [](const std::string& text) { return text; }});
}

/// An entry of `firewall`: ports alone, or with the networks they are open to.
struct FirewallEntry {
    std::vector<std::string> ports;
    std::vector<std::string> from;
};

class FirewallType final : public Type<Rules> {
  public:
    void read(const Node& node, Rules& target, Reading& reading) const override {
        if (node.value.kind != Value::Kind::list) return refuse_kind(node, words(), reading);
        target.clear();
        for (std::size_t i = 0; i < node.value.items.size(); ++i) {
            const auto& item = node.value.items[i];
            const Node entry_node{item, fmt::format("{}[{}]", node.path, i), item.at};
            FirewallEntry entry;
            if (item.kind == Value::Kind::table)
                entry_.read(entry_node, entry, reading);
            else
                entry.ports.resize(1), rule_type()->read(entry_node, entry.ports[0], reading);
            add(entry, target);
        }
    }

    /// Rules of the same networks in one entry, as they were written.
    OrderedJson show(const Rules& rules) const override {
        auto list = OrderedJson::array();
        for (std::size_t i = 0; i < rules.size();) {
            if (rules[i].from == everywhere()) {
                list.push_back(rule_text(rules[i++]));
                continue;
            }
            FirewallEntry entry{.from = rules[i].from};
            for (; i < rules.size() && rules[i].from == entry.from; ++i)
                entry.ports.push_back(rule_text(rules[i]));
            list.push_back(entry_.show(entry));
        }
        return list.empty() ? OrderedJson() : list;
    }

    OrderedJson schema() const override {
        return {{"type", "array"},
                {"items", {{"oneOf", OrderedJson::array({text_schema(rule_pattern), entry_.schema()})}}}};
    }

    std::string words() const override {
        return fmt::format("a list of {}, or {{ ports = …, from = [\"10.0.0.0/8\"] }}", rule_words);
    }

  private:
    static void add(const FirewallEntry& entry, Rules& rules) {
        for (const auto& text : entry.ports)
            if (auto rule = parse_firewall_rule(text)) {
                rule->from = entry.from.empty() ? everywhere() : entry.from;
                rules.push_back(std::move(*rule));
            }
    }

    const TableType<FirewallEntry> entry_{{
        field("ports",
              &FirewallEntry::ports,
              TypePtr<std::vector<std::string>>(std::make_shared<ListType<std::string>>(rule_type(), true)),
              "what is open")
            .must(),
        field("from",
              &FirewallEntry::from,
              TypePtr<std::vector<std::string>>(std::make_shared<ListType<std::string>>(network(), true)),
              "to whom"),
    }};
};

/// "host:port" or ":port".
bool is_tcp_target(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port_range(text.substr(colon + 1))) return false;
    const auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (text.substr(colon + 1).find('-') != std::string_view::npos) return false;
    return host.empty() || is_host_name(host) || (bracketed && is_ipv6(host.substr(1, host.size() - 2)));
}

/// A URL, or ":port/path".
bool is_http_target(std::string_view text) {
    if (text.starts_with(':')) return is_tcp_target(text.substr(0, text.find('/')));
    auto rest = text;
    for (const std::string_view scheme : {"http://", "https://"})
        if (text.starts_with(scheme)) rest = text.substr(scheme.size());
    const auto authority = rest.substr(0, rest.find('/'));
    const auto colon = authority.rfind(':');
    const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
    return rest != text &&
           (is_host_name(authority) || authority == "[::1]" || (has_port && is_tcp_target(authority)));
}

class ProbeType final : public Type<Probe> {
  public:
    void read(const Node& node, Probe& target, Reading& reading) const override {
        if (node.value.kind != Value::Kind::table || node.value.members.size() != 1)
            return reading.problems.error(node.value.at, fmt::format("\"probe\" must be {}", words()));
        const auto& member = node.value.members.front();
        const bool tcp = member.key == "tcp";
        if (!tcp && member.key != "http") return refuse_key(member, node, {"http", "tcp"}, reading);
        const Node inner{member.value, path_of(node.path, member.key), member.at};
        reading.origins[inner.path] = {member.at, member.value.at};
        if (member.value.kind != Value::Kind::text) return refuse_kind(inner, "text", reading);
        if (!may_be_shown(inner, Caution::look, reading)) return;
        if (!(tcp ? is_tcp_target(member.value.text) : is_http_target(member.value.text)))
            return refuse_form(inner,
                               tcp ? "\"host:port\" or \":port\"" : "a URL or \":port/path\"",
                               Caution::look,
                               reading);
        target = {.kind = tcp ? ProbeKind::tcp : ProbeKind::http, .target = member.value.text};
    }

    OrderedJson show(const Probe& probe) const override {
        return {{probe.kind == ProbeKind::tcp ? "tcp" : "http", probe.target}};
    }

    OrderedJson schema() const override {
        const OrderedJson text{{"type", "string"}};
        return {{"type", "object"},
                {"properties", {{"http", text}, {"tcp", text}}},
                {"additionalProperties", false},
                {"minProperties", 1},
                {"maxProperties", 1}};
    }

    std::string words() const override { return "{ http = \"URL\" } or { tcp = \"host:port\" }"; }
};

using Data = std::map<std::string, std::variant<std::string, std::int64_t>>;

class RecordDataType final : public Type<Data> {
  public:
    void read(const Node& node, Data& target, Reading& reading) const override {
        if (node.value.kind != Value::Kind::table) return refuse_kind(node, words(), reading);
        for (const auto& member : node.value.members) {
            const auto path = path_of(node.path, member.key);
            reading.origins[path] = {member.at, member.value.at};
            if (member.value.kind == Value::Kind::text)
                target[member.key] = member.value.text;
            else if (member.value.kind == Value::Kind::integer)
                target[member.key] = member.value.integer;
            else
                refuse_kind({member.value, path, member.at}, "text or a whole number", reading);
        }
    }

    OrderedJson show(const Data& data) const override {
        auto table = OrderedJson::object();
        for (const auto& [key, value] : data)
            std::visit([&, name = key](const auto& one) { table[name] = one; }, value);
        return table.empty() ? OrderedJson() : table;
    }

    OrderedJson schema() const override {
        return {{"type", "object"},
                {"additionalProperties", {{"type", OrderedJson::array({"string", "integer"})}}}};
    }

    std::string words() const override { return "a table of a record's parts"; }
};

}  // namespace

std::optional<FirewallRule> parse_firewall_rule(std::string_view text) {
    if (text == "icmp") return FirewallRule{"icmp", "", {}};
    const auto slash = text.find('/');
    if (slash == std::string_view::npos || !is_port_range(text.substr(0, slash))) return std::nullopt;
    const auto protocol = text.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") return std::nullopt;
    return FirewallRule{std::string(protocol), std::string(text.substr(0, slash)), {}};
}

TypePtr<std::vector<FirewallRule>> firewall_rules() {
    return std::make_shared<FirewallType>();
}

TypePtr<Probe> probe() {
    return std::make_shared<ProbeType>();
}

TypePtr<Data> record_data() {
    return std::make_shared<RecordDataType>();
}

}  // namespace kavi::model

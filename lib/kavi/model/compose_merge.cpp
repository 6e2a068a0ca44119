#include <kavi/base/text.hpp>
#include <kavi/model/compose_merge.hpp>
#include <kavi/model/compose_parts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>

namespace kavi::model {

namespace {

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "1.10", ".5", "1e3": what YAML takes for a float.
bool looks_like_float(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const auto exponent = text.find_first_of("eE");
    auto mantissa = text.substr(0, exponent);
    if (exponent != std::string_view::npos) {
        auto power = text.substr(exponent + 1);
        if (power.starts_with('+') || power.starts_with('-')) power.remove_prefix(1);
        if (!all_digits(power)) return false;
    }
    const auto dot = mantissa.find('.');
    if (dot == std::string_view::npos) return all_digits(mantissa);
    std::string digits(mantissa);
    digits.erase(dot, 1);
    return all_digits(digits);
}

/// As Go prints a float64: the shortest digits that read back, with an exponent from 1e+21 on and below
/// 1e-04.
std::string go_float(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
        return std::string(text);
    const double size = number < 0 ? -number : number;
    const bool fixed = size == 0 || (size >= 1e-4 && size < 1e21);
    std::array<char, 64> buffer{};
    const auto written = std::to_chars(buffer.data(),
                                       buffer.data() + buffer.size(),
                                       number,
                                       fixed ? std::chars_format::fixed : std::chars_format::scientific);
    return {buffer.data(), written.ptr};
}

/// A plain integer as YAML reads it: underscores dropped, 0x, 0o, 0b and a leading 0 give the base.
std::optional<std::string> plain_integer(std::string_view text) {
    if (text.find_first_of("0123456789") > 1) return std::nullopt;
    std::string digits(text);
    std::erase(digits, '_');
    std::string_view rest = digits;
    const bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    int base = 10;
    if (rest.starts_with("0x")) base = 16;
    if (rest.starts_with("0o")) base = 8;
    if (rest.starts_with("0b")) base = 2;
    if (base != 10) rest.remove_prefix(2);
    if (base == 10 && rest.size() > 1 && rest.starts_with('0')) base = 8;
    std::uint64_t number = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number, base);
    if (rest.empty() || read.ec != std::errc() || read.ptr != rest.data() + rest.size()) return std::nullopt;
    return fmt::format("{}{}", negative && number != 0 ? "-" : "", number);
}

/// "2001-12-31", which YAML takes for a moment.
bool looks_like_date(std::string_view text) {
    return text.size() == 10 && text[4] == '-' && text[7] == '-' && all_digits(text.substr(0, 4)) &&
           all_digits(text.substr(5, 2)) && all_digits(text.substr(8, 2));
}

}  // namespace

std::string typed_text(const Value& value) {
    const auto& text = value.text;
    if (!value.plain) return text;
    if (text == "True" || text == "TRUE") return "true";
    if (text == "False" || text == "FALSE") return "false";
    if (looks_like_date(text)) return text + " 00:00:00 +0000 UTC";
    if (auto integer = plain_integer(text)) return *integer;
    return looks_like_float(text) ? go_float(text) : text;
}

std::vector<Value> as_sequence(const Value& value) {
    if (value.kind == Value::Kind::list) return value.items;
    if (value.kind != Value::Kind::table) return {value};
    std::vector<Value> items;
    for (const auto& member : value.members) {
        Value item{.kind = Value::Kind::text, .at = member.at, .text = member.key};
        if (member.value.kind != Value::Kind::null) item.text += "=" + typed_text(member.value);
        items.push_back(std::move(item));
    }
    return items;
}

namespace {

using Path = std::vector<std::string_view>;

bool matches(const Path& path, std::string_view pattern) {
    const auto parts = split(pattern, '.');
    return std::ranges::equal(
        path, parts, [](std::string_view a, std::string_view b) { return b == "*" || a == b; });
}

bool matches_any(const Path& path, std::initializer_list<std::string_view> patterns) {
    return std::ranges::any_of(patterns, [&](auto pattern) { return matches(path, pattern); });
}

bool replaced_whole(const Path& path) {
    return matches_any(path,
                       {"services.*.command",
                        "services.*.entrypoint",
                        "services.*.healthcheck.test",
                        "services.*.build",
                        "services.*.ulimits.*"});
}

bool appended_as_sequence(const Path& path) {
    return matches_any(path,
                       {"services.*.annotations",
                        "services.*.deploy.labels",
                        "services.*.dns",
                        "services.*.dns_opt",
                        "services.*.dns_search",
                        "services.*.env_file",
                        "services.*.environment",
                        "services.*.extra_hosts",
                        "services.*.label_file",
                        "services.*.labels",
                        "services.*.sysctls",
                        "services.*.tmpfs",
                        "networks.*.labels",
                        "volumes.*.labels"});
}

/// A list of names as the table that Compose merges by.
Value names_as_table(const Value& value, bool dependencies) {
    if (value.kind != Value::Kind::list) return value;
    Value table{.kind = Value::Kind::table, .at = value.at};
    for (const auto& item : value.items) {
        Value inside{.kind = Value::Kind::null, .at = item.at};
        if (dependencies) {
            inside.kind = Value::Kind::table;
            inside.members = {
                {"condition", item.at, {.kind = Value::Kind::text, .at = item.at, .text = "service_started"}},
                {"required", item.at, {.kind = Value::Kind::text, .at = item.at, .text = "true"}}};
        }
        table.members.push_back({item.text, item.at, std::move(inside)});
    }
    return table;
}

class Merger {
  public:
    explicit Merger(Problems& problems) : problems_(problems) {}

    void merge(Value& base, const Value& over, Path& path) {
        if (replaced_whole(path)) {
            base = over;
        } else if (appended_as_sequence(path)) {
            append(base, over);
        } else if (matches(path, "services.*.depends_on") || matches(path, "services.*.networks")) {
            const bool dependencies = path.back() == "depends_on";
            base = names_as_table(base, dependencies);
            merge_tables(base, names_as_table(over, dependencies), path);
        } else if (matches(path, "services.*.logging") && drivers_differ(base, over)) {
            base = over;
        } else if (over.kind != Value::Kind::null) {
            merge_plainly(base, over, path);
        }
    }

  private:
    static void append(Value& base, const Value& over) {
        auto items = as_sequence(base);
        for (auto& item : as_sequence(over)) items.push_back(std::move(item));
        base = {.kind = Value::Kind::list, .at = base.at, .items = std::move(items)};
    }

    static bool drivers_differ(const Value& base, const Value& over) {
        const auto* a = base.find("driver");
        const auto* b = over.find("driver");
        return a != nullptr && b != nullptr && a->text != b->text;
    }

    void merge_plainly(Value& base, const Value& over, Path& path) {
        const bool collection = base.kind == Value::Kind::table || base.kind == Value::Kind::list;
        if (collection && base.kind != over.kind) {
            problems_.error(
                over.at,
                fmt::format("{} can't stand over {}", kind_name(over.kind), kind_name(base.kind)),
                fmt::format(
                    "{}:{} has {} here", problems_.path(base.at.file), base.at.line, kind_name(base.kind)));
        } else if (base.kind == Value::Kind::table) {
            merge_tables(base, over, path);
        } else if (base.kind == Value::Kind::list) {
            base.items.insert(base.items.end(), over.items.begin(), over.items.end());
        } else {
            base = over;
        }
    }

    void merge_tables(Value& base, const Value& over, Path& path) {
        for (const auto& member : over.members) {
            const auto present = std::ranges::find(base.members, member.key, &Member::key);
            if (present == base.members.end()) {
                base.members.push_back(member);
            } else if (member.key.starts_with("x-")) {
                present->value = member.value;
            } else {
                path.push_back(member.key);
                merge(present->value, member.value, path);
                path.pop_back();
            }
        }
    }

    Problems& problems_;
};

using Indexer = std::function<std::string(const Value&)>;

std::string before_equals(const Value& entry) {
    return entry.text.substr(0, entry.text.find('='));
}

std::string text_of(const Value& table, std::string_view key) {
    const auto* value = table.find(key);
    return value == nullptr ? std::string() : value->text;
}

/// As Compose has it: a target that is said stands as it is written, another below the default folder.
std::string grant_target(const Value& entry, std::string_view folder) {
    const auto target = text_of(entry, "target");
    if (!target.empty()) return target;
    return fmt::format(
        "{}/{}", folder, entry.kind == Value::Kind::text ? entry.text : text_of(entry, "source"));
}

std::string secret_target(const Value& entry) {
    return grant_target(entry, "/run/secrets");
}

std::string config_target(const Value& entry) {
    return grant_target(entry, "");
}

std::string mount_target(const Value& entry) {
    return entry.kind == Value::Kind::table ? text_of(entry, "target") : split_mount(entry.text).target;
}

std::string file_path(const Value& entry) {
    return entry.kind == Value::Kind::table ? text_of(entry, "path") : entry.text;
}

void keep_last(Value& list, const Indexer& index) {
    std::vector<Value> kept;
    std::map<std::string, std::size_t> places;
    for (auto& entry : list.items) {
        const auto [place, fresh] = places.emplace(index(entry), kept.size());
        if (fresh)
            kept.push_back(std::move(entry));
        else
            kept[place->second] = std::move(entry);
    }
    list.items = std::move(kept);
}

}  // namespace

Value merge_compose(Value base, const Value& over, Problems& problems) {
    Path path;
    Merger(problems).merge(base, over, path);
    return base;
}

void keep_last_entries(Value& service) {
    static const std::map<std::string_view, Indexer> indexers{{"cap_add", before_equals},
                                                              {"cap_drop", before_equals},
                                                              {"configs", config_target},
                                                              {"dns", before_equals},
                                                              {"dns_opt", before_equals},
                                                              {"dns_search", before_equals},
                                                              {"env_file", file_path},
                                                              {"environment", before_equals},
                                                              {"expose", before_equals},
                                                              {"labels", before_equals},
                                                              {"links", before_equals},
                                                              {"profiles", before_equals},
                                                              {"secrets", secret_target},
                                                              {"sysctls", before_equals},
                                                              {"tmpfs", before_equals},
                                                              {"volumes", mount_target},
                                                              {"annotations", before_equals}};
    for (auto& member : service.members) {
        const auto found = indexers.find(member.key);
        if (found != indexers.end() && member.value.kind == Value::Kind::list)
            keep_last(member.value, found->second);
    }
}

}  // namespace kavi::model

#pragma once

#include <kavi/model/compose.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The parts that read_compose is made of.
namespace kavi::model {

/// "KEY=VALUE" or "KEY: VALUE", as environment and labels have them.
struct ComposePair {
    std::string key;
    std::optional<std::string> value;
    Position at;
};

/// What every part needs: where problems go, and what variables are.
struct ComposeReader {
    Problems& problems;
    const VariableLookup& lookup;

    /// Adds a problem unless the value is of that kind.
    bool is(const Value& value, Value::Kind kind, std::string_view what) const;
    /// The scalar as Compose prints it, not interpolated.
    std::string raw(const Value& value, std::string_view what) const;
    /// The same, interpolated; what has no value yet stands as it is written.
    std::string text(const Value& value, std::string_view what) const;
    std::string interpolated(const std::string& raw) const;
    bool flag(const Value& value, std::string_view what) const;
    /// A list of texts, or one text.
    std::vector<std::string> texts(const Value& value, std::string_view what) const;
    std::vector<ComposePair> pairs(const Value& value, std::string_view what) const;
    void check_keys(const Value& table, std::span<const std::string> known, std::string_view of_what) const;
};

ComposeService read_service(const ComposeReader& reader, const Member& member);

void read_networks(const ComposeReader& reader, const Value& table, ComposeProject& project);
void read_volumes(const ComposeReader& reader, const Value& table, ComposeProject& project);
void read_sources(const ComposeReader& reader, const Value& table, bool configs, ComposeProject& project);

struct SplitMount {
    std::string source, target;
    std::vector<std::string> options;
    std::string error;  ///< "too many colons"; empty: it is well
};

/// "[SOURCE:]TARGET[:OPTIONS]", templates with colons in them left whole.
SplitMount split_mount(std::string_view spec);
std::vector<ComposeMount> read_mounts(const ComposeReader& reader, const Value& list);

std::vector<ComposePort> read_ports(const ComposeReader& reader, const Value& list);

std::optional<ComposeHealthcheck> read_healthcheck(const ComposeReader& reader, const Value& table);

/// "1m30s", "1.5h", "500ms": durations as Go and Compose read them.
std::optional<std::chrono::milliseconds> compose_duration(std::string_view text);

/// A command line split as Compose splits it. nullopt: a quote isn't closed. `cut`, where given, is set to an
/// unquoted character (one of ;&|<>) at which Compose drops the rest.
std::optional<std::vector<std::string>> split_command(std::string_view text, char* cut = nullptr);

Json subtree_json(const Value& value);

using ReferenceSink = std::function<void(const struct TemplateReference&, const Position&)>;

/// Every reference to a variable in the texts below `value`.
void each_reference(const Value& value, const ReferenceSink& sink);

}  // namespace kavi::model

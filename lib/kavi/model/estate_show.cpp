#include "estate_table.hpp"

#include <kavi/model/estate_file.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::model {

namespace {

std::string toml_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            quoted += fmt::format("\\{}", c);
        else if (c == '\n')
            quoted += "\\n";
        else if (c == '\t')
            quoted += "\\t";
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            quoted += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        else
            quoted += c;
    }
    return quoted + '"';
}

std::string toml_value(const OrderedJson& value);

std::string toml_list(const OrderedJson& list) {
    std::string text;
    for (const auto& item : list) text += (text.empty() ? "" : ", ") + toml_value(item);
    return fmt::format("[{}]", text);
}

std::string toml_inline_table(const OrderedJson& table) {
    std::string text;
    for (const auto& [key, value] : table.items())
        text += fmt::format("{} {} = {}", text.empty() ? "" : ",", path_of("", key), toml_value(value));
    return text.empty() ? "{}" : fmt::format("{{{} }}", text);
}

std::string toml_value(const OrderedJson& value) {
    if (value.is_string()) return toml_text(value.get_ref<const std::string&>());
    if (value.is_array()) return toml_list(value);
    return value.is_object() ? toml_inline_table(value) : value.dump();
}

bool is_list_of_tables(const OrderedJson& value) {
    return value.is_array() && !value.empty() &&
           std::ranges::all_of(value, [](const OrderedJson& item) { return item.is_object(); });
}

/// Writes a document as TOML: a table's own keys first, then the tables below it.
class TomlWriter {
  public:
    /// `note`: what stands behind the line of a path; empty for nothing.
    using Note = std::function<std::string(const std::string& path)>;

    explicit TomlWriter(Note note) : note_(std::move(note)) {}

    std::string write(const OrderedJson& document) {
        table(document, "");
        return std::move(text_);
    }

  private:
    void table(const OrderedJson& members, const std::string& path) {
        keys(members, path);
        for (const auto& [key, value] : members.items()) {
            const auto inner = path_of(path, key);
            if (value.is_object()) {
                const bool has_keys =
                    std::ranges::any_of(value, [](const OrderedJson& one) { return !is_table(one); });
                if (has_keys || value.empty()) heading(fmt::format("[{}]", inner));
                table(value, inner);
            } else if (is_list_of_tables(value) && path.empty()) {
                for (std::size_t i = 0; i < value.size(); ++i) {
                    heading(fmt::format("[[{}]]", inner));
                    keys(value[i], fmt::format("{}[{}]", inner, i), true);
                }
            }
        }
    }

    static bool is_table(const OrderedJson& value) { return value.is_object(); }

    void heading(const std::string& line) {
        if (!text_.empty()) text_ += '\n';
        text_ += line + '\n';
    }

    /// The table's keys that are no tables (with `tables` those too, in one line), their notes aligned.
    void keys(const OrderedJson& members, const std::string& path, bool tables = false) {
        std::vector<std::pair<std::string, std::string>> lines;
        for (const auto& [key, value] : members.items())
            if ((tables || !is_table(value)) && !(path.empty() && is_list_of_tables(value)))
                lines.emplace_back(fmt::format("{} = {}", path_of("", key), toml_value(value)),
                                   note_(path_of(path, key)));
        std::size_t width = 0;
        for (const auto& [line, note] : lines)
            if (line.size() <= 60) width = std::max(width, line.size());
        for (const auto& [line, note] : lines)
            text_ += note.empty() ? line + '\n' : fmt::format("{:<{}}  # {}\n", line, width, note);
    }

    Note note_;
    std::string text_;
};

}  // namespace

OrderedJson estate_schema() {
    OrderedJson schema{
        {"$schema", "http://json-schema.org/draft-04/schema#"},
        {"title", "kavi.toml"},
        {"description", "An estate of kavi: its servers, services, names, secrets and backups."}};
    schema.update(estate_type().schema());
    return schema;
}

OrderedJson show_json(const Estate& estate) {
    return estate_type().show(estate);
}

std::string show_toml(const Estate& estate) {
    return TomlWriter([](const std::string&) { return std::string(); }).write(show_json(estate));
}

std::string show_toml(const Estate& estate, const Origins& origins, std::string_view file_name) {
    const auto note = [&](const std::string& path) {
        const auto origin = origins.find(path);
        if (origin == origins.end()) return std::string("default");
        if (!origin->second.source.empty()) return origin->second.source;
        return fmt::format("{}:{}", file_name, origin->second.key.line);
    };
    return TomlWriter(note).write(show_json(estate));
}

std::vector<ReferenceTable> estate_reference() {
    std::vector<ReferenceTable> tables;
    estate_type().add_tables("", "", tables);
    return tables;
}

}  // namespace kavi::model

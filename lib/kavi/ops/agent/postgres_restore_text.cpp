#include <kavi/base/text.hpp>
#include <kavi/ops/agent/postgres_restore_text.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace kavi::ops {

namespace {

constexpr std::size_t longest_name = 63;  // NAMEDATALEN - 1
constexpr std::string_view building = "__kavi_";
constexpr std::string_view replaced = "__before_";
constexpr std::size_t run_length = 21;  // "20261125T060000Z-4f2a"
constexpr std::size_t longest_stem = longest_name - replaced.size() - run_length;

std::string doubled(std::string_view text, char quote) {
    std::string quoted(1, quote);
    for (const char c : text) quoted.append(c == quote ? 2 : 1, c);
    return quoted + quote;
}

/// The database's name, or as much of it as fits, told apart by a digest.
std::string stem_of(std::string_view database) {
    if (database.size() <= longest_stem) return std::string(database);
    const auto digest = "_" + hex(sha256(database)).substr(0, 8);
    auto length = longest_stem - digest.size();
    while (length > 0 && (static_cast<unsigned char>(database[length]) & 0xC0) == 0x80)
        --length;  // whole characters
    return std::string(database.substr(0, length)) + digest;
}

std::optional<std::string> run_behind(std::string_view name,
                                      std::string_view database,
                                      std::string_view mark) {
    const auto start = stem_of(database) + std::string(mark);
    if (!name.starts_with(start)) return std::nullopt;
    const auto run = name.substr(start.size());
    return run_time(run) ? std::optional(std::string(run)) : std::nullopt;
}

/// Takes SQL apart: quotes, comments and dollar quotes hide what is in them.
class Splitter {
  public:
    explicit Splitter(std::string_view script) : rest_(script) {}

    std::vector<std::string> all() {
        while (!rest_.empty()) step();
        finish();
        return std::move(statements_);
    }

  private:
    void step() {
        if (at_line_start_ && rest_.front() == '\\') return skip_line();
        if (rest_.starts_with("--")) return skip_line();
        const char c = rest_.front();
        if (c == '\'' || c == '"') return take(quoted(c));
        if (c == '$')
            if (const auto size = dollar_quoted()) return take(size);
        take(1);
        if (c == ';') finish();
    }

    void take(std::size_t count) {
        at_line_start_ = rest_[count - 1] == '\n';
        current_ += rest_.substr(0, count);
        rest_.remove_prefix(count);
    }

    void skip_line() {
        const auto end = rest_.find('\n');
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        current_ += '\n';
        at_line_start_ = true;
    }

    std::size_t quoted(char quote) const {
        // E'…' has backslashes: those that escape the quote matter.
        const bool escapes =
            quote == '\'' && !current_.empty() && (current_.back() == 'E' || current_.back() == 'e');
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (escapes && rest_[i] == '\\')
                ++i;
            else if (rest_[i] == quote && (i + 1 == rest_.size() || rest_[i + 1] != quote))
                return i + 1;
            else if (rest_[i] == quote)
                ++i;
        }
        return rest_.size();
    }

    std::size_t dollar_quoted() const {
        const auto tag_end = rest_.find('$', 1);
        if (tag_end == std::string_view::npos) return 0;
        const auto tag = rest_.substr(0, tag_end + 1);
        const auto in_tag = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
        if (!std::ranges::all_of(tag.substr(1, tag.size() - 2), in_tag)) return 0;
        const auto end = rest_.find(tag, tag.size());
        return end == std::string_view::npos ? rest_.size() : end + tag.size();
    }

    void finish() {
        if (const auto text = trim(current_); !text.empty()) statements_.emplace_back(text);
        current_.clear();
    }

    std::string_view rest_;
    std::string current_;
    bool at_line_start_ = true;
    std::vector<std::string> statements_;
};

/// The name at the front of `text`, quoted or plain.
std::string name_at(std::string_view text) {
    text = trim(text);
    if (!text.starts_with('"')) return std::string(text.substr(0, text.find_first_of(" ;\n\t")));
    std::string name;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] != '"')
            name += text[i];
        else if (i + 1 < text.size() && text[i + 1] == '"')
            name += text[i++];
        else
            break;
    }
    return name;
}

std::optional<std::string> name_behind(std::string_view statement, std::string_view beginning) {
    if (!statement.starts_with(beginning)) return std::nullopt;
    return name_at(statement.substr(beginning.size()));
}

/// The tablespace that a statement changes, or gives rights on.
std::optional<std::string> tablespace_of(std::string_view statement) {
    for (const std::string_view beginning : {"ALTER TABLESPACE ", "COMMENT ON TABLESPACE "})
        if (const auto name = name_behind(statement, beginning)) return name;
    constexpr std::string_view rights = " ON TABLESPACE ";
    const auto at = statement.find(rights);
    const bool gives = statement.starts_with("GRANT ") || statement.starts_with("REVOKE ");
    return gives && at != std::string_view::npos
               ? std::optional(name_at(statement.substr(at + rights.size())))
               : std::nullopt;
}

/// Roles and tablespaces of the system, or that the server has anyway.
bool is_builtin(std::string_view role) {
    return role.starts_with("pg_");
}

/// Errors that lose nothing: what the dump would make is there in every new database.
struct Harmless {
    std::string_view begins, ends;
};

constexpr std::array harmless_errors{
    // Dumps of servers before 15 make the schema that every database begins with.
    Harmless{"ERROR:  schema \"public\" already exists", ""},
    // A parameter that the dump's pg_dump set, and that this older server doesn't have: none of them changes
    // data.
    Harmless{"ERROR:  unrecognized configuration parameter \"transaction_timeout\"", ""},
    Harmless{"ERROR:  unrecognized configuration parameter \"idle_in_transaction_session_timeout\"", ""},
    Harmless{"ERROR:  unrecognized configuration parameter \"default_table_access_method\"", ""},
    Harmless{"ERROR:  unrecognized configuration parameter \"row_security\"", ""},
    // Comments of extensions that the server's owner made: the extension itself is there.
    Harmless{"ERROR:  must be owner of extension ", ""},
};

bool is_harmless(std::string_view error) {
    return std::ranges::any_of(harmless_errors, [&](const Harmless& one) {
        return error.starts_with(one.begins) && error.ends_with(one.ends);
    });
}

}  // namespace

std::string sql_literal(std::string_view text) {
    return doubled(text, '\'');
}

std::string sql_name(std::string_view name) {
    return doubled(name, '"');
}

std::string connection_text(std::string_view database) {
    std::string text = "dbname='";
    for (const char c : database) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
    }
    return text + "'";
}

std::string building_name(std::string_view database, std::string_view run) {
    return fmt::format("{}{}{}", stem_of(database), building, run);
}

std::string replaced_name(std::string_view database, std::string_view run) {
    return fmt::format("{}{}{}", stem_of(database), replaced, run);
}

bool is_building_name(std::string_view name, std::string_view database) {
    return run_behind(name, database, building).has_value();
}

std::optional<std::string> run_of_replaced(std::string_view name, std::string_view database) {
    return run_behind(name, database, replaced);
}

std::vector<std::string> split_statements(std::string_view script) {
    return Splitter(script).all();
}

GlobalsToRun globals_to_run(std::string_view script,
                            const std::set<std::string>& roles,
                            const std::set<std::string>& tablespaces) {
    GlobalsToRun globals;
    std::set<std::string> missing;
    for (auto& statement : split_statements(script)) {
        if (const auto made = name_behind(statement, "CREATE ROLE ")) {
            const bool there = roles.contains(*made) || is_builtin(*made);
            (there ? globals.left_alone : globals.new_roles).push_back(*made);
            if (there) continue;
        } else if (const auto changed = name_behind(statement, "ALTER ROLE ")) {
            if (roles.contains(*changed)) continue;
        } else if (const auto noted = name_behind(statement, "COMMENT ON ROLE ")) {
            if (roles.contains(*noted)) continue;
        } else if (const auto space = name_behind(statement, "CREATE TABLESPACE ")) {
            if (!tablespaces.contains(*space)) missing.insert(*space);
            continue;
        } else if (const auto used = tablespace_of(statement); used && !tablespaces.contains(*used)) {
            continue;
        }
        globals.statements.push_back(std::move(statement));
    }
    globals.tablespaces.assign(missing.begin(), missing.end());
    return globals;
}

DatabaseStatements database_statements(std::string_view script, std::string_view name) {
    DatabaseStatements found;
    for (auto& statement : split_statements(script)) {
        const auto begins = [&](std::string_view with) { return statement.starts_with(with); };
        constexpr std::string_view owner = " OWNER TO ";
        if (begins("CREATE DATABASE ")) {
            if (const auto options = statement.find(" WITH TEMPLATE = "); options != std::string::npos)
                found.create = fmt::format("CREATE DATABASE {}{}", sql_name(name), statement.substr(options));
        } else if (const auto at = statement.rfind(owner);
                   begins("ALTER DATABASE ") && at != std::string::npos && found.owner.empty()) {
            found.owner = statement.substr(at + owner.size(), statement.size() - at - owner.size() - 1);
        } else if (begins("ALTER DATABASE ") || begins("ALTER ROLE ") || begins("GRANT ") ||
                   begins("REVOKE ") || begins("COMMENT ON DATABASE ") || begins("SECURITY LABEL ") ||
                   begins("SET SESSION AUTHORIZATION ") || begins("RESET SESSION AUTHORIZATION")) {
            found.properties.push_back(std::move(statement));
        }
    }
    return found;
}

std::string database_entries(std::string_view list) {
    std::string entries;
    for (const auto& line : split(list, '\n'))
        for (const auto* kind : {" DATABASE - ",
                                 " DATABASE PROPERTIES - ",
                                 " ACL - DATABASE ",
                                 " COMMENT - DATABASE ",
                                 " SECURITY LABEL - DATABASE "})
            if (!line.starts_with(';') && line.find(kind) != std::string::npos) {
                entries += line + "\n";
                break;
            }
    return entries;
}

RestoreComplaints judge_restore(std::string_view standard_error) {
    RestoreComplaints complaints;
    for (const auto& line : split(standard_error, '\n')) {
        // "pg_restore: error: could not execute query: ERROR:  …"; further lines give the place and the
        // command.
        constexpr std::string_view mark = "pg_restore: error: ";
        if (!line.starts_with(mark)) continue;
        auto message = std::string_view(line).substr(mark.size());
        constexpr std::string_view query = "could not execute query: ";
        if (message.starts_with(query)) message.remove_prefix(query.size());
        (is_harmless(message) ? complaints.harmless : complaints.errors).push_back(printable(message));
    }
    return complaints;
}

int postgres_major(std::string_view version) {
    int major = 0;
    std::from_chars(version.data(), version.data() + version.size(), major);
    return major;
}

std::vector<std::string> row_differences(const Json& wanted, const Json& found) {
    std::vector<std::string> differences;
    if (!wanted.is_object()) return differences;
    for (const auto& [table, rows] : wanted.items()) {
        const auto& there = member_or_null(found, table);
        if (!there.is_number())
            differences.push_back(fmt::format("{} isn't there", table));
        else if (there != rows)
            differences.push_back(fmt::format("{} has {} rows, not {}", table, there.dump(), rows.dump()));
    }
    return differences;
}

}  // namespace kavi::ops

#pragma once

#include <kavi/base/json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The pure parts of restoring a PostgreSQL database: names, statements, and what pg_restore says.
namespace kavi::ops {

/// 'it''s'. With standard_conforming_strings, which has been PostgreSQL's default since 9.1.
std::string sql_literal(std::string_view text);
/// "odd ""name""".
std::string sql_name(std::string_view name);
/// "dbname='odd \'name\''": a name with "=" in it would be taken for a connection string of its own.
std::string connection_text(std::string_view database);

/// What a database is called while it is built ("infisical__kavi_20261125T060000Z-4f2a") and when it was
/// replaced
/// ("infisical__before_…"), within PostgreSQL's 63 bytes: a long name is cut, and a digest of it added.
std::string building_name(std::string_view database, std::string_view run);
std::string replaced_name(std::string_view database, std::string_view run);
/// Is `name` what some run called `database` while it built it?
bool is_building_name(std::string_view name, std::string_view database);
/// The run by which `name` was replaced, where it is `database`'s.
std::optional<std::string> run_of_replaced(std::string_view name, std::string_view database);

/// Statements of a script of SQL, each with its ';'. Comments and psql's own commands (lines that begin with
/// a backslash, as pg_dumpall writes \restrict) are left out.
std::vector<std::string> split_statements(std::string_view script);

/// What of a script of `pg_dumpall --globals-only` is run where these roles and tablespaces exist already.
struct GlobalsToRun {
    std::vector<std::string> statements;   ///< in order
    std::vector<std::string> new_roles;    ///< that are made
    std::vector<std::string> left_alone;   ///< roles that exist: they keep their password and attributes
    std::vector<std::string> tablespaces;  ///< named by the script and not there: to be made by hand
};

GlobalsToRun globals_to_run(std::string_view script,
                            const std::set<std::string>& roles,
                            const std::set<std::string>& tablespaces);

/// What a dump says of the database itself, out of the script that `pg_restore --create` makes of it.
struct DatabaseStatements {
    std::string create;  ///< "CREATE DATABASE <name> WITH TEMPLATE = template0 …;", named as asked for
    std::string owner;   ///< who it is given to, as the statement writes it; may be empty
    std::vector<std::string>
        properties;  ///< settings, rights, comment: they name the database as it was dumped
};

/// Empty `create`: the script makes no database.
DatabaseStatements database_statements(std::string_view script, std::string_view name);

/// Lines of `pg_restore --create --list` about the database itself.
std::string database_entries(std::string_view list);

/// What pg_restore wrote on standard error, one message each with what follows it ("Command was: …").
struct RestoreComplaints {
    std::vector<std::string> errors;    ///< failures: the ERROR line alone
    std::vector<std::string> harmless;  ///< named in the list of harmless ones
};

/// Messages about nothing that could be lost: named one by one, in the source.
RestoreComplaints judge_restore(std::string_view standard_error);

/// The major version of "15.14 (Debian 15.14-0+deb12u1)"; 0: not one.
int postgres_major(std::string_view version);

/// Where counts differ from what the manifest says: "public.users has 3 rows, not 4". Tables are named as
/// format('%I.%I', …) has them.
std::vector<std::string> row_differences(const Json& wanted, const Json& found);

}  // namespace kavi::ops

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/postgres_restore_server.hpp>
#include <kavi/ops/agent/postgres_restore_text.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

constexpr std::string_view user_tables =
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND "
    "c.relpersistence <> 't' "
    "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

Error failed(std::string_view doing, std::string_view standard_error) {
    Error error(errors::restore_failed, std::string(doing));
    // Terse errors are one line each; anything else psql says could quote the statement.
    for (const auto& line : split(printable(standard_error), '\n'))
        if (line.find("ERROR:") != std::string::npos || line.find("FATAL:") != std::string::npos ||
            line.starts_with("psql: error"))
            error.because(std::string(trim(line)));
    return error;
}

std::set<std::string> set_of(const Json& names) {
    std::set<std::string> all;
    for (const auto& name : names)
        if (name.is_string()) all.insert(name.get<std::string>());
    return all;
}

}  // namespace

PostgresServer::PostgresServer(RestoreDocker& docker, RestoreContainer container)
    : docker_(docker), container_(std::move(container)) {
    const auto user = container_.environment.find("POSTGRES_USER");
    user_ = user != container_.environment.end() && !user->second.empty() ? user->second : "postgres";
}

std::vector<std::string> PostgresServer::program(std::vector<std::string> words, bool with_input) const {
    std::vector<std::string> all{"exec"};
    if (with_input) all.emplace_back("--interactive");
    all.push_back(container_.id);
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), {"--username", user_});
    return all;
}

std::string PostgresServer::script(const std::string& database,
                                   std::string_view sql,
                                   std::string_view doing) {
    auto done = docker_.run(program({"psql",
                                     "--no-psqlrc",
                                     "--quiet",
                                     "--no-align",
                                     "--tuples-only",
                                     "--no-password",
                                     "--set",
                                     "ON_ERROR_STOP=1",
                                     "--set",
                                     "VERBOSITY=terse",
                                     "--dbname",
                                     connection_text(database)},
                                    true),
                            sql);
    if (done.status != 0) throw failed(doing, done.errors);
    return std::move(done.output);
}

Json PostgresServer::query(const std::string& database, std::string_view select, std::string_view doing) {
    const auto text = script(database, select, doing);
    const auto trimmed = trim(text);
    return trimmed.empty() ? Json() : parse_json(trimmed, "psql");
}

std::string PostgresServer::beside(const std::string& database) {
    return database == "postgres" ? "template1" : "postgres";
}

std::vector<std::string> PostgresServer::databases() {
    const auto names =
        query("template1",
              "SELECT json_agg(datname ORDER BY datname) FROM pg_database WHERE NOT datistemplate",
              "the databases can't be listed");
    const auto all = set_of(names);
    return {all.begin(), all.end()};
}

bool PostgresServer::exists(const std::string& database) {
    const auto all = databases();
    return std::ranges::find(all, database) != all.end();
}

std::set<std::string> PostgresServer::roles() {
    return set_of(query("template1", "SELECT json_agg(rolname) FROM pg_roles", "the roles can't be listed"));
}

std::set<std::string> PostgresServer::tablespaces() {
    return set_of(
        query("template1", "SELECT json_agg(spcname) FROM pg_tablespace", "the tablespaces can't be listed"));
}

Json PostgresServer::rows(const std::string& database) {
    const auto names = query(
        database,
        fmt::format("SELECT json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY 1) {}", user_tables),
        "the tables can't be listed");
    std::string counts;
    for (const auto& name : names) {
        const auto table = name.get<std::string>();
        counts += fmt::format("{}SELECT {} AS name, count(*) AS rows FROM ONLY {}",
                              counts.empty() ? "" : " UNION ALL ",
                              sql_literal(table),
                              table);
    }
    if (counts.empty()) return Json::object();
    return query(database,
                 fmt::format("SELECT json_object_agg(name, rows) FROM ({}) counts", counts),
                 "the rows can't be counted");
}

bool PostgresServer::has_tables(const std::string& database) {
    return query(database, fmt::format("SELECT count(*) {}", user_tables), "the tables can't be counted") !=
           0;
}

int PostgresServer::major() {
    return query("template1",
                 "SELECT current_setting('server_version_num')::int / 10000",
                 "the server's version can't be read")
        .get<int>();
}

void PostgresServer::drop(const std::string& database) {
    script(beside(database),
           fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE);", sql_name(database)),
           fmt::format("the database {} can't be dropped", database));
}

SpooledDump::SpooledDump(PostgresServer& server, const std::string& name)
    : server_(server), path_("/tmp/kavi-restore." + name) {
    server_.docker().must("/tmp of the container can't be cleaned",
                          {"exec", server_.container().id, "sh", "-c", "rm -rf /tmp/kavi-restore.*"});
}

SpooledDump::~SpooledDump() {
    try {
        // Not the restore's own docker: its stop token would end this too.
        run_command({.arguments = {"docker", "exec", server_.container().id, "rm", "-f", path_}});
    } catch (const std::exception&) {  // the next restore takes it away
    }
}

std::unique_ptr<Child> SpooledDump::start() {
    return server_.docker().start(
        {"exec", "--interactive", server_.container().id, "sh", "-c", "umask 077; exec cat >\"$0\"", path_});
}

void SpooledDump::take(Child& child, std::string_view bytes) {
    if (child.write(bytes)) return;
    child.finish();
    Error error(errors::restore_failed, "the dump can't be put into the container's /tmp");
    for (auto& line : last_lines(child.errors())) error.because(std::move(line));
    throw error;
}

void SpooledDump::end(Child& child) {
    if (child.finish() == 0) return;
    Error error(errors::restore_failed, "the dump can't be put into the container's /tmp");
    for (auto& line : last_lines(child.errors())) error.because(std::move(line));
    throw error;
}

}  // namespace kavi::ops

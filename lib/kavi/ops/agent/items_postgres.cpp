#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/items.hpp>

#include <fmt/format.h>

#include <array>

namespace kavi::ops {

namespace {

/// Programs of a PostgreSQL container, as its superuser, by its local socket.
class PostgresSource {
  public:
    explicit PostgresSource(const ItemJob& job)
        : job_(job), container_(job.docker.running(job.wanted("project"), job.wanted("service"))) {
        const auto user = container_.environment.find("POSTGRES_USER");
        user_ = user != container_.environment.end() && !user->second.empty() ? user->second : "postgres";
    }

    /// A name with "=" in it would be taken for a connection string in the arguments; the variable is a name.
    std::vector<std::string> words(const std::string& database, std::vector<std::string> program) const {
        std::vector<std::string> all{"exec",
                                     "--interactive",
                                     "--env",
                                     "PGDATABASE=" + database,
                                     "--env",
                                     "PGUSER=" + user_,
                                     container_.id};
        all.insert(all.end(), program.begin(), program.end());
        return all;
    }

    std::unique_ptr<Child> start(const std::string& database, std::vector<std::string> program) const {
        return job_.docker.start(words(database, std::move(program)));
    }

    /// One answer of JSON.
    Json ask(const std::string& database, std::string_view select) const {
        const auto done = job_.docker.run(words(database, psql()), select);
        if (done.status != 0)
            throw item_failed(fmt::format("{} can't be asked", job_.wanted("service")), done.errors);
        return parse_json(trim(done.output), "psql");
    }

    static std::vector<std::string> psql() {
        return {"psql",
                "--no-psqlrc",
                "--quiet",
                "--no-align",
                "--tuples-only",
                "--no-password",
                "--set",
                "ON_ERROR_STOP=1",
                "--set",
                "VERBOSITY=terse"};
    }

    const std::string& user() const { return user_; }

  private:
    const ItemJob& job_;
    RestoreContainer container_;
    std::string user_;
};

/// A session that holds a snapshot open, and counts what it sees. What pg_dump writes is of the same
/// snapshot.
class Snapshot {
  public:
    Snapshot(const PostgresSource& source, const std::string& database)
        : database_(database), psql_(source.start(database, PostgresSource::psql())) {
        // No limit of the server's may end it while the dump runs.
        send(
            "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;\n"
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n");
        id_ = next_line();
        // The server counts while pg_dump reads.
        send(
            "SELECT json_build_object('server_version', current_setting('server_version'), 'owner', "
            "pg_get_userbyid(datdba), "
            "'encoding', pg_encoding_to_char(encoding), 'collate', datcollate, 'ctype', datctype) "
            "FROM pg_database WHERE datname = current_database();\n"
            "SELECT format('SELECT json_build_array(%L, count(*)) FROM ONLY %I.%I', format('%I.%I', "
            "n.nspname, c.relname), "
            "n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', "
            "'information_schema') "
            "AND n.nspname !~ '^pg_(toast|temp)' ORDER BY 1 \\gexec\n"
            "SELECT 'end';\n");
    }

    const std::string& id() const { return id_; }

    /// {"server_version", "owner", …, "rows": {"public.users": 3}}
    Json details() {
        auto details = parse_json(next_line(), "psql");
        auto rows = Json::object();
        for (auto line = next_line(); line != "end"; line = next_line()) {
            const auto count = parse_json(line, "psql");
            if (!count.is_array() || count.size() != 2 || !count[0].is_string())
                throw Error(errors::internal, "psql counts in another form");
            rows[count[0].get<std::string>()] = count[1];
        }
        details["rows"] = std::move(rows);
        send("COMMIT;\n");
        if (psql_->finish() != 0) throw failed();
        return details;
    }

  private:
    void send(std::string_view text) {
        if (!psql_->write(text)) throw failed();
    }

    std::string next_line() {
        for (;;) {
            if (const auto end = received_.find('\n'); end != std::string::npos) {
                auto line = received_.substr(0, end);
                received_.erase(0, end + 1);
                return line;
            }
            std::array<char, 4096> buffer;
            const auto count = psql_->read(buffer);
            if (count == 0) throw failed();
            received_.append(buffer.data(), count);
        }
    }

    Error failed() {
        psql_->finish();
        return item_failed(fmt::format("the rows of {} can't be counted", database_), psql_->errors());
    }

    std::string database_;
    std::unique_ptr<Child> psql_;
    std::string received_, id_;
};

Json dump_database(const PostgresSource& source, const std::string& database, const seal::WriteBytes& out) {
    Snapshot snapshot(source, database);
    const auto dump = source.start(
        database,
        {"pg_dump", "--format=custom", "--compress=0", "--no-password", "--snapshot=" + snapshot.id()});
    if (pump(*dump, out) != 0)
        throw item_failed(fmt::format("pg_dump of {} failed", database), dump->errors());
    return snapshot.details();
}

Json dump_globals(const PostgresSource& source, const seal::WriteBytes& out) {
    const auto dump = source.start("template1", {"pg_dumpall", "--globals-only", "--no-password"});
    if (pump(*dump, out) != 0) throw item_failed("pg_dumpall failed", dump->errors());
    return Json::object();
}

}  // namespace

void backup_postgres(const ItemJob& job) {
    const PostgresSource source(job);
    // What a restore keeps of before, or was building when it was killed, is no data of the estate's.
    const auto databases = source.ask("template1",
                                      "SELECT json_agg(datname ORDER BY datname) FROM pg_database WHERE "
                                      "datallowconn AND NOT datistemplate AND "
                                      "datname !~ '__(before|kavi)_[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$'");
    job.store(
        {.kind = "postgres-globals", .part = "", .form = "sql", .source = [&](const seal::WriteBytes& out) {
             return dump_globals(source, out);
         }});
    for (const auto& name : databases) {
        const auto database = name.get<std::string>();
        job.store(
            {.kind = "postgres",
             .part = database,
             .form = "pgdump",
             .source = [&](const seal::WriteBytes& out) { return dump_database(source, database, out); }});
    }
}

}  // namespace kavi::ops

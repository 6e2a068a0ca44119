#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/postgres_restore_server.hpp>
#include <kavi/ops/agent/postgres_restore_text.hpp>
#include <kavi/ops/agent/restore_job.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace kavi::ops {

namespace {

std::string quoted_list(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "" : ", ") + sql_literal(name);
    return list;
}

/// Ends every session of these databases until `until_gone` has another name, 10 s at most: services connect
/// again at once, and a database can't be renamed while somebody is in it. The renaming session holds off new
/// ones, so that the last ones are gone within a moment.
std::string end_sessions(const std::vector<std::string>& databases, const std::string& until_gone) {
    return fmt::format(
        "DO $kavi$ BEGIN FOR i IN 1..200 LOOP PERFORM pg_stat_clear_snapshot(); "
        "PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ({}) AND pid <> "
        "pg_backend_pid(); "
        "EXIT WHEN NOT EXISTS (SELECT FROM pg_database WHERE datname = {}); PERFORM pg_sleep(0.05); END "
        "LOOP; END $kavi$;",
        quoted_list(databases),
        sql_literal(until_gone));
}

class PostgresRestore {
  public:
    explicit PostgresRestore(const RestoreJob& job)
        : job_(job),
          details_(job.sealed.artefact.details),
          database_(job.wanted("database")),
          final_(job.wanted("into").empty() ? database_ : job.wanted("into")),
          table_(job.wanted("table")),
          building_(building_name(final_, job.run)),
          server_(job.docker, job.docker.running(job.wanted("project"), job.wanted("service"))) {}

    Restored run() {
        refuse();
        clean();
        SpooledDump dump(server_, job_.run);
        job_.say("fetching");
        dump.write([&](const seal::WriteBytes& take) { job_.fetch(take); });
        job_.reached("spooled");
        read_statements(dump.path());
        try {
            create();
            load(dump.path());
            check_rows();
            job_.reached("checked");
            swap();
        } catch (...) {
            give_up();
            throw;
        }
        set_properties();
        drop_empty();
        restart_readers();
        return std::move(restored_);
    }

  private:
    void refuse() {
        if (final_.size() > 63)
            throw Error(errors::restore_failed, "a database's name has 63 bytes at most: " + final_);
        if (final_ != database_ && server_.exists(final_))
            throw Error(errors::restore_failed, fmt::format("there is a database {} already", final_))
                .fix("take another name");
        const auto dumped = postgres_major(string_or(details_, "server_version"));
        if (const auto here = server_.major(); dumped > here)
            throw Error(errors::restore_failed,
                        fmt::format("the dump is of PostgreSQL {}, this server is {}", dumped, here))
                .fix("deploy an image with PostgreSQL " + std::to_string(dumped));
    }

    /// What a killed restore left: the host's lock is held, so nobody builds it now.
    void clean() {
        for (const auto& name : server_.databases())
            if (is_building_name(name, final_)) server_.drop(name);
    }

    /// Whatever went wrong is what is told; what can't be dropped now is dropped by the next restore.
    void give_up() noexcept {
        try {
            server_.drop(building_);
        } catch (const std::exception&) {
        }
    }

    /// What the dump says of the database itself: encoding, locale, owner, rights and settings.
    void read_statements(const std::string& dump) {
        const auto list =
            job_.docker.must("pg_restore can't read the dump",
                             {"exec", server_.container().id, "pg_restore", "--create", "--list", dump});
        const auto script = job_.docker.must("pg_restore can't read the dump",
                                             {"exec",
                                              "--interactive",
                                              server_.container().id,
                                              "pg_restore",
                                              "--create",
                                              "--use-list=/dev/stdin",
                                              "--file=-",
                                              dump},
                                             database_entries(list) + "\n");
        statements_ = database_statements(script, building_);
        if (statements_.create.empty())
            throw Error(errors::restore_failed, fmt::format("the dump of {} makes no database", database_));
    }

    void create() {
        job_.say("creating the database");
        const auto beside = PostgresServer::beside(final_);
        const auto doing = fmt::format("the database {} can't be made", building_);
        server_.script(beside, statements_.create, doing);
        if (!statements_.owner.empty())
            server_.script(
                beside,
                fmt::format("ALTER DATABASE {} OWNER TO {};", sql_name(building_), statements_.owner),
                doing);
        job_.reached("created");
    }

    void load(const std::string& dump) {
        if (table_.empty()) return pg_restore({"--jobs", "2"}, dump);
        // The tables' definitions need types and functions: all of them come, but only one table's rows.
        pg_restore({"--section", "pre-data"}, dump);
        std::vector<std::string> words{"--data-only", "--disable-triggers"};
        const auto dot = table_.find('.');
        if (dot != std::string::npos) words.insert(words.end(), {"--schema", table_.substr(0, dot)});
        words.insert(words.end(), {"--table", dot == std::string::npos ? table_ : table_.substr(dot + 1)});
        pg_restore(words, dump);
    }

    void pg_restore(std::vector<std::string> more, const std::string& dump) {
        job_.say("pg_restore");
        std::vector<std::string> words{"pg_restore", "--no-password", "--dbname", connection_text(building_)};
        words.insert(words.end(), more.begin(), more.end());
        words.push_back(dump);
        const auto done = job_.docker.run(server_.program(words));
        const auto complaints = judge_restore(done.errors);
        for (const auto& one : complaints.harmless) restored_.warnings.push_back("harmless: " + one);
        if (done.status == 0 && complaints.errors.empty()) return;
        if (complaints.errors.empty() && !complaints.harmless.empty()) return;
        Error error(errors::restore_failed, fmt::format("pg_restore failed on {}", database_));
        constexpr std::size_t most = 10;
        for (std::size_t i = 0; i < std::min(most, complaints.errors.size()); ++i)
            error.because(complaints.errors[i]);
        if (complaints.errors.size() > most)
            error.because(fmt::format("and {} more", complaints.errors.size() - most));
        if (complaints.errors.empty())
            for (auto& line : last_lines(done.errors)) error.because(std::move(line));
        throw error.fix("the live database is as it was");
    }

    void check_rows() {
        job_.say("counting rows");
        const auto found = server_.rows(building_);
        auto wanted = member_or_null(details_, "rows");
        if (!table_.empty()) wanted = only_table(wanted);
        if (const auto differences = row_differences(wanted, found); !differences.empty()) {
            Error error(errors::restore_failed, fmt::format("{} isn't what was backed up", database_));
            for (const auto& one : differences) error.because(one);
            throw error.fix("the live database is as it was");
        }
        for (const auto& count : found)
            if (count.is_number_integer()) restored_.rows += count.get<std::uint64_t>();
    }

    Json only_table(const Json& rows) const {
        auto only = Json::object();
        if (!rows.is_object()) return only;
        for (const auto& [name, count] : rows.items())
            if (name == table_ || name.ends_with("." + table_)) only[name] = count;
        if (only.empty())
            throw Error(errors::restore_failed,
                        fmt::format("{} has no table {} in this backup", database_, table_));
        return only;
    }

    void swap() {
        job_.say("swapping");
        const bool live = server_.exists(final_);
        const auto kept = replaced_name(final_, job_.run);
        if (live) find_readers();
        std::string renames;
        if (live)
            renames += fmt::format("ALTER DATABASE {} RENAME TO {}; ", sql_name(final_), sql_name(kept));
        renames += fmt::format("ALTER DATABASE {} RENAME TO {}; ", sql_name(building_), sql_name(final_));
        const auto beside = PostgresServer::beside(final_);
        const std::jthread ending([&] {
            try {
                server_.script(
                    beside, end_sessions({final_, building_}, building_), "sessions can't be ended");
            } catch (const Error&) {  // the renaming says what stood in its way
            }
        });
        server_.script(
            beside, fmt::format("BEGIN; {}COMMIT;", renames), fmt::format("{} can't be renamed", final_));
        if (live) restored_.kept = kept;
        job_.reached("swapped");
    }

    /// Services with a session in the live database: they hold what is no longer true.
    void find_readers() {
        const auto addresses =
            server_.query(PostgresServer::beside(final_),
                          fmt::format("SELECT json_agg(DISTINCT host(client_addr)) FROM pg_stat_activity "
                                      "WHERE datname = {} AND client_addr IS NOT NULL",
                                      sql_literal(final_)),
                          "the sessions can't be listed");
        for (auto& container : job_.docker.all_running()) {
            const auto here = [&](const std::string& address) {
                return std::ranges::any_of(addresses, [&](const Json& one) { return one == address; });
            };
            if (container.id != server_.container().id && std::ranges::any_of(container.addresses, here))
                readers_.push_back(std::move(container));
        }
    }

    /// Rights on the database itself and its settings name it as it was dumped: they come once it has that
    /// name.
    void set_properties() {
        if (final_ != database_ || statements_.properties.empty()) return;
        try {
            server_.script(PostgresServer::beside(final_),
                           "BEGIN;\n" + join(statements_.properties, "\n") + "\nCOMMIT;\n",
                           "");
        } catch (const Error& error) {
            restored_.warnings.push_back(
                fmt::format("the rights and settings of the database {} weren't set: {}",
                            final_,
                            join(error.causes(), "; ")));
        }
    }

    void drop_empty() {
        if (restored_.kept.empty() || server_.has_tables(restored_.kept)) return;
        server_.drop(restored_.kept);
        restored_.kept.clear();
    }

    void restart_readers() {
        if (readers_.empty()) return;
        job_.say("restarting its services");
        job_.docker.start_all(readers_, true);
        for (const auto& one : readers_) restored_.restarted.push_back(one.name());
    }

    const RestoreJob& job_;
    const Json& details_;
    std::string database_, final_, table_, building_;
    PostgresServer server_;
    DatabaseStatements statements_;
    std::vector<RestoreContainer> readers_;
    Restored restored_;
};

}  // namespace

Restored restore_postgres(const RestoreJob& job) {
    return PostgresRestore(job).run();
}

Restored restore_postgres_globals(const RestoreJob& job) {
    std::string script;
    job.fetch([&](std::string_view bytes) {
        if (script.size() + bytes.size() > (64u << 20))
            throw Error(errors::restore_failed, "the script of roles is too long");
        script += bytes;
    });
    PostgresServer server(job.docker, job.docker.running(job.wanted("project"), job.wanted("service")));
    auto globals = globals_to_run(script, server.roles(), server.tablespaces());
    wipe(script);
    std::string statements;
    for (auto& statement : globals.statements) {
        statements += statement + "\n";
        wipe(statement);
    }
    Restored restored;
    if (!statements.empty())
        server.script("postgres", "BEGIN;\n" + statements + "COMMIT;\n", "the roles can't be restored");
    wipe(statements);
    for (const auto& name : globals.tablespaces)
        restored.warnings.push_back(
            fmt::format("the tablespace {} isn't there: its tables go to the default one", name));
    return restored;
}

}  // namespace kavi::ops

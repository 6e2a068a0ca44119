#pragma once

#include <kavi/ops/agent/restore_docker.hpp>

#include <set>
#include <string>
#include <string_view>

namespace kavi::ops {

/// A PostgreSQL server in a container, reached as its superuser over its own socket.
class PostgresServer {
  public:
    PostgresServer(RestoreDocker& docker, RestoreContainer container);

    /// The output of a script, run with ON_ERROR_STOP. Throws errors::restore_failed with the ERROR line, and
    /// none of the script: a statement may hold a password.
    std::string script(const std::string& database, std::string_view sql, std::string_view doing);
    Json query(const std::string& database, std::string_view select, std::string_view doing);

    /// The database to be in while `database` is renamed.
    static std::string beside(const std::string& database);

    bool exists(const std::string& database);
    std::vector<std::string> databases();
    std::set<std::string> roles();
    std::set<std::string> tablespaces();
    /// Tables of users: {"public.users": 3}, named as format('%I.%I', …) has them.
    Json rows(const std::string& database);
    bool has_tables(const std::string& database);
    int major();
    void drop(const std::string& database);

    /// A program in the container, with the user's name added ("pg_restore", "--list", …).
    std::vector<std::string> program(std::vector<std::string> words, bool with_input = false) const;

    RestoreDocker& docker() { return docker_; }

    const RestoreContainer& container() const { return container_; }

  private:
    RestoreDocker& docker_;
    RestoreContainer container_;
    std::string user_;
};

/// A file in the container's /tmp that only its root reads; gone with this, whatever happened.
class SpooledDump {
  public:
    /// Takes what an earlier, killed restore left there away.
    SpooledDump(PostgresServer& server, const std::string& name);
    SpooledDump(const SpooledDump&) = delete;
    SpooledDump& operator=(const SpooledDump&) = delete;
    ~SpooledDump();

    /// Calls `fill` with what takes the bytes, and waits until they are written. Throws
    /// errors::restore_failed.
    template <typename Fill>
    void write(Fill fill) {
        const auto child = start();
        fill([&](std::string_view bytes) { take(*child, bytes); });
        end(*child);
    }

    const std::string& path() const { return path_; }

  private:
    std::unique_ptr<Child> start();
    static void take(Child& child, std::string_view bytes);
    static void end(Child& child);

    PostgresServer& server_;
    std::string path_;
};

}  // namespace kavi::ops

#include "world.hpp"

using namespace kavi;
using namespace kavi::restore_test;

namespace {

constexpr auto run1 = "20261125T070000Z-0001";
constexpr auto run2 = "20261125T080000Z-0002";

/// What makes restoring hard: large objects, an extension, odd names, rights, a view, a sequence, an own schema.
void fill(const Postgres& server) {
    server.sql("postgres", R"sql(
CREATE ROLE app LOGIN PASSWORD 'it''s; secret';
CREATE ROLE "Odd; ""Reader""" NOLOGIN;
GRANT app TO "Odd; ""Reader""";
CREATE DATABASE "my app's; ""db""" OWNER app TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
ALTER DATABASE "my app's; ""db""" SET work_mem TO '7MB';
GRANT CONNECT ON DATABASE "my app's; ""db""" TO "Odd; ""Reader""";
REVOKE ALL ON DATABASE "my app's; ""db""" FROM PUBLIC;
)sql");
    server.sql("my app's; \"db\"", R"sql(
CREATE EXTENSION pg_trgm;
COMMENT ON EXTENSION pg_trgm IS 'changed';
SET ROLE app;
CREATE SCHEMA "select";
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, data bytea);
INSERT INTO users (name, data) SELECT 'user ' || i, decode(md5(i::text), 'hex') FROM generate_series(1, 5000) i;
CREATE INDEX users_trgm ON users USING gin (name gin_trgm_ops);
CREATE TABLE "select"."Weird.Table ""x""" (a int REFERENCES users, b text DEFAULT E'line\nbreak;');
INSERT INTO "select"."Weird.Table ""x""" SELECT i FROM generate_series(1, 7) i;
CREATE TABLE parted (d int) PARTITION BY RANGE (d);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
INSERT INTO parted SELECT 1 FROM generate_series(1, 3);
CREATE VIEW v AS SELECT * FROM users WHERE id < 10;
GRANT SELECT ON users TO "Odd; ""Reader""";
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 42; END $$;
CREATE UNLOGGED TABLE empty_one (x int);
RESET ROLE;
SELECT lo_from_bytea(4711, 'large object');
)sql");
}

constexpr auto name = "my app's; \"db\"";

Json details(const std::string& version) {
    return {{"server_version", version}, {"owner", "app"}, {"encoding", "UTF8"}, {"collate", "C"}, {"ctype", "C.UTF-8"},
            {"rows", {{"public.users", 5000}, {"\"select\".\"Weird.Table \"\"x\"\"\"", 7}, {"public.parted_low", 3}, {"public.empty_one", 0}}}};
}

Json target(const std::string& database) {
    return {{"project", World::project}, {"service", "postgres"}, {"database", database}};
}

std::string databases(const Postgres& server) {
    return server.sql("postgres", "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
}

/// Everything that fill() made, as one line.
std::string look(const Postgres& server) {
    return server.sql(name, R"sql(
SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM "select"."Weird.Table ""x""") || ' ' || f() || ' ' ||
  (SELECT convert_from(lo_get(4711), 'UTF8')) || ' ' || (SELECT tableowner FROM pg_tables WHERE tablename = 'users') || ' ' ||
  has_table_privilege('Odd; "Reader"', 'users', 'SELECT') || ' ' || (SELECT datcollate || '/' || datctype FROM pg_database WHERE datname = current_database()) || ' ' ||
  (SELECT setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = current_database()) || ' ' ||
  has_database_privilege('Odd; "Reader"', current_database(), 'CONNECT') || ' ' ||
  (SELECT coalesce(bool_or(grantee = 0), false) FROM pg_database, aclexplode(datacl) WHERE datname = current_database()) || ' ' ||
  (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()) || ' ' ||
  (SELECT count(*) FROM pg_indexes WHERE indexname = 'users_trgm') || ' ' || nextval('users_id_seq')
)sql");
}

constexpr auto whole = "5000 7 42 large object app true C/C.UTF-8 {work_mem=7MB} true false app 1 5001";

}  // namespace

TEST_CASE("a database comes back as it was, on its own server and on an empty one") {
    if (!have_docker()) return skipped();
    const auto version = GENERATE(15, 17);
    CAPTURE(version);
    World world;
    Json globals, database;
    {
        const Postgres server(version);
        fill(server);
        const auto said = server.sql("postgres", "SHOW server_version");
        globals = world.artefact(server.dump_globals(), "postgres-globals", "", {{"server_version", said}}, target(""));
        database = world.artefact(server.dump(name), "postgres", name, details(said), target(name));

        // Live: rows are lost, and come back; the old one is kept.
        server.sql(name, "DELETE FROM \"select\".\"Weird.Table \"\"x\"\"\"; DELETE FROM users");
        const auto results = world.restore({globals, database}, run1);
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        REQUIRE_FALSE(results[1].contains("failure"));
        CHECK(results[1]["rows"] == 5010);
        CHECK(results[1]["warnings"] == Json::array());
        CHECK(look(server) == whole);
        CHECK(results[1]["kept"] == fmt::format("{}__before_{}", name, run1));
        CHECK(databases(server) == fmt::format("{0},{0}__before_{1},postgres", name, run1));
        CHECK(server.sql(fmt::format("{}__before_{}", name, run1), "SELECT count(*) FROM users") == "0");
        CHECK(server.exec("sh -c 'ls /tmp'").find("kavi") == std::string::npos);
    }
    {
        const Postgres server(version);
        const auto results = world.restore({globals, database}, run1);
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        REQUIRE_FALSE(results[1].contains("failure"));
        CHECK(look(server) == whole);
        CHECK(results[1]["kept"] == "");
        CHECK(databases(server) == fmt::format("{},postgres", name));
        CHECK(server.sql("postgres", "SELECT pg_has_role('Odd; \"Reader\"', 'app', 'MEMBER')") == "t");
        // The password came with the role.
        CHECK(server.sql("postgres", "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'app'") == "t");
    }
}

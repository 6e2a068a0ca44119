#include "world.hpp"

using namespace kavi;
using namespace kavi::restore_test;

namespace {

constexpr auto run1 = "20261125T070000Z-0001";
constexpr auto run2 = "20261125T080000Z-0002";

/// What makes restoring hard: large objects, an extension, odd names, rights, a view, a sequence, an own
/// schema.
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
    return {{"server_version", version},
            {"owner", "app"},
            {"encoding", "UTF8"},
            {"collate", "C"},
            {"ctype", "C.UTF-8"},
            {"rows",
             {{"public.users", 5000},
              {"\"select\".\"Weird.Table \"\"x\"\"\"", 7},
              {"public.parted_low", 3},
              {"public.empty_one", 0}}}};
}

Json target(const std::string& database) {
    return {{"project", World::project}, {"service", "postgres"}, {"database", database}};
}

std::string databases(const Postgres& server) {
    return server.sql(
        "postgres",
        "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
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
        globals = world.artefact(
            server.dump_globals(), "postgres-globals", "", {{"server_version", said}}, target(""));
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
        CHECK(server.sql("postgres",
                         "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'app'") ==
              "t");
    }
}

TEST_CASE("a damaged artefact leaves the live database as it is") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    fill(server);
    const auto good = world.artefact(server.dump(name), "postgres", name, details("15"), target(name));
    const auto path = world.stored_path(good);
    const auto bytes = world.store.files[path];
    server.sql(name, "DELETE FROM parted");
    const auto header = good["header_size"].get<std::size_t>();

    const auto refuse = [&](std::string damaged, const std::string& cause) {
        world.store.files[path] = std::move(damaged);
        const auto results = world.restore({good});
        CAPTURE(cause);
        REQUIRE(results[0].contains("failure"));
        const auto& failure = results[0]["failure"];
        CHECK(failure["code"] == "KAVI-E0801");
        CHECK(failure["message"] == fmt::format("the backup of {} of item ({}) isn't what its manifest says",
                                                name,
                                                good["artefact"]["file"].get<std::string>()));
        CHECK(failure["causes"][0].get<std::string>() == cause);
        CHECK(server.sql(name, "SELECT count(*) FROM users") == "5000");
        CHECK(server.sql(name, "SELECT count(*) FROM parted") == "0");
        CHECK(databases(server) == fmt::format("{},postgres", name));
        CHECK(server.exec("sh -c 'ls /tmp'").find("kavi") == std::string::npos);
    };
    const auto flipped = [&](std::size_t at) {
        auto copy = bytes;
        copy[at] = static_cast<char>(copy[at] ^ 1);
        return copy;
    };
    const std::string chunk = "the age file is damaged or truncated: a chunk can't be authenticated";
    refuse(flipped(header + 20), chunk);
    refuse(flipped(bytes.size() - 1), chunk);
    refuse(flipped(header + 3), chunk);  // the nonce
    refuse(bytes.substr(0, bytes.size() - 1), chunk);
    refuse(bytes.substr(0, header + 5), "the age file ends before its payload");
    refuse(bytes + "x", fmt::format("what is stored has more than {} bytes", bytes.size()));
    refuse(flipped(40),
           fmt::format("the SHA-256 of what is stored is {}, not {}",
                       hex(sha256(flipped(40))),
                       good["artefact"]["sha256"].get<std::string>()));
    world.store.files.erase(path);
    CHECK(world.restore({good})[0]["failure"]["code"] == "KAVI-E0703");
}

TEST_CASE("what pg_restore can't restore is a failure, and the live database stays") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    fill(server);
    auto entry = world.artefact(server.dump(name), "postgres", name, details("15"), target(name));
    const auto cause_of = [&](const Json& artefact) {
        const auto results = world.restore({artefact});
        REQUIRE(results[0].contains("failure"));
        CHECK(databases(server) == fmt::format("{},postgres", name));
        CHECK(server.sql(name, "SELECT count(*) FROM users") == "5000");
        return results[0]["failure"];
    };
    SECTION("rows that differ") {
        entry["artefact"]["details"]["rows"]["public.users"] = 5001;
        entry["artefact"]["details"]["rows"]["public.gone"] = 1;
        const auto failure = cause_of(entry);
        CHECK(failure["message"] == fmt::format("{} isn't what was backed up", name));
        CHECK(failure["causes"] == Json{"public.gone isn't there", "public.users has 5000 rows, not 5001"});
    }
    SECTION("a role that isn't there") {
        server.sql("postgres", "REASSIGN OWNED BY app TO postgres");
        server.sql(name,
                   "REASSIGN OWNED BY app TO postgres; DROP OWNED BY app; DROP OWNED BY \"Odd; "
                   "\"\"Reader\"\"\"; ALTER EXTENSION pg_trgm UPDATE");
        server.sql("postgres", "DROP ROLE app");
        const auto failure = cause_of(entry);
        CHECK(failure["message"].get<std::string>().ends_with("can't be made"));
        CHECK(failure["causes"][0].get<std::string>().ends_with("role \"app\" does not exist"));
    }
    SECTION("a newer PostgreSQL's dump") {
        entry["artefact"]["details"]["server_version"] = "17.2";
        CHECK(cause_of(entry)["message"] == "the dump is of PostgreSQL 17, this server is 15");
    }
    SECTION("a service that doesn't run") {
        entry["target"]["service"] = "nothing";
        CHECK(cause_of(entry)["message"] == "nothing doesn't run");
    }
    SECTION("no dump at all") {
        auto other = world.artefact("echo no dump", "postgres", name, details("15"), target(name));
        const auto failure = cause_of(other);
        CHECK(failure["message"] == "pg_restore can't read the dump");
        CHECK(failure["causes"][0].get<std::string>().find("input file") != std::string::npos);
    }
}

TEST_CASE("one table, and a database beside the live one") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    fill(server);
    auto entry = world.artefact(server.dump(name), "postgres", name, details("15"), target(name));
    server.sql(name, "DELETE FROM \"select\".\"Weird.Table \"\"x\"\"\"; DELETE FROM users");
    SECTION("one table") {
        entry["target"].update({{"into", "look"}, {"table", "public.users"}});
        const auto results = world.restore({entry});
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        CHECK(server.sql("look", "SELECT count(*) FROM users") == "5000");
        CHECK(server.sql("look", "SELECT count(*) FROM parted") == "0");
    }
    SECTION("a table that the backup hasn't") {
        entry["target"].update({{"into", "look"}, {"table", "public.nothing"}});
        CHECK(world.restore({entry})[0]["failure"]["message"] ==
              fmt::format("{} has no table public.nothing in this backup", name));
        CHECK(databases(server) == fmt::format("{},postgres", name));
    }
    SECTION("a whole database") {
        entry["target"]["into"] = "look";
        REQUIRE_FALSE(world.restore({entry})[0].contains("failure"));
        CHECK(databases(server) == fmt::format("look,{},postgres", name));
        CHECK(server.sql("look", "SELECT count(*) FROM users") == "5000");
        CHECK(world.restore({entry})[0]["failure"]["message"] == "there is a database look already");
    }
    CHECK(server.sql(name, "SELECT count(*) FROM users") == "0");
}

TEST_CASE("killed at any point, the next restore cleans up and goes on") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    fill(server);
    const auto entry = world.artefact(server.dump(name), "postgres", name, details("15"), target(name));
    server.sql(name, "DELETE FROM parted");
    int n = 0;
    for (const auto* point :
         {"postgres:spooled", "postgres:created", "postgres:checked", "postgres:swapped"}) {
        CAPTURE(point);
        const auto run = fmt::format("20261125T07000{}Z-000{}", n, n);
        ++n;
        REQUIRE(world.killed_at(point, {entry}, run));
        // The live one is whole at every moment: the old one before the swap, the new one behind it.
        const bool swapped = std::string_view(point) == "postgres:swapped";
        CHECK(server.sql(name, "SELECT count(*) FROM users") == "5000");
        CHECK(server.sql(name, "SELECT count(*) FROM parted") == (swapped ? "3" : "0"));
    }
    const auto results = world.restore({entry}, run2);
    INFO(results.dump(2));
    REQUIRE_FALSE(results[0].contains("failure"));
    CHECK(look(server) == whole);
    CHECK(databases(server) ==
          fmt::format("{0},{0}__before_20261125T070003Z-0003,{0}__before_{1},postgres", name, run2));
    CHECK(server.exec("sh -c 'ls /tmp'").find("kavi") == std::string::npos);
}

TEST_CASE("a service that keeps connecting doesn't keep the database from being swapped, and is restarted") {
    if (!have_docker()) return skipped();
    const auto network = fmt::format("kavi-restore-test-{}", ::getpid());
    if (sh("docker network create --internal " + network).status != 0) return skipped();
    {
        World world;
        const Postgres server(15, "postgres", "--network " + network);
        fill(server);
        const auto entry = world.artefact(server.dump(name), "postgres", name, details("15"), target(name));
        server.sql("postgres", "ALTER ROLE app PASSWORD 'app'");
        const Container reader("reader",
                               image(15),
                               fmt::format("--network {} -e PGPASSWORD=app --entrypoint sh", network),
                               fmt::format("-c 'while :; do psql -q -h {} -U app -d \"my app'\\''s; "
                                           "\\\"db\\\"\" -c \"SELECT pg_sleep(1000)\" || :; done'",
                                           server.name));
        server.wait_until(
            "sh -c 'psql -A -t -U postgres -c \"SELECT count(*) FROM pg_stat_activity WHERE usename = "
            "'\\''app'\\''\" | grep -q 1'");
        const auto started = must("docker inspect -f '{{.State.StartedAt}}' " + reader.name);
        const auto results = world.restore({entry});
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        CHECK(results[0]["restarted"] == Json{"reader"});
        CHECK(must("docker inspect -f '{{.State.StartedAt}}' " + reader.name) != started);
        CHECK(look(server) == whole);
    }
    sh("docker network rm " + network);
}

TEST_CASE("a database is verified without touching the live one") {
    if (!have_docker()) return skipped();
    const auto version = GENERATE(15, 17);
    CAPTURE(version);
    World world;
    const Postgres server(version);
    fill(server);
    const auto said = std::to_string(version);
    const auto globals =
        world.artefact(server.dump_globals(), "postgres-globals", "", {{"server_version", said}}, target(""));
    auto database = world.artefact(server.dump(name), "postgres", name, details(said), target(name));
    const auto listed = world.verify({globals, database}, 2);
    INFO(listed.dump(2));
    CHECK(listed[0]["entries"] == 3);
    CHECK(listed[1]["entries"].get<int>() > 10);
    const auto restored = world.verify({globals, database}, 3);
    INFO(restored.dump(2));
    REQUIRE_FALSE(restored[1].contains("failure"));
    CHECK(restored[1]["rows"] == 5010);
    database["artefact"]["details"]["rows"]["public.users"] = 4999;
    CHECK(world.verify({globals, database}, 3)[1]["failure"]["causes"] ==
          Json{"public.users has 5000 rows, not 4999"});
    CHECK(must("docker ps -aq --filter label=cl.kua.kavi.throw-away") == "");
    CHECK(databases(server) == fmt::format("{},postgres", name));
    CHECK_FALSE(std::filesystem::exists(world.state() / "verify"));
}

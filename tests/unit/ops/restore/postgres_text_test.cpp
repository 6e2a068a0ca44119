#include <kavi/ops/agent/postgres_restore_text.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

constexpr auto run = "20261125T070000Z-0001";

}  // namespace

TEST_CASE("names of databases that are built and replaced fit into 63 bytes and are known again") {
    CHECK(building_name("infisical", run) == "infisical__kavi_20261125T070000Z-0001");
    CHECK(replaced_name("infisical", run) == "infisical__before_20261125T070000Z-0001");
    CHECK(is_building_name("infisical__kavi_20261125T070000Z-0001", "infisical"));
    CHECK_FALSE(is_building_name("infisical__kavi_something", "infisical"));
    CHECK_FALSE(is_building_name("infisical2__kavi_20261125T070000Z-0001", "infisical"));
    CHECK_FALSE(is_building_name("infisical__before_20261125T070000Z-0001", "infisical"));
    CHECK(run_of_replaced("infisical__before_20261125T070000Z-0001", "infisical") == run);

    const std::string longest(63, 'x'), other = std::string(62, 'x') + "y";
    CHECK(building_name(longest, run).size() <= 63);
    CHECK(replaced_name(longest, run).size() == 63);
    CHECK(building_name(longest, run) != building_name(other, run));
    CHECK(is_building_name(building_name(longest, run), longest));
    CHECK_FALSE(is_building_name(building_name(longest, run), other));
    const auto exact = std::string(33, 'x');
    CHECK(replaced_name(exact, run) == exact + "__before_" + run);
    // Cut between characters, never within one.
    std::string umlauts;
    for (int i = 0; i < 31; ++i) umlauts += "ü";
    const auto name = replaced_name(umlauts, run);
    CHECK(name.size() <= 63);
    CHECK(name.starts_with("üüüüüüüüüüüü_"));
}

TEST_CASE("names and texts are quoted for SQL and for connection strings") {
    CHECK(sql_literal("it's") == "'it''s'");
    CHECK(sql_name("a \"b\"") == "\"a \"\"b\"\"\"");
    CHECK(connection_text("infisical") == "dbname='infisical'");
    CHECK(connection_text("host=evil it's \\") == "dbname='host=evil it\\'s \\\\'");
}

TEST_CASE("a script is taken apart into its statements") {
    const auto parts = split_statements(
        "-- a; comment\n"
        "\\restrict token; here\n"
        "CREATE ROLE a;\n"
        "COMMENT ON ROLE a IS 'semi; colon ''and'' -- no comment\n\\no command';\n"
        "CREATE ROLE \"odd;\"\"name\";\n"
        "SELECT E'back\\'slash; x';\n"
        "DO $tag$ BEGIN; $x$ END; $tag$;\n"
        "SELECT $1; SELECT 'unended");
    CHECK(parts ==
          std::vector<std::string>{"CREATE ROLE a;",
                                   "COMMENT ON ROLE a IS 'semi; colon ''and'' -- no comment\n\\no command';",
                                   "CREATE ROLE \"odd;\"\"name\";",
                                   "SELECT E'back\\'slash; x';",
                                   "DO $tag$ BEGIN; $x$ END; $tag$;",
                                   "SELECT $1;",
                                   "SELECT 'unended"});
    CHECK(split_statements("").empty());
    CHECK(split_statements("-- nothing\n\n").empty());
}

TEST_CASE("roles that exist are left alone, new ones are made") {
    const auto script =
        "CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER PASSWORD 'x';\n"
        "CREATE ROLE app;\nALTER ROLE app WITH LOGIN PASSWORD 'SCRAM';\nALTER ROLE app SET search_path TO "
        "'x';\n"
        "COMMENT ON ROLE app IS 'c';\nCOMMENT ON ROLE postgres IS 'd';\n"
        "CREATE TABLESPACE fast OWNER app LOCATION '/fast';\nALTER TABLESPACE fast SET (seq_page_cost='1');\n"
        "GRANT app TO postgres GRANTED BY postgres;\nGRANT ALL ON TABLESPACE fast TO app;\n";
    const auto globals = globals_to_run(script, {"postgres"}, {"pg_default"});
    CHECK(globals.statements == std::vector<std::string>{"CREATE ROLE app;",
                                                         "ALTER ROLE app WITH LOGIN PASSWORD 'SCRAM';",
                                                         "ALTER ROLE app SET search_path TO 'x';",
                                                         "COMMENT ON ROLE app IS 'c';",
                                                         "GRANT app TO postgres GRANTED BY postgres;"});
    CHECK(globals.new_roles == std::vector<std::string>{"app"});
    CHECK(globals.left_alone == std::vector<std::string>{"postgres"});
    CHECK(globals.tablespaces == std::vector<std::string>{"fast"});
    CHECK(globals_to_run(script, {"postgres", "app"}, {"fast"}).new_roles.empty());
    CHECK(globals_to_run(script, {"postgres", "app"}, {"fast"}).tablespaces.empty());
}

TEST_CASE("a database's own definition is taken out of a dump's script") {
    const auto found = database_statements(
        "\\restrict x\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n"
        "CREATE DATABASE \"my \"\"db\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc "
        "LOCALE = 'C.UTF-8';\n"
        "ALTER DATABASE \"my \"\"db\" OWNER TO \"the ''owner\";\n\\connect x\n"
        "ALTER DATABASE \"my \"\"db\" SET work_mem TO '7MB';\nREVOKE ALL ON DATABASE x FROM PUBLIC;\nGRANT "
        "CONNECT ON DATABASE x TO y;\n",
        "new");
    CHECK(found.create ==
          "CREATE DATABASE \"new\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE "
          "= 'C.UTF-8';");
    CHECK(found.owner == "\"the ''owner\"");
    CHECK(found.properties == std::vector<std::string>{"ALTER DATABASE \"my \"\"db\" SET work_mem TO '7MB';",
                                                       "REVOKE ALL ON DATABASE x FROM PUBLIC;",
                                                       "GRANT CONNECT ON DATABASE x TO y;"});
    CHECK(database_statements("SET x = 1;", "new").create.empty());
}

TEST_CASE("entries about the database itself are picked out of a table of contents") {
    CHECK(database_entries("; DATABASE - remark\n3344; 1262 16384 DATABASE - d app\n3345; 0 0 ACL - DATABASE "
                           "d app\n215; 1259 16386 TABLE public t app\n"
                           "3346; 0 0 DATABASE PROPERTIES - d app\n3347; 0 0 COMMENT - DATABASE d app\n") ==
          "3344; 1262 16384 DATABASE - d app\n3345; 0 0 ACL - DATABASE d app\n3346; 0 0 DATABASE PROPERTIES "
          "- d app\n3347; 0 0 COMMENT - DATABASE d app\n");
}

TEST_CASE("what pg_restore says is judged: only what is on the list is harmless") {
    const auto said = judge_restore(
        "pg_restore: while PROCESSING TOC:\n"
        "pg_restore: error: could not execute query: ERROR:  schema \"public\" already exists\nCommand was: "
        "CREATE SCHEMA public;\n"
        "pg_restore: error: could not execute query: ERROR:  relation \"users\" already exists\nCommand was: "
        "CREATE TABLE users;\n"
        "pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "
        "\"transaction_timeout\"\n"
        "pg_restore: error: could not read from input file: end of file\n"
        "pg_restore: warning: errors ignored on restore: 3\n");
    CHECK(said.harmless ==
          std::vector<std::string>{"ERROR:  schema \"public\" already exists",
                                   "ERROR:  unrecognized configuration parameter \"transaction_timeout\""});
    CHECK(said.errors == std::vector<std::string>{"ERROR:  relation \"users\" already exists",
                                                  "could not read from input file: end of file"});
}

TEST_CASE("versions and rows are compared") {
    CHECK(postgres_major("15.14 (Debian 15.14-0+deb12u1)") == 15);
    CHECK(postgres_major("17") == 17);
    CHECK(postgres_major("") == 0);
    CHECK(row_differences({{"a", 1}, {"b", 2}, {"c", 3}}, {{"a", 1}, {"b", 3}}) ==
          std::vector<std::string>{"b has 3 rows, not 2", "c isn't there"});
    CHECK(row_differences({{"a", 1}}, {{"a", 1}, {"more", 5}}).empty());
    CHECK(row_differences(Json(), Json::object()).empty());
}

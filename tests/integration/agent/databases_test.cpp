#include "world.hpp"

#include <csignal>

using namespace kavi;
using namespace kavi::backup_test;
using Catch::Matchers::StartsWith;

namespace {

/// Names that break whatever puts them into a command line, a connection string, a pattern or a path.
const std::vector<std::string> odd_names{"my app's; \"db\"", "dbname=postgres", "-x", "ñandú", "Ñ_c3", "a/../b"};

std::string quoted(const std::string& name) {
    return must("sed 's/\"/\"\"/g; s/^/\"/; s/$/\"/'", name);
}

void fill(const Postgres& server) {
    server.sql("postgres", "CREATE ROLE app LOGIN PASSWORD 'it''s; secret';\n");
    for (const auto& name : odd_names) {
        server.sql("postgres", "CREATE DATABASE " + quoted(name) + " OWNER app TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';\n");
        must(fmt::format("docker exec -i -e PGDATABASE={} {} psql -X -q -v ON_ERROR_STOP=1 -U postgres", shell_quote(name), server.name),
             "CREATE TABLE users (id int); INSERT INTO users SELECT generate_series(1, 10);");
    }
    server.sql("my app's; \"db\"", R"sql(
CREATE SCHEMA "select";
CREATE TABLE "select"."Weird.Table ""x""" (a int);
INSERT INTO "select"."Weird.Table ""x""" SELECT generate_series(1, 7);
CREATE TABLE parted (d int) PARTITION BY RANGE (d);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
INSERT INTO parted SELECT 1 FROM generate_series(1, 3);
CREATE TABLE parent (x int); CREATE TABLE child () INHERITS (parent); INSERT INTO child SELECT generate_series(1, 4);
CREATE VIEW v AS SELECT * FROM users;
CREATE TABLE busy (i int);
SELECT lo_from_bytea(4711, 'large object');
)sql");
}

/// Rows of every table after a plain pg_restore of what was stored.
Json restored_rows(const World& world, const Postgres& server, const Json& artefact) {
    const auto plain = world.opened(artefact["file"].get<std::string>());
    server.sql("postgres", "DROP DATABASE IF EXISTS copy; CREATE DATABASE copy TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';");
    must(fmt::format("docker exec -i {} pg_restore -U postgres -d copy --exit-on-error <{}", server.name, plain.string()));
    const auto counts = server.sql("copy", "SELECT format('SELECT json_build_array(%L, count(*)) FROM ONLY %I.%I', format('%I.%I', schemaname, tablename), schemaname, tablename) "
                                           "FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'parted' \\gexec\n");
    auto rows = Json::object();
    for (const auto& line : split(counts, '\n'))
        if (!line.empty()) {
            const auto count = Json::parse(line);
            rows[count[0].get<std::string>()] = count[1];
        }
    return rows;
}

constexpr auto pg_dump_file = "/usr/bin/pg_dump";
constexpr auto real_pg_dump = "/usr/lib/postgresql/15/bin/pg_dump";

}  // namespace

TEST_CASE("databases are backed up whole while they change, and stock tools open them") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    fill(server);
    // Rows come all the time, each in a transaction of its own.
    must(fmt::format("docker exec -d {} psql -X -U postgres -c 'DO $$ BEGIN FOR i IN 1..100000000 LOOP INSERT INTO busy VALUES (i); COMMIT; END LOOP; END $$' "
                     "-d {}", server.name, shell_quote(odd_names[0])));

    const auto result = world.run({postgres_item()});
    CHECK(failures_of(result) == std::map<std::string, std::string>{});
    CHECK(result["manifest"]["warnings"].empty());
    world.check_manifest(result["manifest"]);
    auto artefacts = artefacts_of(result);
    CHECK(artefacts.size() == odd_names.size() + 2);  // postgres and the roles

    const auto& busiest = artefacts.at("databases/" + odd_names[0]);
    CHECK(restored_rows(world, server, busiest) == busiest["details"]["rows"]);
    auto rows = busiest["details"]["rows"];
    CHECK(rows["public.busy"] > 0);
    rows.erase("public.busy");
    CHECK(rows == Json{{"public.users", 10}, {"\"select\".\"Weird.Table \"\"x\"\"\"", 7}, {"public.parted_low", 3}, {"public.parent", 0}, {"public.child", 4}});
    CHECK(server.sql("copy", "SELECT convert_from(lo_get(4711), 'UTF8')") == "large object");
    for (const auto& name : odd_names) {
        CAPTURE(name);
        const auto& details = artefacts.at("databases/" + name)["details"];
        CHECK(details["rows"]["public.users"] == 10);
        CHECK(details["owner"] == "app");
        CHECK(details["collate"] == "C");
        CHECK(details["ctype"] == "C.UTF-8");
        CHECK(details["encoding"] == "UTF8");
        CHECK_THAT(details["server_version"].get<std::string>(), StartsWith("15."));
    }
    CHECK(must(fmt::format("grep -c 'CREATE ROLE app' {}", world.opened(artefacts.at("databases/globals")["file"].get<std::string>()).string())) == "1");
    const auto run = result["run"].get<std::string>();
    CHECK(artefacts.at("databases/my app's; \"db\"")["file"] == run + "/databases.my_20app_27s_3b_20_22db_22.pgdump.zst.age");
    CHECK(world.catalog().find(run)->flaws.empty());

    SECTION("the next run goes on where the last one ended") {
        const auto second = world.run({postgres_item()});
        CHECK(second["manifest"]["sequence"] == 2);
        CHECK(second["manifest"]["previous"] == "sha256:" + must("sha256sum <" + world.box(run + "/manifest.json").string()).substr(0, 64));
        const auto catalog = world.catalog();
        CHECK(catalog.runs.size() == 2);
        CHECK(catalog.faults.empty());
        CHECK(catalog.gaps.empty());
        CHECK(catalog.unnamed.empty());
    }
}

TEST_CASE("a dump that isn't whole is no backup") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    server.sql("postgres", "CREATE TABLE users AS SELECT i, md5(i::text) FROM generate_series(1, 20000) i; CREATE DATABASE other;");

    SECTION("its program fails, whatever it wrote") {
        struct Broken {
            std::string script, said;
        };

        const std::vector<Broken> all{
            {fmt::format("{} \"$@\" | head -c 50000; echo 'disk on fire' >&2; exit 3", real_pg_dump), "pg_dump of postgres failed: disk on fire"},
            {fmt::format("{} \"$@\"; exit 1", real_pg_dump), "pg_dump of postgres failed"},
            {fmt::format("{} \"$@\" | head -c 50000; kill -9 $$", real_pg_dump), "pg_dump of postgres failed"},
            {"exit 0", "nothing came"},
        };
        for (const auto& broken : all) {
            CAPTURE(broken.script);
            must(fmt::format("docker exec -i {} sh -c 'rm -f {} && cat >{} && chmod 755 {}'", server.name, pg_dump_file, pg_dump_file, pg_dump_file),
                 "#!/bin/sh\n" + broken.script + "\n");
            const auto result = world.run({postgres_item()});
            CHECK(failures_of(result).size() == 2);
            CHECK(failures_of(result)["databases/postgres"] == broken.said);
            CHECK(artefacts_of(result).size() == 1);
            const auto run = result["run"].get<std::string>();
            CHECK(world.files(run) == std::set<std::string>{run + "/databases.sql.zst.age", run + "/manifest.json", run + "/manifest.json.sig"});
        }
    }
    SECTION("its database goes meanwhile") {
        world.reached = [&](std::string_view point) {
            if (point == "stored") sh(fmt::format("docker exec {} dropdb -U postgres other", server.name));
        };
        const auto result = world.run({postgres_item()});
        CHECK(failures_of(result).size() == 1);
        CHECK_THAT(failures_of(result)["databases/other"], StartsWith("the rows of other can't be counted: "));
        CHECK(artefacts_of(result).contains("databases/postgres"));
        world.check_manifest(result["manifest"]);
    }
    SECTION("its server doesn't run") {
        must("docker stop -t 0 " + server.name);
        const auto folder = world.path("folder");
        must(fmt::format("mkdir {} && echo x >{}/x", folder.string(), folder.string()));
        const Json files{{"name", "folder"}, {"kind", "files"}, {"folder", folder.string()}};
        const auto result = world.run({postgres_item(), files});
        CHECK(failures_of(result) == std::map<std::string, std::string>{{"databases", "postgres doesn't run"}});
        CHECK(artefacts_of(result).contains("folder"));
        CHECK_THROWS_MATCHES(world.run({postgres_item()}), Error, Catch::Matchers::Message("nothing could be backed up"));
        CHECK(world.catalog().runs.size() == 1);
    }
}

TEST_CASE("a dump much smaller than the last one needs a word") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    server.sql("postgres", "CREATE TABLE users AS SELECT i, md5(i::text) FROM generate_series(1, 100000) i;");
    const auto first = artefacts_of(world.run({postgres_item()}));
    REQUIRE(first.at("databases/postgres")["plain_bytes"] > 2'000'000);
    server.sql("postgres", "TRUNCATE users;");
    for (int i = 0; i < 2; ++i) {  // the failed run doesn't lower the bar
        const auto result = world.run({postgres_item()});
        CHECK_THAT(failures_of(result)["databases/postgres"], Catch::Matchers::Matches("it is [0-9.]+ kB where the last one was [0-9.]+ MB"));
        CHECK(world.files(result["run"]).size() == 3);
    }
    world.accept_smaller = true;
    CHECK(failures_of(world.run({postgres_item()})).empty());
    world.accept_smaller = false;
    CHECK(failures_of(world.run({postgres_item()})).empty());
}

TEST_CASE("a backup that is killed leaves nothing running in the database") {
    if (!have_docker()) return skipped();
    World world;
    const Postgres server(15);
    server.sql("postgres", "CREATE TABLE users AS SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 100000) i;");
    world.wrap = [](const std::string&, std::unique_ptr<store::Store> store) -> std::unique_ptr<store::Store> {
        return std::make_unique<LimitedStore>(std::move(store), 1'000'000, [] { ::raise(SIGKILL); });
    };
    CHECK(world.run_apart({postgres_item()}) == 0);
    world.wrap = {};
    must(fmt::format("for i in $(seq 100); do "
                     "[ $(docker exec {} psql -X -U postgres -Atc \"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()\") = 0 ] "
                     "&& exit 0; read -t 0.1 <> <(:) || true; done; docker top {} >&2; exit 1", server.name, server.name));
    CHECK(world.catalog().runs.empty());
    const auto next = world.run({postgres_item()});
    CHECK(failures_of(next).empty());
    CHECK(next["manifest"]["sequence"] == 1);
    world.check_manifest(next["manifest"]);
}

TEST_CASE("Redis is backed up as it is, by the command that knows its password") {
    if (!have_docker()) return skipped();
    World world;
    const Container redis("redis", restore_test::image(15), "--network none --tmpfs /data --entrypoint redis-server",
                          "--requirepass secret --dir /data --dbfilename my.rdb --appendonly yes --save ''");
    const Json cli{"/bin/sh", "-c", "REDISCLI_AUTH=secret exec redis-cli \"$@\"", "cli"};
    redis.wait_until("sh -c 'REDISCLI_AUTH=secret redis-cli ping | grep -q PONG'");
    redis.exec("sh -c 'REDISCLI_AUTH=secret redis-cli'", "EVAL \"for i=1,1000 do redis.call('SET', 'k' .. i, i) end\" 0\nSELECT 3\nSET a b\nSET gone soon EX 1000\n");
    Json item{{"name", "redis"}, {"kind", "redis"}, {"project", restore_test::World::project}, {"service", "redis"}, {"cli", cli}};

    SECTION("whole") {
        const auto result = world.run({item});
        CHECK(failures_of(result).empty());
        world.check_manifest(result["manifest"]);
        const auto artefact = artefacts_of(result).at("redis");
        CHECK(artefact["file"] == result["run"].get<std::string>() + "/redis.rdb.zst.age");
        CHECK(artefact["details"]["keys"] == 1002);
        CHECK(artefact["details"]["expires"] == 1);
        CHECK_THAT(artefact["details"]["server_version"].get<std::string>(), StartsWith("7."));
        const auto plain = world.opened(artefact["file"].get<std::string>());
        const auto checked = must(fmt::format("docker exec -i {} sh -c 'cat >/tmp/x.rdb && redis-check-rdb /tmp/x.rdb' <{}", redis.name, plain.string()));
        CHECK_THAT(checked, Catch::Matchers::Contains("1002 keys read"));
    }
    SECTION("without the password it says so, and not the password") {
        item.erase("cli");
        CHECK_THROWS_MATCHES(world.run({item}), Error, Catch::Matchers::Message("nothing could be backed up"));
        item["cli"] = {"/bin/sh", "-c", "REDISCLI_AUTH=wrong exec redis-cli \"$@\"", "cli"};
        try {
            world.run({item});
            FAIL();
        } catch (const Error& error) {
            REQUIRE(error.causes().size() == 1);
            CHECK_THAT(error.causes()[0], StartsWith("redis: redis refuses INFO") || StartsWith("redis: redis can't be asked"));
            CHECK(error.causes()[0].find("wrong exec") == std::string::npos);
        }
    }
    SECTION("it can't save") {
        redis.exec("sh -c 'REDISCLI_AUTH=secret redis-cli SAVE && rm /data/my.rdb && mkdir -p /data/my.rdb/x'");
        CHECK_THROWS_MATCHES(world.run({item}), Error, Catch::Matchers::Message("nothing could be backed up"));
        CHECK(world.catalog().runs.empty());
    }
}

#include "world.hpp"

#include <kavi/ops/agent/files_restore_folder.hpp>

using namespace kavi;
using namespace kavi::restore_test;

namespace {

constexpr auto run1 = "20261125T070000Z-0001";

/// A volume with a name of its own, gone with this.
struct Volume {
    explicit Volume(std::string volume) : name(std::move(volume)) { sh("docker volume rm -f " + name); }

    ~Volume() { sh("docker volume rm -f " + name); }

    std::string folder() const { return must("docker volume inspect -f '{{.Mountpoint}}' " + name); }

    std::string name;
};

/// Names, modes, owners, links, times and attributes of all that is in a folder, a line each.
std::string tree(const std::string& folder) {
    return must(fmt::format(
        "cd {} && find . -printf '%p %y %m %U:%G %s %l\\n' | sed 's/ d \\([0-9]*\\) \\([0-9:]*\\) [0-9]* / d "
        "\\1 \\2 /' | sort && getfattr -R -d -m user. . 2>/dev/null && getfacl -R -n . 2>/dev/null || true",
        folder));
}

void fill(const std::string& folder) {
    must(
        fmt::format("cd {} && mkdir -p a/b 'odd \"name\"' && echo one >a/b/1 && printf 'x\\ny' >'odd "
                    "\"name\"/line\nbreak' && ln -s /etc/passwd a/link && "
                    "ln a/b/1 a/hard && chmod 4750 a/b/1 && chown 1234:4321 a/b && truncate -s 1M a/sparse "
                    "&& mkfifo a/fifo && setfattr -n user.k -v v a/b/1 && "
                    "setfacl -m u:77:r a/sparse && chmod 2770 . && chown 33:33 .",
                    folder));
}

Json volume_target(const std::string& volume) {
    return {
        {"volume", volume},
        {"labels", {{"com.docker.compose.project", World::project}, {"com.docker.compose.volume", "data"}}}};
}

}  // namespace

TEST_CASE("a volume comes back as it was, and what used it is running again") {
    if (!have_docker()) return skipped();
    World world;
    const Volume volume(fmt::format("kavi-restore-test-{}", ::getpid()));
    must("docker volume create " + volume.name);
    const auto folder = volume.folder();
    fill(folder);
    const auto before = tree(folder);
    const auto entry =
        world.artefact(fmt::format("tar -c --xattrs --acls --numeric-owner --sparse -C {} .", folder),
                       "files",
                       "",
                       Json::object(),
                       volume_target(volume.name));

    SECTION("in the place of what is there") {
        const Container user("user",
                             image(15),
                             fmt::format("--network none -v {}:/data --entrypoint sleep", volume.name),
                             "1000");
        must(fmt::format("rm -rf {0}/a && echo new >{0}/new", folder));
        const auto results = world.restore({entry}, run1);
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        CHECK(tree(folder) == before);
        CHECK(results[0]["restarted"] == Json{"user"});
        CHECK(results[0]["kept"] == folder + ".before-" + run1);
        CHECK(read_file(folder + ".before-" + run1 + "/new") == "new\n");
        CHECK(user.exec("sh -c 'ls /data/a'").find("sparse") != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(world.state() / "restore/stopped.json"));
    }
    SECTION("where the volume isn't there") {
        must("docker volume rm " + volume.name);
        const auto results = world.restore({entry}, run1);
        REQUIRE_FALSE(results[0].contains("failure"));
        CHECK(tree(volume.folder()) == before);
        CHECK(results[0]["kept"] == "");
        CHECK(must("docker volume inspect -f '{{index .Labels \"com.docker.compose.project\"}} {{index "
                   ".Labels \"com.docker.compose.volume\"}}' " +
                   volume.name) == fmt::format("{} data", World::project));
    }
    SECTION("some paths of it") {
        must(fmt::format("rm -rf {0}/a/b && echo new >{0}/a/new", folder));
        auto partial = entry;
        partial["target"]["paths"] = {"a/b", "/odd \"name\"/"};
        const auto results = world.restore({partial}, run1);
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        CHECK(read_file(folder + "/a/b/1") == "one\n");
        CHECK(read_file(folder + "/a/new") == "new\n");
        CHECK(std::filesystem::exists(folder + ".before-" + run1 + "/odd \"name\""));
        partial["target"]["paths"] = {"../x"};
        CHECK(world.restore({partial})[0]["failure"]["message"] == "the path ../x leaves its folder");
        partial["target"]["paths"] = {"gone"};
        CHECK(world.restore({partial}, "20261125T080000Z-0002")[0]["failure"]["message"] ==
              "tar can't unpack the backup");
        CHECK(read_file(folder + "/a/new") == "new\n");
    }
    SECTION("damaged: nothing of it is taken") {
        auto& bytes = world.store.files[world.stored_path(entry)];
        bytes[bytes.size() - 20] = static_cast<char>(bytes[bytes.size() - 20] ^ 1);
        const auto results = world.restore({entry}, run1);
        CHECK(results[0]["failure"]["code"] == "KAVI-E0801");
        CHECK(tree(folder) == before);
    }
    SECTION("killed at any point") {
        const Container user("user",
                             image(15),
                             fmt::format("--network none -v {}:/data --entrypoint sleep", volume.name),
                             "1000");
        must(fmt::format("rm -rf {}/a", folder));
        int n = 0;
        for (const auto* point : {"files:unpacked", "files:stopped", "files:swapped"}) {
            CAPTURE(point);
            REQUIRE(world.killed_at(point, {entry}, fmt::format("20261125T07000{}Z-000{}", n, n)));
            ++n;
        }
        CHECK(must("docker inspect -f '{{.State.Running}}' " + user.name) == "false");
        REQUIRE_FALSE(world.restore({entry}, "20261125T080000Z-0002")[0].contains("failure"));
        CHECK(tree(folder) == before);
        CHECK(must("docker inspect -f '{{.State.Running}}' " + user.name) == "true");
        CHECK(
            must(fmt::format("ls {}", std::filesystem::path(folder).parent_path().string())).find(".kavi-") ==
            std::string::npos);
    }
    must(fmt::format("rm -rf {}.before-* {}.kavi-*", folder, folder));
}

TEST_CASE("a folder on a storage that isn't mounted is refused") {
    if (!have_docker()) return skipped();
    World world;
    const TemporaryFolder place;
    const auto folder = (place.path() / "notes").string();
    std::filesystem::create_directory(folder);
    write_file_atomic(folder + "/a", "new", 0644);
    auto entry = world.artefact("tar -c -C /usr/share/zoneinfo Etc",
                                "files",
                                "",
                                Json::object(),
                                {{"folder", folder}, {"mount", place.path().string()}});
    CHECK(world.restore({entry})[0]["failure"]["message"] == place.path().string() + " isn't mounted");
    entry["target"].erase("mount");
    const auto results = world.restore({entry}, run1);
    INFO(results.dump(2));
    CHECK(std::filesystem::exists(folder + "/Etc/UTC"));
    CHECK(read_file(results[0]["kept"].get<std::string>() + "/a") == "new");
    entry["target"]["folder"] = "/proc";
    CHECK(world.restore({entry})[0]["failure"]["message"] ==
          "/proc is a mount of its own, so its content can't be swapped");
    entry["target"] = {{"kind", "files"}, {"into", folder}};
    CHECK(world.restore({entry})[0]["failure"]["message"] == folder + " isn't empty");
}

TEST_CASE("Redis comes back with all its keys, with an append-only file and without") {
    if (!have_docker()) return skipped();
    const auto version = GENERATE(15, 17);  // Redis 7 and 8
    const auto append_only = GENERATE("yes", "no");
    CAPTURE(version, append_only);
    World world;
    const Volume volume(fmt::format("kavi-restore-test-{}", ::getpid()));
    const auto options =
        fmt::format("--network none -v {}:/data --user redis --entrypoint redis-server", volume.name);
    const auto command = fmt::format("--dir /data --appendonly {} --save ''", append_only);
    auto target = volume_target(volume.name);
    target.update({{"project", World::project},
                   {"service", "redis"},
                   {"image", image(version)},
                   {"at", "/data"},
                   {"cli", {"redis-cli"}}});
    Json entry;
    {
        const Container redis("redis", image(version), options, command);
        redis.wait_until("sh -c 'redis-cli ping | grep -q PONG'");
        redis.exec("redis-cli",
                   "EVAL \"for i=1,1000 do redis.call('SET', 'k' .. i, i) end\" 0\nSELECT 3\nSET a b\nSET "
                   "gone soon EX 1000\n");
        redis.exec("redis-cli SAVE");
        entry = world.artefact(fmt::format("docker exec {} cat /data/dump.rdb", redis.name),
                               "redis",
                               "",
                               {{"keys", 1002}, {"expires", 1}},
                               target);
        redis.exec("redis-cli FLUSHALL");
        redis.exec("redis-cli SET fresh 1");
        const auto results = world.restore({entry}, run1);
        INFO(results.dump(2));
        REQUIRE_FALSE(results[0].contains("failure"));
        CHECK(redis.exec("redis-cli DBSIZE") == "1000");
        CHECK(redis.exec("redis-cli -n 3 GET a") == "b");
        CHECK(results[0]["rows"] == 1002);
        CHECK(results[0]["kept"] == volume.folder() + ".before-" + run1);
        // It goes on writing, and has it all after another start.
        redis.exec("redis-cli SET more 1");
        if (append_only == std::string_view("no")) redis.exec("redis-cli SAVE");
        must("docker restart " + redis.name);
        redis.wait_until("sh -c 'redis-cli ping | grep -q PONG'");
        CHECK(redis.exec("redis-cli DBSIZE") == "1001");

        const auto verified = world.verify({entry}, 3);
        INFO(verified.dump(2));
        CHECK(verified[0]["entries"] == 1002);
        CHECK(world.verify({entry}, 2)[0]["entries"] == 1);
        CHECK(redis.exec("redis-cli DBSIZE") == "1001");
    }
    must(fmt::format("rm -rf {}.before-*", volume.folder()));
    must("docker volume rm " + volume.name);
    // Before the container is there: the volume gets its owner from the image.
    REQUIRE_FALSE(world.restore({entry}, run1)[0].contains("failure"));
    const Container redis("redis", image(version), options, command);
    redis.wait_until("sh -c 'redis-cli ping | grep -q PONG'");
    CHECK(redis.exec("redis-cli DBSIZE") == "1000");
    redis.exec("redis-cli SAVE");
    entry["artefact"]["details"]["keys"] = 1004;
    CHECK(world.restore({entry}, "20261125T080000Z-0002")[0]["failure"]["message"] ==
          "redis has 1002 keys after the restore, not 1004");
    must(fmt::format("rm -rf {}.before-*", volume.folder()));
}

#include "world.hpp"

#include <csignal>

using namespace kavi;
using namespace kavi::backup_test;
namespace fs = std::filesystem;

namespace {

/// A folder with what tar finds hard.
Json folder_item(const World& world) {
    const auto folder = world.path("folder").string();
    must(fmt::format("mkdir -p {0}/deep/er && cd {0} && head -c 300000 /dev/urandom >deep/random && ln deep/random hard && ln -s deep/random soft && "
                     "truncate -s 20M sparse && printf x >>sparse && printf y >'odd\n\"name' && printf z >ñ && touch a.tmp && chown 1234:4321 ñ && chmod 4711 ñ && "
                     "setfattr -n user.kavi -v 1 deep/random && setfacl -m u:1234:r deep/random",
                     folder));
    return {{"name", "folder"}, {"kind", "files"}, {"folder", folder}, {"exclude", {"*.tmp"}}};
}

Json random_item(const World& world, const std::string& size) {
    must(fmt::format("mkdir -p {0} && head -c {1} /dev/urandom >{0}/random", world.path("random").string(), size));
    return {{"name", "random"}, {"kind", "files"}, {"folder", world.path("random").string()}};
}

/// A small file system of its own.
class Disk {
  public:
    Disk(fs::path at, const std::string& size) : at_(std::move(at)) {
        fs::create_directories(at_);
        there_ = sh(fmt::format("mount -t tmpfs -o size={} kavi-test {}", size, at_.string())).status == 0;
    }

    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    ~Disk() {
        if (there_) sh("umount " + at_.string());
    }

    explicit operator bool() const { return there_; }

    void resize(const std::string& size) const { must(fmt::format("mount -o remount,size={} {}", size, at_.string())); }

  private:
    fs::path at_;
    bool there_;
};

}  // namespace

TEST_CASE("a folder is backed up with all that tar can keep of it") {
    if (!have_docker()) return skipped();
    World world;
    const auto item = folder_item(world);
    const auto result = world.run({item});
    CHECK(failures_of(result).empty());
    CHECK(result["manifest"]["warnings"].empty());
    world.check_manifest(result["manifest"]);
    const auto artefact = artefacts_of(result).at("folder");
    CHECK(artefact["plain_bytes"] < 1'000'000);  // the sparse file's hole isn't stored
    const auto plain = world.opened(artefact["file"].get<std::string>());
    must(fmt::format("mkdir {0}/x && tar -x --xattrs --xattrs-include='*' --acls -C {0}/x -f {1} && rm {0}/folder/a.tmp && diff -r --no-dereference {0}/folder {0}/x && "
                     "[ $(stat -c %h {0}/x/hard) = 2 ] && [ \"$(stat -c '%u %g %a' {0}/x/ñ)\" = '1234 4321 4711' ] && "
                     "getfattr --only-values -n user.kavi {0}/x/deep/random && getfacl -c {0}/x/deep/random | grep -q user:1234:r--",
                     world.path("").string(), plain.string()));
}

TEST_CASE("what changes while it is read is a warning, what isn't there a failure") {
    if (!have_docker()) return skipped();
    World world;
    const auto item = random_item(world, "20M");
    SECTION("a file grows") {
        const auto file = world.path("random/random").string();
        const auto writer = ::fork();
        if (writer == 0) ::execl("/bin/sh", "sh", "-c", "while :; do echo x >>\"$0\"; done", file.c_str(), nullptr);
        const auto result = world.run({item});
        ::kill(writer, SIGKILL);
        ::waitpid(writer, nullptr, 0);
        CHECK(failures_of(result).empty());
        REQUIRE(result["manifest"]["warnings"].size() == 1);
        CHECK(result["manifest"]["warnings"][0] == "random: tar: ./random: file changed as we read it");
        world.check_manifest(result["manifest"]);
    }
    SECTION("missing ones") {
        Json mounted = item, gone = item, volume = item;
        mounted.update({{"name", "mounted"}, {"mount", world.path("random").string()}});
        gone.update({{"name", "gone"}, {"folder", world.path("gone").string()}});
        volume = {{"name", "volume"}, {"kind", "files"}, {"volume", "kavi-test-there-is-none"}};
        const auto result = world.run({item, mounted, gone, volume});
        CHECK(failures_of(result) == std::map<std::string, std::string>{{"mounted", world.path("random").string() + " isn't mounted"},
                                                                        {"gone", world.path("gone").string() + " isn't there"},
                                                                        {"volume", "there is no volume kavi-test-there-is-none"}});
        CHECK(artefacts_of(result).size() == 1);
    }
}

TEST_CASE("an image is stored once, and again when it is gone from the store") {
    if (!have_docker()) return skipped();
    World world;
    const auto name = fmt::format("kavi-test/image:{}", ::getpid());
    must(fmt::format("d=$(mktemp -d) && date +%N >$d/x && tar -cC $d . | docker import - {} && rm -r $d", name));
    const auto id = must("docker image inspect --format '{{.Id}}' " + name).substr(7);
    const Json item{{"name", "images"}, {"kind", "images"}, {"images", {name, "kavi-test/there-is:none"}}};
    const auto first = world.run({item});
    CHECK(failures_of(first) == std::map<std::string, std::string>{{"images/kavi-test/there-is:none", failures_of(first).begin()->second}});
    const auto file = "images/" + id + ".tar.zst.age";
    CHECK(artefacts_of(first).begin()->second["file"] == file);
    world.check_manifest(first["manifest"]);
    const auto written = fs::last_write_time(world.box(file));
    const auto second = world.run({item});
    CHECK(second["manifest"]["artefacts"] == first["manifest"]["artefacts"]);
    CHECK(fs::last_write_time(world.box(file)) == written);
    fs::remove(world.box(file));
    const auto third = world.run({item});
    CHECK(artefacts_of(third).begin()->second["file"] == file);
    world.check_manifest(third["manifest"]);
    CHECK(must(fmt::format("docker rmi {} >/dev/null && docker load -q <{}", name, world.opened(file).string())) == "Loaded image: " + name);
    sh("docker rmi " + name);
}

TEST_CASE("a full store is found before, and while, something is written") {
    if (!have_docker()) return skipped();
    World world;
    const Disk disk(world.path("box"), "16m");
    if (!disk) return skipped();
    const auto item = random_item(world, "8M");
    CHECK(world.run({item})["manifest"]["sequence"] == 1);
    const auto before = world.files();

    SECTION("before: what the last run took, and a fifth more, must fit") {
        CHECK_THROWS_MATCHES(world.run({item}), Error, Catch::Matchers::Message("box has 8.4 MB free"));
        CHECK(world.files() == before);
    }
    SECTION("while") {
        disk.resize("20m");
        random_item(world, "16M");
        try {
            world.run({item});
            FAIL();
        } catch (const Error& error) {
            CHECK(error.code() == errors::store_full);
        }
        CHECK(world.files() == before);
    }
    SECTION("the other store has it all the same") {
        disk.resize("20m");
        random_item(world, "16M");
        world.stores = {"box", "second"};
        const auto result = world.run({item});
        CHECK(result["stores"]["box"]["failure"]["code"] == "KAVI-E0702");
        CHECK(result["stores"]["second"]["bytes"] == artefacts_of(result).at("random")["bytes"]);
        CHECK(ops::backup_problems(result) == std::vector<std::string>{"store box: " + result["stores"]["box"]["failure"]["message"].get<std::string>()});
        CHECK(world.files() == before);
        CHECK(world.catalog("second").runs.size() == 1);
    }
    CHECK(world.catalog().runs.size() == 1);
    disk.resize("100m");
    world.stores = {"box"};
    const auto next = world.run({item});
    CHECK(failures_of(next).empty());
    world.check_manifest(next["manifest"]);
}

TEST_CASE("an item's last size is known however many runs of others came since") {
    if (!have_docker()) return skipped();
    World world;
    CHECK(world.run({random_item(world, "4M")})["manifest"]["sequence"] == 1);
    const auto other = folder_item(world);
    for (int i = 0; i < 6; ++i) world.run({other});
    CHECK_THROWS_MATCHES(world.run({random_item(world, "1M")}), Error, Catch::Matchers::Message("nothing could be backed up"));
    CHECK(world.run({random_item(world, "3M"), other})["manifest"]["sequence"] == 8);
}

TEST_CASE("a run killed anywhere leaves nothing that looks whole, and the next one is clean") {
    if (!have_docker()) return skipped();
    World world;
    const auto item = folder_item(world);
    const auto first = world.run({item});
    for (const std::string point : {"begun", "sent", "stored", "unsigned", "signed"}) {
        CAPTURE(point);
        const auto killed = world.next_run();
        if (point == "begun")
            world.wrap = [](const std::string&, std::unique_ptr<store::Store> store) -> std::unique_ptr<store::Store> {
                return std::make_unique<LimitedStore>(std::move(store), 100'000, [] { ::raise(SIGKILL); });
            };
        world.reached = [&](std::string_view here) {
            if (here == point) ::raise(SIGKILL);
        };
        CHECK(world.run_apart({item}) == 0);
        world.reached = [](std::string_view) {};
        world.wrap = {};
        const auto catalog = world.catalog();
        CHECK(catalog.find(killed) == nullptr);
        CHECK(std::ranges::none_of(catalog.refused, [&](const auto& one) { return one.run == killed; }));

        const auto next = world.run({item});
        CHECK(failures_of(next).empty());
        CHECK(next["manifest"]["sequence"] == first["manifest"]["sequence"].get<int>() + static_cast<int>(world.catalog().runs.size()) - 1);
        world.check_manifest(next["manifest"]);
        // Between signature and manifest nobody can tell a kill from a manifest that was taken away.
        const auto faults = world.catalog().faults;
        CHECK(faults.size() == (point == "signed" ? 1 : 0));
        if (!faults.empty()) CHECK(faults[0].message == "its manifest is missing, and the signature of it is there");
    }
}

TEST_CASE("memory stays the same however large an item is") {
    if (!have_docker()) return skipped();
    World world;
    const auto used = world.run_apart({random_item(world, "200M")});
    WARN("200 MB in " << used << " KiB");
    CHECK(used > 0);
    CHECK(used <= 64 * 1024);
}

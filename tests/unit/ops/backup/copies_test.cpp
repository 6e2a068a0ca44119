#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/copies.hpp>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <unit/ops/backup/backups.hpp>

using namespace kavi;
using namespace kavi::ops;
using kavi::test::BackupWriter;
using kavi::test::error_of;
using kavi::test::MemoryStore;

namespace {

const std::string monday = "20261123T060000Z-0001", tuesday = "20261124T060000Z-0002",
                  wednesday = "20261125T060000Z-0003";

struct TwoStores {
    TwoStores() {
        for (const auto& run : {monday, tuesday, wednesday})
            writer.write(run,
                         {{"redis", "", "redis of " + run},
                          {"images", "postgres:16", "img", "images/aa.tar.zst.age"}});
    }

    std::vector<RunCopy> lacking() { return plan_copies(writer.catalog(), second.list("kavi/bruno")); }

    void copy_all() {
        for (const auto& run : lacking())
            copy_run(box, second, run, [](const FileCopy&, std::uint64_t) {}, {});
    }

    MemoryStore box{"box"}, second{"second"};
    BackupWriter writer{box};
};

std::vector<std::string> names(const std::vector<RunCopy>& copies) {
    std::vector<std::string> runs;
    for (const auto& copy : copies) runs.push_back(copy.run);
    return runs;
}

std::vector<std::string> paths(const RunCopy& copy) {
    std::vector<std::string> all;
    for (const auto& file : copy.files) all.push_back(file.path);
    return all;
}

}  // namespace

TEST_CASE("an empty second store gets all, oldest first, each manifest last, shared files once") {
    TwoStores stores;
    const auto lacking = stores.lacking();
    REQUIRE(names(lacking) == std::vector{monday, tuesday, wednesday});
    const auto at = "kavi/bruno/" + monday;
    CHECK(paths(lacking[0]) == std::vector<std::string>{at + "/redis.tar.zst.age",
                                                        "kavi/bruno/images/aa.tar.zst.age",
                                                        at + "/manifest.json.sig",
                                                        at + "/manifest.json"});
    CHECK(lacking[1].files.size() == 3);
    stores.copy_all();
    CHECK(stores.second.files == stores.box.files);
    CHECK(stores.lacking().empty());
}

TEST_CASE("a copy that was cut goes on where it stopped, and looks whole at no time") {
    TwoStores stores;
    int writes = 0;
    stores.second.before = [&](const std::string& call, const std::string&) {
        if (call == "finish" && ++writes > 5) throw Error(errors::network_failed, "the line broke");
    };
    CHECK(error_of([&] { stores.copy_all(); }).message() == "the line broke");
    CHECK(stores.second.files.contains("kavi/bruno/" + monday + "/manifest.json"));
    CHECK_FALSE(stores.second.files.contains("kavi/bruno/" + tuesday + "/manifest.json"));
    stores.second.before = {};
    CHECK(names(stores.lacking()) == std::vector{tuesday, wednesday});
    CHECK(stores.lacking()[0].files.size() == 2);
    stores.copy_all();
    CHECK(stores.second.files == stores.box.files);
}

TEST_CASE("what the second store has pruned doesn't come back") {
    TwoStores stores;
    stores.copy_all();
    std::erase_if(stores.second.files,
                  [&](const auto& file) { return file.first.starts_with("kavi/bruno/" + monday); });
    CHECK(stores.lacking().empty());
}

TEST_CASE("nothing damaged, unsigned or incomplete is copied") {
    TwoStores stores;
    stores.box.files.erase("kavi/bruno/" + monday + "/manifest.json.sig");
    stores.box.files.erase("kavi/bruno/" + tuesday + "/redis.tar.zst.age");
    CHECK(names(stores.lacking()) == std::vector{wednesday});

    auto& damaged = stores.box.files["kavi/bruno/" + wednesday + "/redis.tar.zst.age"];
    damaged[0] ^= 1;
    const auto error = error_of([&] { stores.copy_all(); });
    CHECK(error.code() == errors::integrity);
    CHECK(error.message() ==
          "kavi/bruno/" + wednesday + "/redis.tar.zst.age in store box isn't what was stored");
    CHECK(test::causes(error) == "nothing of it was copied to store second");
    CHECK(stores.second.files.empty());
}

TEST_CASE("another file of the same name stops it") {
    TwoStores stores;
    stores.second.files["kavi/bruno/" + monday + "/redis.tar.zst.age"] = "x";
    const auto error = error_of([&] { stores.lacking(); });
    CHECK(error.code() == errors::store_failed);
    CHECK(error.message() ==
          "kavi/bruno/" + monday + "/redis.tar.zst.age is there already, with another size");
    CHECK(test::causes(error) == "it has 1 bytes there, and 30 in store box");
}

TEST_CASE("a copy can be interrupted") {
    TwoStores stores;
    std::stop_source stop;
    stop.request_stop();
    const auto first = stores.lacking().front();
    CHECK(error_of([&] {
              copy_run(
                  stores.box, stores.second, first, [](const FileCopy&, std::uint64_t) {}, stop.get_token());
          }).code() == errors::interrupted);
    CHECK(stores.second.files.empty());
}

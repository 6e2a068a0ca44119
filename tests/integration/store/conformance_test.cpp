#include "places.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <sys/wait.h>
#include <unistd.h>

// The same cases for every kind of store.

using namespace kavi;
using namespace kavi::test;
using store::StoredFile;

namespace {

using Files = std::vector<StoredFile>;

std::string kind_of_store() {
    const std::string kind = GENERATE("local", "sftp", "s3");
    INFO(kind);
    return kind;
}

}  // namespace

#define EACH_STORE(places, store)                 \
    const auto kind = kind_of_store();            \
    CAPTURE(kind);                                \
    if (kind == "sftp") NEEDS_SSHD();             \
    Places places;                                \
    const auto store##_owner = places.open(kind); \
    auto& store = *store##_owner

TEST_CASE("a file is there once it is finished, whole, and not before") {
    EACH_STORE(places, box);
    const auto size = GENERATE(as<std::size_t>(), 0, 1, 100'000, (16 << 20), (40 << 20) + 77);
    CAPTURE(size);
    const auto data = pattern(size);
    const std::string path = "kavi/bruno/20261125T060000Z-4f2a/db.pgdump.zst.age";
    CHECK(box.list("kavi").empty());
    {
        const auto upload = box.create(path);
        std::string_view rest = data;
        for (std::size_t piece = 1; !rest.empty(); piece = piece * 7 % 3'000'017) {
            upload->write(rest.substr(0, piece));
            rest.remove_prefix(std::min(piece, rest.size()));
        }
        CHECK(box.list("").empty());
        CHECK(error_of([&] { all_of(box, path); }).code() == errors::store_missing);
        CHECK(upload->finish());
    }
    CHECK(box.list("kavi") == Files{{path, size}});
    CHECK(box.unfinished("").empty());
    CHECK((all_of(box, path) == data));
    const auto digest = box.sha256(path);
    CHECK(digest.has_value() == (kind != "s3"));
    if (digest) CHECK(*digest == hex(sha256(data)));
    CHECK(box.name() == "box");
}

TEST_CASE("a file is read from any offset, up to any limit") {
    EACH_STORE(places, box);
    const auto data = pattern((17 << 20) + 5);
    store::write_small(box, "a/b", data);

    struct Case {
        std::uint64_t offset;
        std::optional<std::uint64_t> limit;
    };

    for (const auto& [offset, limit] : {Case{0, 0},
                                        Case{0, 1},
                                        Case{0, 300},
                                        Case{5, 261'120},
                                        Case{261'119, 3},
                                        Case{16'777'215, 2},
                                        Case{16'777'216, {}},
                                        Case{data.size() - 1, {}},
                                        Case{data.size() - 1, 100},
                                        Case{data.size(), {}},
                                        Case{data.size() + 10, {}},
                                        Case{data.size() + 10, 5},
                                        Case{1, ~std::uint64_t{0}}}) {
        CAPTURE(offset, limit.value_or(0), limit.has_value());
        const auto want =
            offset < data.size() ? data.substr(offset, limit.value_or(data.npos)) : std::string();
        CHECK((all_of(box, "a/b", offset, limit) == want));
    }
}

TEST_CASE("an exception of the one who reads comes back to him, and nothing is read twice") {
    EACH_STORE(places, box);
    store::write_small(box, "a", pattern(3'000'000));
    int calls = 0;
    // Even the error that a broken line gives.
    const auto error = error_of([&] {
        box.read("a", [&](std::string_view) {
            ++calls;
            throw Error(errors::ssh_unreachable, "mine");
        });
    });
    CHECK(error.message() == "mine");
    CHECK(calls == 1);
    CHECK(all_of(box, "a").size() == 3'000'000);
}

TEST_CASE("an upload that is let go leaves nothing") {
    EACH_STORE(places, box);
    const auto size = GENERATE(as<std::size_t>(), 0, 10, (33 << 20));
    box.create("kavi/run/a")->write(pattern(size));
    CHECK(box.list("").empty());
    CHECK(box.unfinished("").empty());
    store::write_small(box, "kavi/run/a", "second try");
    CHECK(all_of(box, "kavi/run/a") == "second try");
}

TEST_CASE("a file that is there isn't replaced") {
    EACH_STORE(places, box);
    store::write_small(box, "a/b", "first");
    const auto error = error_of([&] { box.create("a/b"); });
    CHECK(error.code() == errors::store_failed);
    CHECK(error.message() == "store box has a/b already");
    CHECK(all_of(box, "a/b") == "first");
    CHECK(box.unfinished("").empty());
}

TEST_CASE("a file that isn't there") {
    EACH_STORE(places, box);
    for (const auto* path : {"none", "no/such/folder/none"}) {
        CAPTURE(path);
        const auto error = error_of([&] { all_of(box, path); });
        CHECK(error.code() == errors::store_missing);
        CHECK(error.message() == std::string("store box has no ") + path);
        CHECK(error_of([&] { all_of(box, path, 5, 5); }).code() == errors::store_missing);
        CHECK(error_of([&] { box.sha256(path); }).code() == errors::store_missing);
        CHECK_NOTHROW(box.remove(path));
    }
    CHECK(box.list("none").empty());
    CHECK(box.unfinished("none").empty());
    store::write_small(box, "a", "");
    CHECK(all_of(box, "a").empty());
}

TEST_CASE("paths are plain") {
    EACH_STORE(places, box);
    for (const auto* path :
         {"", "/a", "a/", "a//b", "..", "a/../b", "./a", "a b", "a;b", "ä", "a\nb", "$(id)"}) {
        CAPTURE(path);
        CHECK(error_of([&] { box.create(path); }).code() == errors::internal);
        CHECK(error_of([&] { all_of(box, path); }).code() == errors::internal);
        CHECK(error_of([&] { box.remove(path); }).code() == errors::internal);
        CHECK(error_of([&] { box.sha256(path); }).code() == errors::internal);
        if (*path != '\0') CHECK(error_of([&] { box.list(path); }).code() == errors::internal);
    }
    store::write_small(box, "-a/-b._-C9", "x");
    CHECK(all_of(box, "-a/-b._-C9") == "x");
    if (kind != "s3") CHECK(box.sha256("-a/-b._-C9") == hex(sha256("x")));
}

TEST_CASE("lists are sorted, of any depth, and only of what lies below") {
    EACH_STORE(places, box);
    const Files files{{"kavi/a/b/c/d/e/f", 3}, {"kavi/ab", 1}, {"kavi/b/x", 2}, {"kavi2/a", 1}, {"z", 0}};
    for (const auto& file : files) store::write_small(box, file.path, pattern(file.bytes));
    CHECK(box.list("") == files);
    CHECK(box.list("kavi") == Files(files.begin(), files.begin() + 3));
    CHECK(box.list("kavi/a") == Files{files[0]});
    CHECK(box.list("kavi/a/b/c/d/e") == Files{files[0]});
    box.remove("kavi/a/b/c/d/e/f");
    box.remove("kavi/ab");
    CHECK(box.list("kavi") == Files{files[2]});
    CHECK(box.list("kavi/a").empty());
}

TEST_CASE("thousands of files are listed") {
    EACH_STORE(places, box);
    constexpr int count = 2300;
    if (kind == "s3") {
        for (int i = 0; i < count; ++i)
            store::write_small(box, "k/" + std::to_string(i % 40) + "/" + std::to_string(i), "");
    } else {
        const std::filesystem::path top = places.target(kind).folder;
        for (int i = 0; i < count; ++i) {
            const auto folder = top / "k" / std::to_string(i % 40);
            std::filesystem::create_directories(folder);
            std::ofstream(folder / std::to_string(i)).put('x');
        }
    }
    const auto listed = box.list("k");
    CHECK(listed.size() == count);
    CHECK(std::ranges::is_sorted(listed, {}, &StoredFile::path));
    CHECK(box.list("k/7").size() == (count + 39 - 7) / 40);
}

TEST_CASE("a killed process leaves a part that only unfinished() shows, and remove() takes away") {
    EACH_STORE(places, box);
    store::write_small(box, "kavi/run/good", "good");
    const auto target = places.target(kind);
    const pid_t child = ::fork();
    if (child == 0) {
        Places mine;
        const auto dying = mine.open(target);
        const auto upload = dying->create("kavi/run/a");
        upload->write(pattern(40 << 20));
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    CHECK(box.list("") == Files{{"kavi/run/good", 4}});
    const auto parts = box.unfinished("kavi");
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].path.starts_with("kavi/run/.part-"));
    CHECK(box.unfinished("kavi/run") == parts);
    CHECK(box.unfinished("other").empty());
    box.remove(parts[0].path);
    CHECK(box.unfinished("").empty());
    CHECK(box.list("") == Files{{"kavi/run/good", 4}});
}

TEST_CASE("small files in one piece, but never a large one") {
    EACH_STORE(places, box);
    store::write_small(box, "m", "manifest");
    CHECK(store::read_small(box, "m") == "manifest");
    CHECK(store::read_small(box, "m", 8) == "manifest");
    const auto error = error_of([&] { store::read_small(box, "m", 7); });
    CHECK(error.code() == errors::integrity);
    CHECK(error.message() == "m in store box is too large");
    CHECK(causes(error) == "it has more than 7 bytes");
    CHECK(error_of([&] { store::read_small(box, "n"); }).code() == errors::store_missing);
}

TEST_CASE("a stop request ends an upload, and nothing stays") {
    EACH_STORE(places, box);
    std::stop_source source;
    {
        const auto stoppable = places.open(places.target(kind), source.get_token());
        const auto upload = stoppable->create("a");
        upload->write(pattern(20 << 20));
        source.request_stop();
        CHECK(error_of([&] {
                  upload->write(pattern(40 << 20));
                  upload->finish();
              }).code() == errors::interrupted);
        CHECK(error_of([&] { stoppable->list(""); }).code() == errors::interrupted);
    }
    CHECK(box.list("").empty());
    CHECK(box.unfinished("").empty());
}

TEST_CASE("a full store says so with figures, keeps no part, and still removes") {
    const std::string kind = GENERATE("local", "sftp");
    CAPTURE(kind);
    if (kind == "sftp") NEEDS_SSHD();
    Places places;
    auto target = places.target(kind);
    const TemporaryFolder folder;
    if (run_command(
            {.arguments = {"mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder.path().string()}})
            .status != 0) {
        WARN("SKIPPED: no right to mount a small file system");
        return;
    }

    struct Unmount {
        std::string place;

        ~Unmount() { run_command({.arguments = {"umount", "-l", place}}); }
    } unmount{folder.path().string()};

    target.folder = folder.path().string();
    const auto box = places.open(target);
    const auto space = box->space();
    REQUIRE(space);
    CHECK(space->total == 20 << 20);
    CHECK(space->free > 19 << 20);
    store::write_small(*box, "old/a", pattern(10 << 20));

    const auto error = error_of([&] {
        const auto upload = box->create("new/a");
        upload->write(pattern(30 << 20));
        upload->finish();
    });
    CHECK(error.code() == errors::store_full);
    CHECK(error.message() == "store box is full");
    CHECK(causes(error) == "0.00 GiB of 0.02 GiB are free");
    CHECK(error.advice() == "prune old backups (`kavi backup prune`), or make the store larger");
    CHECK(box->list("") == Files{{"old/a", 10 << 20}});
    CHECK(box->unfinished("").empty());

    // To the last byte, then it must still be possible to make room.
    run_command({.arguments = {"sh", "-c", "cat /dev/zero > " + target.folder + "/fill"}});
    box->remove("fill");
    box->remove("old/a");
    store::write_small(*box, "new/a", pattern(15 << 20));
    CHECK(box->list("") == Files{{"new/a", 15 << 20}});
}

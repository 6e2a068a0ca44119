#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/sftp.hpp>
#include <kavi/net/ssh_libssh.hpp>

#include <filesystem>
#include <set>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <support/sshd.hpp>

using namespace kavi;
using namespace kavi::net;
using namespace kavi::test;

namespace {

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 7;
    for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

/// A server, a session and SFTP on it.
struct Box {
    Sshd server;
    LibsshConnector connector{ConnectionRules{.loopback_only = true}};
    std::unique_ptr<SshSession> session = connector.connect(server.target(), {});
    Sftp sftp{*session, "box", {}};

    std::string path(const std::string& name) const { return (server.folder() / name).string(); }
};

}  // namespace

TEST_CASE("a file goes up in pieces of any size, is put on disk, and comes back") {
    NEEDS_SSHD();
    Box box;
    const auto data = pattern((20 << 20) + 12345);
    const auto path = box.path("up");
    {
        auto writer = box.sftp.create(path);
        std::string_view rest = data;
        for (std::size_t size = 1; !rest.empty(); size = size * 7 % 1'000'003) {
            const auto piece = rest.substr(0, size);
            writer.write(piece);
            rest.remove_prefix(piece.size());
        }
        CHECK(writer.acknowledged() < data.size());
        CHECK(writer.finish());
        CHECK(writer.acknowledged() == data.size());
    }
    CHECK(read_file(path) == data);
    const auto attributes = box.sftp.stat(path);
    REQUIRE(attributes);
    CHECK(attributes->size == data.size());
    CHECK((*attributes->mode & 0777) == 0600);
    for (const std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{261'119}, std::uint64_t{data.size() - 1}}) {
        std::string got;
        box.sftp.read(path, offset, [&](std::string_view bytes) { got.append(bytes); });
        CHECK(got.size() == data.size() - offset);
        CHECK(hex(sha256(got)) == hex(sha256(std::string_view(data).substr(offset))));
    }
}

TEST_CASE("empty files, and files of exactly one block") {
    NEEDS_SSHD();
    Box box;
    const auto size = GENERATE(as<std::size_t>(), 0, 261'120, 261'121);
    const auto data = pattern(size);
    auto writer = box.sftp.create(box.path("f"));
    writer.write(data);
    CHECK(writer.finish());
    std::string got;
    box.sftp.read(box.path("f"), 0, [&](std::string_view bytes) { got.append(bytes); });
    CHECK(got == data);
}

TEST_CASE("files and folders are looked at, listed, renamed and removed") {
    NEEDS_SSHD();
    Box box;
    const auto& sftp = box.sftp;
    CHECK(sftp.announces("posix-rename@openssh.com"));
    box.sftp.make_folder(box.path("d"));
    box.sftp.make_folder(box.path("d"));
    write_file_atomic(box.path("d/a"), "old", 0600);
    write_file_atomic(box.path("d/b"), "newer", 0600);
    box.sftp.rename(box.path("d/b"), box.path("d/a"));
    CHECK(read_file(box.path("d/a")) == "newer");
    for (int i = 0; i < 300; ++i) write_file_atomic(box.path("d/" + std::to_string(i)), "", 0600);
    std::set<std::string> names;
    for (const auto& entry : box.sftp.list(box.path("d"))) names.insert(entry.name);
    CHECK(names.size() == 301);
    CHECK(names.contains("a"));
    CHECK(box.sftp.stat(box.path("d"))->is_folder());
    CHECK_FALSE(box.sftp.stat(box.path("d/a"))->is_folder());
    CHECK_FALSE(box.sftp.stat(box.path("none")));
    box.sftp.remove(box.path("d/a"));
    box.sftp.remove(box.path("d/a"));
    CHECK_FALSE(std::filesystem::exists(box.path("d/a")));
    const auto space = box.sftp.space(box.path("d"));
    REQUIRE(space);
    CHECK(space->free > 0);
    CHECK(space->total >= space->free);
}

TEST_CASE("a part of a file is read without asking for more, and many folders are listed at once") {
    NEEDS_SSHD();
    Box box;
    const auto data = pattern(3'000'000);
    write_file_atomic(box.path("f"), data, 0600);
    const auto part = [&](std::uint64_t offset, std::uint64_t limit) {
        std::string got;
        box.sftp.read(
            box.path("f"), offset, [&](std::string_view bytes) { got.append(bytes); }, limit);
        return got;
    };
    CHECK(part(0, 0).empty());
    CHECK(part(0, 1) == data.substr(0, 1));
    CHECK((part(261'119, 261'122) == data.substr(261'119, 261'122)));
    CHECK((part(2'999'999, ~std::uint64_t{0}) == data.substr(2'999'999)));
    CHECK(part(3'000'000, 5).empty());

    std::vector<std::string> folders;
    for (int i = 0; i < 150; ++i) {
        folders.push_back(box.path("d" + std::to_string(i)));
        if (i == 77) continue;
        box.sftp.make_folder(folders.back());
        for (int n = 0; n < i % 3; ++n)
            write_file_atomic(std::filesystem::path(folders.back()) / std::to_string(n), "", 0600);
    }
    const auto listed = box.sftp.list_many(folders);
    REQUIRE(listed.size() == 150);
    for (int i = 0; i < 150; ++i) {
        CAPTURE(i);
        REQUIRE(listed[static_cast<std::size_t>(i)].has_value() == (i != 77));
        if (i != 77) CHECK(listed[static_cast<std::size_t>(i)]->size() == static_cast<std::size_t>(i % 3));
    }
    CHECK_FALSE(box.sftp.remove_folder(folders[1]));
    CHECK(box.sftp.remove_folder(folders[0]));
    CHECK_FALSE(std::filesystem::exists(folders[0]));
}

TEST_CASE("what the server refuses is an error that says what was done") {
    NEEDS_SSHD();
    Box box;
    write_file_atomic(box.path("there"), "x", 0600);
    SECTION("a file that exists") {
        const auto error = error_of([&] { box.sftp.create(box.path("there")); });
        CHECK(error.code() == errors::remote_failed);
        CHECK(error.message() == "creating " + box.path("there") + " on box failed");
        CHECK(causes(error) == "Failure (SFTP 4)");
    }
    SECTION("a folder that isn't there") {
        try {
            box.sftp.list(box.path("none"));
            FAIL("listed");
        } catch (const SftpError& error) {
            CHECK(error.status() == SftpStatus::no_such_file);
        }
    }
    SECTION("a folder's name that a file has") {
        CHECK(error_of([&] { box.sftp.make_folder(box.path("there")); }).message() ==
              "making " + box.path("there") + " on box failed");
    }
    SECTION("a full disk") {
        auto writer = box.sftp.resume("/dev/full", 0);
        const auto error = error_of([&] {
            writer.write(pattern(10 << 20));
            writer.finish();
        });
        CHECK(error.message() == "writing /dev/full on box failed");
        CHECK(writer.acknowledged() == 0);
    }
    SECTION("a subsystem that there isn't") {
        const auto error = error_of([&] { box.session->start_subsystem("nope", {}); });
        CHECK(error.code() == errors::remote_failed);
        CHECK(error.message() == "bruno offers no nope");
    }
    CHECK(box.sftp.stat(box.path("there")));
}

TEST_CASE("after a cut line an upload goes on where the server had confirmed") {
    NEEDS_SSHD();
    Box box;
    const auto data = pattern(24 << 20);
    const auto path = box.path("up");
    auto writer = box.sftp.create(path);
    writer.write(std::string_view(data).substr(0, 12 << 20));
    box.server.cut();
    const auto error = error_of([&] {
        writer.write(std::string_view(data).substr(12 << 20));
        writer.finish();
    });
    CHECK(error.code() == errors::ssh_unreachable);
    const auto confirmed = writer.acknowledged();
    CHECK(confirmed > 0);
    CHECK(confirmed <= std::filesystem::file_size(path));
    CHECK(read_file(path).substr(0, confirmed) == data.substr(0, confirmed));

    const auto session = box.connector.connect(box.server.target(), {});
    Sftp again(*session, "box", {});
    auto rest = again.resume(path, confirmed);
    rest.write(std::string_view(data).substr(confirmed));
    CHECK(rest.finish());
    CHECK(hex(sha256(read_file(path))) == hex(sha256(data)));
}

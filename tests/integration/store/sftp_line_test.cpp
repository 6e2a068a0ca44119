#include "places.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <support/catch.hpp>
#include <support/errors.hpp>

// What a line over SFTP does when it breaks.

using namespace kavi;
using namespace kavi::test;

namespace {

/// A store behind a relay that cuts.
struct CutBox {
    Places places;
    CuttingRelay relay;
    std::unique_ptr<store::Store> box;

    explicit CutBox(CuttingRelay::Plan plan) : relay(places.sshd().port(), std::move(plan)) {
        auto target = places.target("sftp");
        target.port = relay.port();
        box = places.open(target);
    }
};

constexpr std::size_t mib = 1 << 20;
constexpr std::size_t login_bytes = 8000;  // more than a login and the first requests send

}  // namespace

TEST_CASE("an upload whose line is cut, anywhere and often, is whole in the end") {
    NEEDS_SSHD();
    const auto data = pattern(24 * mib + 321);
    const auto up = GENERATE(
        std::vector<std::size_t>{login_bytes + 10},
        std::vector<std::size_t>{300'000},
        std::vector<std::size_t>{12 * mib},
        std::vector<std::size_t>{24 * mib},
        // Near the end: the sync, the close and the renaming.
        std::vector<std::size_t>{24 * mib + 321 + 9000},
        std::vector<std::size_t>{5 * mib, 3 * mib, 4 * mib, 9 * mib, 8 * mib, 2 * mib, 7 * mib, 5 * mib});
    CutBox cut({.up = up});
    const auto upload = cut.box->create("a/b");
    std::string_view rest = data;
    for (; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(700'000, rest.size())))
        upload->write(rest.substr(0, 700'000));
    CHECK(upload->finish());
    CHECK(cut.relay.connections() > 1);
    CHECK((all_of(*cut.box, "a/b") == data));
    CHECK(cut.box->unfinished("").empty());
    CHECK(cut.places.clock.slept.count() > 0);
}

TEST_CASE("wherever in the last requests the line breaks, the file gets its name once") {
    NEEDS_SSHD();
    const auto data = pattern(1000);
    // What the server sends until the end is some 4 KiB: every 40 bytes are a place to break.
    int broken = 0;
    for (std::size_t down = 2200; down < 4800; down += 40) {
        CAPTURE(down);
        CutBox cut({.down = {down}});
        const auto upload = cut.box->create("a/b");
        upload->write(data);
        CHECK(upload->finish());
        broken += cut.relay.connections() > 1 ? 1 : 0;
        CHECK(all_of(*cut.box, "a/b") == data);
        CHECK(cut.box->list("") == std::vector<store::StoredFile>{{"a/b", 1000}});
        CHECK(cut.box->unfinished("").empty());
    }
    CHECK(broken > 10);
}

TEST_CASE("a download whose line is cut goes on where it was") {
    NEEDS_SSHD();
    const auto data = pattern(24 * mib + 5);
    CutBox cut({.down = {9 * mib, 4 * mib, 3 * mib}});
    write_file_atomic(cut.places.sshd().folder() / "top" / "a", data, 0600);
    CHECK((all_of(*cut.box, "a") == data));
    CHECK(cut.relay.connections() == 4);
    CHECK((all_of(*cut.box, "a", 11, 2 * mib) == data.substr(11, 2 * mib)));
}

TEST_CASE("an idle line that was cut is no reason to lose an upload, or anything else") {
    NEEDS_SSHD();
    CutBox cut({});
    const auto upload = cut.box->create("a");
    upload->write(pattern(3 * mib));
    cut.relay.cut();
    upload->write("the rest");
    CHECK(upload->finish());
    CHECK((all_of(*cut.box, "a") == pattern(3 * mib) + "the rest"));
    cut.relay.cut();
    CHECK(cut.box->list("").size() == 1);
    cut.relay.cut();
    CHECK(cut.box->sha256("a") == hex(sha256(pattern(3 * mib) + "the rest")));
    cut.relay.cut();
    CHECK(cut.box->space());
    cut.relay.cut();
    cut.box->remove("a");
    CHECK(cut.box->list("").empty());
}

TEST_CASE("what the server lost of what it had confirmed is sent again") {
    NEEDS_SSHD();
    const auto data = pattern(20 * mib);
    CutBox cut({});
    const auto upload = cut.box->create("a");
    upload->write(std::string_view(data).substr(0, 12 * mib));
    cut.relay.cut();
    const auto part = cut.places.sshd().folder() / "top" / cut.box->unfinished("").at(0).path;

    SECTION("as long as it is kept here") {
        std::filesystem::resize_file(part, 6 * mib);
        upload->write(std::string_view(data).substr(12 * mib));
        CHECK(upload->finish());
        CHECK((all_of(*cut.box, "a") == data));
    }
    SECTION("more than that is an error") {
        std::filesystem::resize_file(part, 1 * mib);
        const auto error = error_of([&] {
            upload->write(std::string_view(data).substr(12 * mib));
            upload->finish();
        });
        CHECK(error.code() == errors::store_failed);
        CHECK(error.message() == "store box lost a file while it was written");
    }
    SECTION("and so is a part that is gone") {
        std::filesystem::remove(part);
        const auto error = error_of([&] {
            upload->write(std::string_view(data).substr(12 * mib));
            upload->finish();
        });
        CHECK(error.message() == "store box lost a file while it was written");
    }
}

TEST_CASE("a server with too many connections is tried again, and then named") {
    NEEDS_SSHD();
    SECTION("it has room again") {
        CutBox cut({.up = {0, 0}});
        CHECK(cut.box->list("").empty());
        CHECK(cut.relay.connections() == 3);
        CHECK(cut.places.clock.slept == std::chrono::seconds(5));
    }
    SECTION("it stays so") {
        CutBox cut({.up = std::vector<std::size_t>(50, 0)});
        const auto error = error_of([&] { cut.box->list(""); });
        CHECK(error.code() == errors::network_failed);
        CHECK(error.message() == "store box can't be reached");
        CHECK(error.causes().back() ==
              "the server may have too many connections: a Storage Box takes 10 an account");
        CHECK(cut.relay.connections() == 4);
        CHECK(cut.places.clock.slept == std::chrono::seconds(15));
    }
}

TEST_CASE("a line that can't be made again ends an upload after two minutes") {
    NEEDS_SSHD();
    auto up = std::vector<std::size_t>(50, 0);
    up[0] = 5 * mib;
    CutBox cut({.up = up});
    const auto upload = cut.box->create("a");
    const auto error = error_of([&] {
        upload->write(pattern(12 * mib));
        upload->finish();
    });
    CHECK(error.code() == errors::network_failed);
    CHECK(error.message() == "the line to store box broke and can't be made again");
    CHECK(cut.places.clock.slept == std::chrono::seconds(120));
}

TEST_CASE("a wrong key and a wrong host key are told at once") {
    NEEDS_SSHD();
    Places places;
    auto target = places.target("sftp");
    SECTION("key") {
        target.key = net::make_ed25519_key("other").private_key;
        CHECK(error_of([&] { places.open(target)->list(""); }).code() == errors::ssh_auth);
    }
    SECTION("host key") {
        target.host_key = net::fingerprint_text(net::make_ed25519_key("other").digest);
        CHECK(error_of([&] { places.open(target)->list(""); }).code() == errors::host_key_changed);
    }
    SECTION("no host key") {
        target.host_key = "";
        CHECK(error_of([&] { places.open(target); }).code() == errors::host_key_unpinned);
    }
    CHECK(places.clock.slept.count() == 0);
}

TEST_CASE("a server that runs no commands computes no digest, and is asked once") {
    NEEDS_SSHD();
    Sshd restricted({.more_config = "ForceCommand internal-sftp"});
    Places places;
    auto target = places.target("sftp");
    target.port = restricted.port();
    target.host_key = net::fingerprint_text(restricted.host_key().digest);
    target.key = restricted.target().key;
    target.folder = (restricted.folder() / "top").string();
    const auto box = places.open(target);
    store::write_small(*box, "a", "x");
    CHECK_FALSE(box->sha256("a"));
    CHECK_FALSE(box->sha256("a"));
    CHECK(all_of(*box, "a") == "x");
    CHECK(restricted.connections() == 1);
    CHECK(error_of([&] { box->sha256("b"); }).code() == errors::store_missing);
}

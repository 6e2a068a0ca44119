#include "support/catch.hpp"
#include "support/errors.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/paths.hpp>
#include <kavi/store/sftp_store.hpp>
#include <kavi/store/target.hpp>

using namespace kavi;
using namespace kavi::store;
using test::causes;
using test::error_of;

namespace {

Json sftp_json() {
    return {{"name", "box"},
            {"kind", "sftp"},
            {"host", "u1.example"},
            {"port", 23},
            {"user", "u1-sub1"},
            {"host_key", "SHA256:XqONwb1S0zuj5A1CDxpOSuD2hnAArV1A3wKY7Z3sdgM"},
            {"key", "/var/lib/kavi/keys/box-writer_ed25519"}};
}

Json s3_json() {
    return {{"name", "second"},
            {"kind", "s3"},
            {"endpoint", "https://nbg1.your-objectstorage.com"},
            {"bucket", "backups"},
            {"access_key", "AKIA"},
            {"secret_key", "hush"},
            {"folder", "from/kavi"}};
}

}  // namespace

TEST_CASE("a store's description is read as docs/backups.md has it, and written the same") {
    const auto sftp = read_store_target(sftp_json());
    CHECK(sftp.name == "box");
    CHECK(sftp.kind == StoreKind::sftp);
    CHECK(sftp.port == 23);
    CHECK(sftp.key_path == "/var/lib/kavi/keys/box-writer_ed25519");
    CHECK(sftp.folder.empty());
    CHECK(store_target_json(sftp) == sftp_json());

    const auto s3 = read_store_target(s3_json());
    CHECK(s3.kind == StoreKind::s3);
    CHECK(s3.secret_key.reveal() == "hush");
    CHECK(s3.folder == "from/kavi");
    CHECK(store_target_json(s3) == s3_json());

    const Json local{{"name", "disk"}, {"kind", "local"}, {"folder", "/srv/backups"}};
    CHECK(read_store_target(local).folder == "/srv/backups");
    CHECK(store_target_json(read_store_target(local)) == local);

    auto without_port = sftp_json();
    without_port.erase("port");
    CHECK(read_store_target(without_port).port == 22);
}

TEST_CASE("a description that can't be used says what is missing or wrong") {
    struct Case {
        Json json;
        std::string key;
        Json value;
        std::string message, cause;
    };

    for (const auto& c : {
             Case{sftp_json(), "name", nullptr, "store without a name can't be used", "it has no name"},
             Case{sftp_json(),
                  "kind",
                  "ftp",
                  "store box can't be used",
                  "its kind \"ftp\" is none of sftp, s3, local"},
             Case{sftp_json(),
                  "kind",
                  nullptr,
                  "store box can't be used",
                  "its kind \"\" is none of sftp, s3, local"},
             Case{sftp_json(), "host", "", "store box can't be used", "it has no host"},
             Case{sftp_json(), "key", 5, "store box can't be used", "it has no key"},
             Case{sftp_json(), "host_key", nullptr, "store box can't be used", "it has no host_key"},
             Case{sftp_json(),
                  "port",
                  "23",
                  "store box can't be used",
                  "its port is no number from 1 to 65535"},
             Case{sftp_json(),
                  "port",
                  65536,
                  "store box can't be used",
                  "its port is no number from 1 to 65535"},
             Case{
                 sftp_json(), "port", -1, "store box can't be used", "its port is no number from 1 to 65535"},
             Case{s3_json(), "secret_key", nullptr, "store second can't be used", "it has no secret_key"},
             Case{s3_json(), "bucket", nullptr, "store second can't be used", "it has no bucket"},
         }) {
        CAPTURE(c.key, c.value);
        auto json = c.json;
        json[c.key] = c.value;
        const auto error = error_of([&] { read_store_target(json); });
        CHECK(error.code() == errors::config_invalid);
        CHECK(error.message() == c.message);
        CHECK(causes(error) == c.cause);
    }
    CHECK(error_of([] { read_store_target(Json::array()); }).code() == errors::config_invalid);
}

TEST_CASE("a private key by value is never written") {
    auto target = read_store_target(sftp_json());
    target.key_path = std::nullopt;
    target.key = Secret("-----BEGIN OPENSSH PRIVATE KEY-----");
    CHECK(store_target_json(target).dump().find("BEGIN") == std::string::npos);
    CHECK_FALSE(store_target_json(target).contains("key"));
}

TEST_CASE("paths within a store are taken apart and put together") {
    CHECK(below("", "a") == "a");
    CHECK(below("a", "") == "a");
    CHECK(below("a", "b/c") == "a/b/c");
    CHECK(below("/", "b") == "/b");
    CHECK(parent_of("a/b/c") == "a/b");
    CHECK(parent_of("a").empty());
    CHECK(name_of("a/b") == "b");
    CHECK(name_of("b") == "b");
    const auto part = part_path("kavi/run/db.age");
    CHECK(part.starts_with("kavi/run/.part-"));
    CHECK(part != part_path("kavi/run/db.age"));
    CHECK(is_part(part));
    CHECK_FALSE(is_part("kavi/.part-x/db.age"));
    CHECK_NOTHROW(check_path(part));
    CHECK(part_path("a").starts_with(".part-"));
}

TEST_CASE("digests are found in what sha256sum prints, GNU's and BSD's") {
    const std::string digest(64, 'a');
    CHECK(digest_in(digest + "  ./kavi/run/db.age\n") == digest);
    CHECK(digest_in("\\" + digest + "  strange\\nname\n") == digest);
    CHECK(digest_in(digest + " *./binary\n") == digest);
    CHECK(digest_in("SHA256 (./kavi/run/db.age) = " + digest + "\n") == digest);
    CHECK(digest_in(std::string(64, 'A') + "  x") == digest);
    CHECK(digest_in(digest) == digest);
    for (const auto* nothing : {"",
                                "\n",
                                "Command not found. Use 'help' to get a list of available commands.\n",
                                "sha256sum: ./x: No such file or directory\n",
                                "aaaa  x\n"}) {
        CAPTURE(nothing);
        CHECK_FALSE(digest_in(nothing));
    }
    CHECK_FALSE(digest_in(std::string(63, 'a') + "  x"));
    CHECK_FALSE(digest_in(std::string(63, 'a') + "g  x"));
    CHECK_FALSE(digest_in("first line\n" + digest + "  x\n"));
}

TEST_CASE("a full store is told with what is free") {
    const auto error = no_space("box", Space{.total = std::uint64_t{1} << 40, .free = 0});
    CHECK(error.code() == errors::store_full);
    CHECK(error.message() == "store box is full");
    CHECK(causes(error) == "0.00 GiB of 1024.00 GiB are free");
    CHECK(causes(no_space("box", {})).empty());
}

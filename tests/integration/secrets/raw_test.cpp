#include "estate.hpp"

#include <support/catch.hpp>

using namespace secrets_test;

TEST_CASE("sealing raw bytes is interchangeable with age", "[raw]") {
    const Estate estate;
    const auto identity = (estate.folder / "age.key").string(), recipient = estate.identity.recipient();
    for (const auto size : {0UL, 65535UL, 65536UL, 65537UL, 5000000UL}) {
        CAPTURE(size);
        std::string plain(size, 'x');
        for (std::size_t i = 0; i < size; i += 97) plain[i] = static_cast<char>(i);
        const auto ours = estate.kavi({"secrets", "seal", "--raw", "--recipient", recipient}, plain);
        REQUIRE(ours.status == 0);
        CHECK((run_command({.arguments = {"age", "-d", "-i", identity}, .input = ours.output}).output ==
               plain));
        const auto theirs = run_command({.arguments = {"age", "-r", recipient}, .input = plain});
        const auto opened =
            estate.kavi({"secrets", "unseal", "--raw", "--identity", identity}, theirs.output);
        CHECK(opened.status == 0);
        CHECK((opened.output == plain));
    }
}

TEST_CASE("raw bytes with a passphrase and armor, and what it refuses", "[raw]") {
    const Estate estate;
    const auto file = (estate.folder / "passphrase").string();
    write_file_atomic(file, "correct horse\n", 0600);
    const auto sealed =
        estate.kavi({"secrets", "seal", "--raw", "--armor", "--passphrase-file", file}, "paper");
    CHECK(sealed.output.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
    CHECK(estate.kavi({"secrets", "unseal", "--raw", "--passphrase-file", file}, sealed.output).output ==
          "paper");
    write_file_atomic(file, "wrong\n", 0600);
    CHECK(estate.kavi({"secrets", "unseal", "--raw", "--passphrase-file", file}, sealed.output).status == 12);
    CHECK(estate.kavi({"secrets", "unseal", "--raw", "--passphrase-file", file}, "no age file").status == 12);
    CHECK(estate.kavi({"secrets", "seal", "--raw"}, "x").status == 2);
    CHECK(estate.kavi({"secrets", "seal", "--recipient", "age1x"}, "x").status == 2);
}

#include "support/catch.hpp"

#include <kavi/base/error.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/ssh_key.hpp>

#include <fmt/format.h>

using namespace kavi;
using namespace kavi::seal;

namespace {

std::string run(std::vector<std::string> arguments, std::string input = {}) {
    const auto finished = run_command({.arguments = std::move(arguments), .input = std::move(input)});
    CAPTURE(finished.errors);
    REQUIRE(finished.status == 0);
    return finished.output;
}

std::string why_refused(std::string_view text) {
    try {
        read_ssh_private_key(text, "the key");
    } catch (const Error& error) {
        CHECK(error.message() == "the SSH key the key can't be used");
        return error.causes().at(0);
    }
    return "it was taken";
}

}  // namespace

TEST_CASE("keys of ssh-keygen's are read, public and private half", "[ssh-key]") {
    const TemporaryFolder folder;
    const auto path = (folder.path() / "id").string();
    run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ana@laptop", "-f", path});
    const auto line = read_file(path + ".pub");
    const auto public_key = parse_ssh_public_key(line);
    REQUIRE(public_key);
    CHECK(public_key->line() + "\n" == line);
    CHECK(public_key->comment == "ana@laptop");
    CHECK(run({"ssh-keygen", "-lf", path + ".pub"}).find(public_key->fingerprint()) != std::string::npos);

    const auto key = read_ssh_private_key(read_file(path), path);
    CHECK(key.public_key == *public_key);
    CHECK(key.public_key.comment == "ana@laptop");
}

TEST_CASE("keys that kavi writes are read by ssh-keygen", "[ssh-key]") {
    const TemporaryFolder folder;
    for (const auto* comment : {"", "a", "ana@laptop", "seven77"}) {
        const auto key = generate_ssh_key(comment);
        const auto path = folder.path() / fmt::format("id{}", comment);
        write_file_atomic(path, write_ssh_private_key(key).reveal(), 0600);
        CHECK(trim(run({"ssh-keygen", "-y", "-f", path.string()})) == key.public_key.line());
        CHECK(read_ssh_private_key(read_file(path), "it").seed == key.seed);
    }
}

TEST_CASE("keys that can't be used say why", "[ssh-key]") {
    const TemporaryFolder folder;
    const auto path = (folder.path() / "id").string();
    run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "long passphrase", "-C", "", "-f", path});
    CHECK(why_refused(read_file(path)) == "it has a passphrase");
    run({"ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "", "-f", path + "2"});
    CHECK(why_refused(read_file(path + "2")) ==
          "it is an ecdsa-sha2-nistp256 key; only ssh-ed25519 ones work");
    CHECK(why_refused("hello") == "it isn't a private key in OpenSSH's own form");

    const auto whole = std::string(write_ssh_private_key(generate_ssh_key("x")).reveal());
    for (std::size_t size = 40; size + 40 < whole.size(); size += 7) {
        const auto cut = whole.substr(0, size) + "\n-----END OPENSSH PRIVATE KEY-----\n";
        CHECK(why_refused(cut) != "it was taken");
    }
}

TEST_CASE("lines that aren't public keys are refused", "[ssh-key]") {
    const auto line = GENERATE(
        as<std::string>(),
        "",
        "ssh-ed25519",
        "ssh-ed25519 !!!",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKT5",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIKT5GYEwjvVC6eWZ+7TrEq86AjmZNM4DxR4bP9ox8zaT",
        "command=\"x\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKT5GYEwjvVC6eWZ+7TrEq86AjmZNM4DxR4bP9ox8zaT");
    CAPTURE(line);
    CHECK_FALSE(parse_ssh_public_key(line));
}

#include <kavi/base/text.hpp>
#include <kavi/net/ssh.hpp>
#include <kavi/net/ssh_keys.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::net;

TEST_CASE("fingerprints as text and back") {
    const auto digest = sha256("x");
    CHECK(fingerprint_text(digest).size() == 7 + 43);
    CHECK(parse_fingerprint(fingerprint_text(digest)) == digest);
    const auto bad = GENERATE(as<std::string>(), "", "SHA256:", "SHA256:AAAA", "MD5:00:11", "sha256:x");
    CHECK(parse_fingerprint(bad) == std::nullopt);
    CHECK(parse_fingerprint(fingerprint_text(digest).substr(7)) == std::nullopt);
}

TEST_CASE("a key made here is what its public line says") {
    const auto key = make_ed25519_key("kavi K1");
    CHECK(key.public_line.starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
    CHECK(key.public_line.ends_with(" kavi K1"));
    CHECK(public_key_digest(key.public_line) == key.digest);
    CHECK(key.digest.size() == 32);
    CHECK_FALSE(is_encrypted_key(key.private_key.reveal()));
    CHECK(make_ed25519_key().digest != key.digest);
    CHECK(split(make_ed25519_key().public_line, ' ').size() == 2);
}

TEST_CASE("what isn't a public key's line has no digest") {
    const auto key = make_ed25519_key("a b c");
    const auto blob = split(key.public_line, ' ')[1];
    CHECK(public_key_digest("  ssh-ed25519   " + blob + "\tcomment\n") == key.digest);
    CHECK(public_key_digest("ssh-rsa " + blob) == std::nullopt);
    CHECK(public_key_digest("ssh-ed25519") == std::nullopt);
    CHECK(public_key_digest("ssh-ed25519 " + blob.substr(0, 16)) == std::nullopt);
    CHECK(public_key_digest("ssh-ed25519 !" + blob) == std::nullopt);
    CHECK(public_key_digest("") == std::nullopt);
    CHECK(public_key_digest(key.public_line + "\n" + key.public_line) == std::nullopt);
    CHECK(public_key_digest("ssh-ed25519 //////////8=") == std::nullopt);
}

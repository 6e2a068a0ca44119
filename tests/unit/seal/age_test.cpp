#include "support/catch.hpp"

#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/age_error.hpp>

using namespace kavi;
using namespace kavi::seal;

namespace {

X25519Identity identity_of_bytes() {
    std::string bytes;
    for (char byte = 0; byte < 32; ++byte) bytes += byte;
    return {Secret(bytes)};
}

std::vector<Recipient> recipients_of(const std::vector<X25519Identity>& identities) {
    std::vector<Recipient> recipients;
    for (const auto& identity : identities) recipients.push_back(parse_recipient(identity.recipient()));
    return recipients;
}

std::string plain_of(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
    return text;
}

/// Reads with pieces of an awkward size, as a pipe gives them.
ReadBytes in_pieces(std::string_view text, std::size_t piece) {
    return [text, piece](std::span<char> into) mutable {
        const auto count = std::min({into.size(), text.size(), piece});
        std::copy_n(text.data(), count, into.data());
        text.remove_prefix(count);
        return count;
    };
}

AgeFault fault_of(std::string_view file, std::span<const Identity> identities) {
    try {
        age_open(file, identities);
    } catch (const AgeError& error) {
        return error.fault();
    }
    FAIL("it opened");
    return {};
}

}  // namespace

TEST_CASE("the worked example of the format's description opens", "[age]") {
    const auto header = std::string(
        "age-encryption.org/v1\n"
        "-> X25519 fZwkMWU5glwYluV/KBl3Rnk85gy+461H2p0HuF+lXio\n"
        "3FkNCFB2cYGE6xmXRX4VlMBZSAvh4bC/wU1qodhSWNc\n"
        "--- WIoQnEh0HVXLQ7HC8rpuhBoaQ1ImkgN7eHX0CsgfBx0\n");
    std::string nonce;
    for (char byte = 0x10; byte < 0x20; ++byte) nonce += byte;
    const std::string chunk(
        "\xae\xd5\x52\xeb\xb1\x4d\x47\x5c\x73\x4c\xa3\xce\xc1\x3a\xf9\x6f\x89\x61\xa0\x19\x14");
    const auto file = header + nonce + chunk;
    REQUIRE(hex(sha256(file)) == "9ed58e23b9ae0ee5d2c77181a28c8b85ad1e8b38911738ea11af0693048e9ac5");

    const auto identity = identity_of_bytes();
    CHECK(identity.recipient() == "age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wh");
    CHECK(identity.text().reveal() ==
          "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG");
    CHECK(age_open(file, std::vector<Identity>{identity}).reveal() == "kavi\n");
    const auto unwrapped = unwrap_header(file, std::vector<Identity>{identity});
    CHECK(hex(unwrapped.file_key.reveal()) == "c8c9cacbcccdcecfd0d1d2d3d4d5d6d7");
    CHECK(unwrapped.header_size == header.size());
}

TEST_CASE("what is sealed opens, whatever its size and the size of the pieces", "[age]") {
    const auto size = GENERATE(0UL, 1UL, 65535UL, 65536UL, 65537UL, 131072UL, 131073UL, 400000UL);
    const auto form = GENERATE(AgeForm::binary, AgeForm::armored);
    const auto piece = GENERATE(997UL, 65552UL, 1UL << 20);
    CAPTURE(size, piece);
    const auto plain = plain_of(size);
    const auto identity = identity_of_bytes();
    std::string sealed;
    AgeWriter writer(recipients_of({X25519Identity::generate(), identity}), append_to(sealed), form);
    for (std::size_t at = 0; at < size; at += piece) writer.write(std::string_view(plain).substr(at, piece));
    writer.finish();

    std::string opened;
    AgeReader reader(in_pieces(sealed, piece), std::vector<Identity>{X25519Identity::generate(), identity});
    while (const auto chunk = reader.next()) opened += *chunk;
    CHECK(opened == plain);
    if (form == AgeForm::binary) {
        const auto header_size = unwrap_header(sealed, std::vector<Identity>{identity}).header_size;
        CHECK(sealed.size() == header_size + payload_size(size));
    }
}

TEST_CASE("a file cut off anywhere doesn't open", "[age]") {
    const auto identity = identity_of_bytes();
    const std::vector<Identity> identities{identity};
    const auto sealed = age_seal(Secret(plain_of(300)), recipients_of({identity}));
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        CAPTURE(size);
        CHECK_THROWS_AS(age_open(std::string_view(sealed).substr(0, size), identities), AgeError);
    }
}

TEST_CASE("a file with any bit turned doesn't open", "[age]") {
    const auto identity = identity_of_bytes();
    const std::vector<Identity> identities{identity};
    const auto sealed = age_seal(Secret("kavi"), recipients_of({identity}));
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        CAPTURE(at);
        auto damaged = sealed;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        CHECK_THROWS_AS(age_open(damaged, identities), AgeError);
    }
}

TEST_CASE("files of 64 KiB chunks can't be cut at a chunk's end", "[age]") {
    const auto identity = identity_of_bytes();
    const auto sealed = age_seal(Secret(plain_of(3 * age_chunk)), recipients_of({identity}));
    const auto cut = sealed.size() - age_chunk - age_tag;
    CHECK(fault_of(std::string_view(sealed).substr(0, cut), std::vector<Identity>{identity}) ==
          AgeFault::payload);
}

TEST_CASE("somebody else's identity, and a changed header, are told apart", "[age]") {
    const auto identity = identity_of_bytes();
    auto sealed = age_seal(Secret("kavi"), recipients_of({identity}));
    CHECK(fault_of(sealed, std::vector<Identity>{X25519Identity::generate()}) == AgeFault::no_match);
    CHECK(fault_of(sealed, {}) == AgeFault::no_match);
    sealed.insert(sealed.find("--- "), "-> grease x\n\n");
    CHECK(fault_of(sealed, std::vector<Identity>{identity}) == AgeFault::mac);
}

TEST_CASE("a passphrase seals and opens, and stands alone", "[age]") {
    const std::vector<Recipient> passphrase{PassphraseRecipient{Secret("correct horse"), 10}};
    const auto sealed = age_seal(Secret("kavi"), passphrase);
    CHECK(age_open(sealed, std::vector<Identity>{PassphraseIdentity{Secret("correct horse")}}).reveal() ==
          "kavi");
    CHECK(fault_of(sealed, std::vector<Identity>{PassphraseIdentity{Secret("wrong")}}) == AgeFault::no_match);
    CHECK(fault_of(sealed, std::vector<Identity>{PassphraseIdentity{Secret("correct horse"), 9}}) ==
          AgeFault::header);

    auto mixed = passphrase;
    mixed.push_back(parse_recipient(identity_of_bytes().recipient()));
    CHECK_THROWS_WITH(age_seal(Secret("kavi"), mixed), "a passphrase can't stand beside other recipients");
    CHECK_THROWS_WITH(age_seal(Secret("kavi"), {}), "there is nobody to seal for");
}

TEST_CASE("a huge header is refused before it fills the memory", "[age]") {
    std::string file = "age-encryption.org/v1\n";
    while (file.size() < (2U << 20)) file += "-> x\n\n";
    CHECK(fault_of(file, {}) == AgeFault::header);
    CHECK(fault_of("age-encryption.org/v1\n-> " + std::string(2U << 20, 'x'), {}) == AgeFault::header);
}

TEST_CASE("recipients that can't be used say why", "[age]") {
    struct Case {
        const char *text, *why;
    };

    const auto& c = GENERATE(values<Case>({
        {"age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wx",
         "'age13aqvttdk3ujkyjh9kg2w5an6dmy5mq5a84a4uxk3hfhnugfc9p0sy5p2wx' isn't one, or has a typing "
         "mistake"},
        {"ana", "'ana' isn't one, or has a typing mistake"},
        {"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ==", "ssh-rsa keys don't work, only ssh-ed25519"},
        {"ssh-ed25519 AAAA", "the SSH key is damaged"},
    }));
    CAPTURE(c.text);
    try {
        parse_recipient(c.text);
        FAIL("it was taken");
    } catch (const Error& error) {
        CHECK(error.message() == "an age recipient can't be used");
        REQUIRE(error.causes().size() == 1);
        CHECK(error.causes()[0] == c.why);
    }
}

TEST_CASE("identity files allow comments and name the bad line, not its content", "[age]") {
    const auto secret = std::string(identity_of_bytes().text().reveal());
    CHECK(parse_identities("# created: today\n\n" + secret + "\r\n" + secret + "\n", "keys.txt").size() == 2);
    try {
        parse_identities("# mine\n" + secret + "X\n", "keys.txt");
        FAIL("it was taken");
    } catch (const Error& error) {
        CHECK(error.message() == "the identity file keys.txt can't be used");
        CHECK(error.causes() ==
              std::vector<std::string>{"line 2 isn't an age identity (AGE-SECRET-KEY-1…), or is damaged"});
    }
    CHECK_THROWS_WITH(parse_identities("# nothing\n", "keys.txt"),
                      "the identity file keys.txt holds no identity");
}

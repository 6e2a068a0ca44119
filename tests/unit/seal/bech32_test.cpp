#include "support/catch.hpp"

#include <kavi/base/text.hpp>
#include <kavi/seal/bech32.hpp>

using namespace kavi::seal;

TEST_CASE("bech32 reads what BIP 173 calls valid", "[bech32]") {
    const auto text =
        GENERATE(as<std::string>(),
                 "A12UEL5L",
                 "a12uel5l",
                 "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
                 "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
                 "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
                 "?1ezyfcl");
    const auto decoded = decode_bech32(text);
    CAPTURE(text);
    if (text[0] == 's' || text[1] == 'n')  // their data is no whole number of bytes with a zero padding
        return;
    REQUIRE(decoded);
    CHECK(encode_bech32(decoded->prefix, decoded->data) == kavi::lower(text));
}

TEST_CASE("bech32 refuses what BIP 173 calls invalid", "[bech32]") {
    const auto text = GENERATE(as<std::string>(),
                               "pzry9x0s0muk",   // no separator
                               "1pzry9x0s0muk",  // empty prefix
                               "x1b4n0q5v",      // 'b' isn't in the alphabet
                               "li1dgmt3",       // too short a checksum
                               "A1G7SGD8",       // made from the upper-case form
                               "10a06t8",
                               "1qzzfhee",
                               "A12uEL5L",  // mixed case
                               "",
                               "1");
    CAPTURE(text);
    CHECK_FALSE(decode_bech32(text));
}

TEST_CASE("any bytes survive bech32", "[bech32]") {
    for (std::size_t size = 0; size < 70; ++size) {
        const auto bytes = kavi::random_bytes(size);
        const auto decoded = decode_bech32(encode_bech32("age", bytes));
        REQUIRE(decoded);
        CHECK(decoded->data == bytes);
        CHECK(decoded->prefix == "age");
    }
}

TEST_CASE("a single wrong character is noticed", "[bech32]") {
    const auto text = encode_bech32("age", std::string(32, 'k'));
    for (std::size_t at = 4; at < text.size(); ++at) {
        auto damaged = text;
        damaged[at] = damaged[at] == 'q' ? 'p' : 'q';
        CHECK_FALSE(decode_bech32(damaged));
    }
}

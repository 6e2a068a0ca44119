#include "support/catch.hpp"

#include <kavi/base/text.hpp>
#include <kavi/seal/crypto.hpp>

using namespace kavi;
using namespace kavi::seal;

namespace {

std::string unhex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return bytes;
}

}  // namespace

TEST_CASE("HKDF gives RFC 5869's outputs", "[crypto]") {
    CHECK(hex(hkdf_sha256(std::string(22, '\x0b'),
                          unhex("000102030405060708090a0b0c"),
                          unhex("f0f1f2f3f4f5f6f7f8f9"),
                          42)
                  .reveal()) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    CHECK(hex(hkdf_sha256(std::string(22, '\x0b'), {}, {}, 42).reveal()) ==
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST_CASE("X25519 gives RFC 7748's output and refuses points of low order", "[crypto]") {
    const auto alice = random_secret(32), bob = random_secret(32);
    // Both sides of an exchange agree, whatever the keys.
    const auto shared = x25519(alice, x25519_public(bob));
    REQUIRE(shared);
    CHECK(*shared == *x25519(bob, x25519_public(alice)));
    CHECK(hex(x25519(Secret(unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")),
                     unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
                  ->reveal()) == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    CHECK_FALSE(x25519(alice, std::string(32, '\0')));
    CHECK_FALSE(x25519(alice, "\x01" + std::string(31, '\0')));
}

TEST_CASE("Ed25519 signs as RFC 8032 has it", "[crypto]") {
    const Secret seed(unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
    CHECK(hex(ed25519_public(seed)) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    const auto signature = ed25519_sign(seed, "");
    CHECK(hex(signature) ==
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
          "d25bf5f0595bbe24655141438e7a100b");
    CHECK(ed25519_verify(ed25519_public(seed), signature, ""));
    CHECK_FALSE(ed25519_verify(ed25519_public(seed), signature, "x"));
    CHECK_FALSE(ed25519_verify("short", signature, ""));
}

TEST_CASE("an Ed25519 key and its seed become the same X25519 pair", "[crypto]") {
    for (int i = 0; i < 20; ++i) {
        const auto seed = random_secret(32);
        const auto point = ed25519_to_x25519(ed25519_public(seed));
        REQUIRE(point);
        CHECK(*point == x25519_public(ed25519_seed_to_x25519(seed)));
    }
}

TEST_CASE("what isn't a point of the curve is no key", "[crypto]") {
    CHECK_FALSE(ed25519_to_x25519("\x02" + std::string(31, '\0')));    // y = 2: x² isn't a square
    CHECK_FALSE(ed25519_to_x25519("\x01" + std::string(31, '\0')));    // the neutral element
    CHECK_FALSE(ed25519_to_x25519(std::string(31, '\xff') + "\x7f"));  // y ≥ p
    CHECK_FALSE(ed25519_to_x25519("short"));
}

TEST_CASE("a sealed key opens with its key only", "[crypto]") {
    const auto key = random_secret(32), other = random_secret(32);
    const auto sealed = seal_once(key, Secret("sixteen bytes ok"));
    CHECK(sealed.size() == 32);
    CHECK(open_once(key, sealed)->reveal() == "sixteen bytes ok");
    CHECK_FALSE(open_once(other, sealed));
    CHECK_FALSE(open_once(key, sealed.substr(0, 15)));
}

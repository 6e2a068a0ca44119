#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/crypto.hpp>
#include <kavi/seal/openssl.hpp>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>

namespace kavi::seal {

using namespace openssl;

Secret hkdf_sha256(std::string_view key_material,
                   std::string_view salt,
                   std::string_view info,
                   std::size_t length) {
    const std::string no_salt(32, '\0');
    auto extracted = hmac_sha256(salt.empty() ? no_salt : salt, key_material);
    std::string output, block;
    for (char counter = 1; output.size() < length; ++counter) {
        block.append(info).push_back(counter);
        block = hmac_sha256(extracted, block);
        output += block;
    }
    Secret key(std::string_view(output).substr(0, length));
    wipe(extracted);
    wipe(block);
    wipe(output);
    return key;
}

Secret scrypt(const Secret& passphrase, std::string_view salt, int log2_n) {
    const std::uint64_t n = std::uint64_t{1} << log2_n;
    const std::uint64_t memory = 128 * 8 * (n + 2) + (std::uint64_t{1} << 20);
    std::string output(32, '\0');
    if (EVP_PBE_scrypt(passphrase.reveal().data(),
                       passphrase.size(),
                       bytes_of(salt),
                       salt.size(),
                       n,
                       8,
                       1,
                       memory,
                       bytes_of(output),
                       output.size()) != 1) {
        Error error(errors::sealed_unreadable, "the passphrase's key can't be derived");
        throw error.because("scrypt needs " + std::to_string(memory >> 20) + " MiB of memory");
    }
    return Secret::take(output);
}

std::string sha512(std::string_view bytes) {
    std::string digest(SHA512_DIGEST_LENGTH, '\0');
    SHA512(bytes_of(bytes), bytes.size(), bytes_of(digest));
    return digest;
}

Secret random_secret(std::size_t count) {
    auto bytes = random_bytes(count);
    return Secret::take(bytes);
}

namespace {

Key private_key(int type, const Secret& bytes) {
    Key key(EVP_PKEY_new_raw_private_key(type, nullptr, bytes_of(bytes.reveal()), bytes.size()));
    must(key != nullptr, "private key");
    return key;
}

std::string public_bytes(const Key& key) {
    std::string bytes(32, '\0');
    std::size_t length = bytes.size();
    must(EVP_PKEY_get_raw_public_key(key.get(), bytes_of(bytes), &length) == 1, "public key");
    return bytes;
}

constexpr std::size_t tag_size = 16;
constexpr unsigned char zero_nonce[12] = {};

}  // namespace

std::string x25519_public(const Secret& scalar) {
    return public_bytes(private_key(EVP_PKEY_X25519, scalar));
}

std::optional<Secret> x25519(const Secret& scalar, std::string_view point) {
    const auto own = private_key(EVP_PKEY_X25519, scalar);
    const Key peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, bytes_of(point), point.size()));
    const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
    must(peer && context && EVP_PKEY_derive_init(context.get()) == 1, "X25519");
    std::string shared(32, '\0');
    std::size_t length = shared.size();
    // OpenSSL refuses the all-zero result itself; looking again costs nothing.
    const bool derived = EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                         EVP_PKEY_derive(context.get(), bytes_of(shared), &length) == 1;
    if (!derived || same_bytes(shared, std::string(32, '\0'))) return std::nullopt;
    return Secret::take(shared);
}

std::string seal_once(const Secret& key, const Secret& plain) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    std::string sealed(plain.size() + tag_size, '\0');
    int length = 0, rest = 0;
    must(context &&
             EVP_EncryptInit_ex(
                 context.get(), EVP_chacha20_poly1305(), nullptr, bytes_of(key.reveal()), zero_nonce) == 1 &&
             EVP_EncryptUpdate(context.get(),
                               bytes_of(sealed),
                               &length,
                               bytes_of(plain.reveal()),
                               static_cast<int>(plain.size())) == 1 &&
             EVP_EncryptFinal_ex(context.get(), bytes_of(sealed) + length, &rest) == 1 &&
             EVP_CIPHER_CTX_ctrl(
                 context.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, bytes_of(sealed) + plain.size()) == 1,
         "ChaCha20-Poly1305");
    return sealed;
}

std::optional<Secret> open_once(const Secret& key, std::string_view sealed) {
    if (sealed.size() < tag_size) return std::nullopt;
    std::string tag(sealed.substr(sealed.size() - tag_size));
    sealed.remove_suffix(tag_size);
    const CipherContext context(EVP_CIPHER_CTX_new());
    std::string plain(sealed.size(), '\0');
    int length = 0, rest = 0;
    must(context &&
             EVP_DecryptInit_ex(
                 context.get(), EVP_chacha20_poly1305(), nullptr, bytes_of(key.reveal()), zero_nonce) == 1,
         "ChaCha20-Poly1305");
    const bool opened =
        EVP_DecryptUpdate(
            context.get(), bytes_of(plain), &length, bytes_of(sealed), static_cast<int>(sealed.size())) ==
            1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, bytes_of(tag)) == 1 &&
        EVP_DecryptFinal_ex(context.get(), bytes_of(plain) + length, &rest) == 1;
    if (!opened) {
        wipe(plain);
        return std::nullopt;
    }
    return Secret::take(plain);
}

std::string ed25519_public(const Secret& seed) {
    return public_bytes(private_key(EVP_PKEY_ED25519, seed));
}

std::string ed25519_sign(const Secret& seed, std::string_view message) {
    const auto key = private_key(EVP_PKEY_ED25519, seed);
    const DigestContext context(EVP_MD_CTX_new());
    std::string signature(64, '\0');
    std::size_t length = signature.size();
    must(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
             EVP_DigestSign(context.get(), bytes_of(signature), &length, bytes_of(message), message.size()) ==
                 1,
         "Ed25519");
    return signature;
}

bool ed25519_verify(std::string_view public_key, std::string_view signature, std::string_view message) {
    const Key key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key), public_key.size()));
    const DigestContext context(EVP_MD_CTX_new());
    if (!key || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
        return false;
    return EVP_DigestVerify(
               context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

Secret ed25519_seed_to_x25519(const Secret& seed) {
    auto digest = sha512(seed.reveal());
    Secret scalar(std::string_view(digest).substr(0, 32));  // X25519 clamps it by itself
    wipe(digest);
    return scalar;
}

bool same_bytes(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

namespace {

/// Arithmetic modulo 2^255 - 19, on public values only.
class Field {
  public:
    Field()
        : context_(BN_CTX_new()),
          prime_(number("7fffffffffffffffffffffffffffffff"
                        "ffffffffffffffffffffffffffffffed")) {}

    Number number(const char* hexadecimal) const {
        BIGNUM* value = nullptr;
        must(BN_hex2bn(&value, hexadecimal) != 0, "BIGNUM");
        return Number(value);
    }

    Number add(const Number& a, const Number& b) const {
        auto sum = fresh();
        must(BN_mod_add(sum.get(), a.get(), b.get(), prime_.get(), context_.get()) == 1, "BIGNUM");
        return sum;
    }

    Number subtract(const Number& a, const Number& b) const {
        auto difference = fresh();
        must(BN_mod_sub(difference.get(), a.get(), b.get(), prime_.get(), context_.get()) == 1, "BIGNUM");
        return difference;
    }

    Number multiply(const Number& a, const Number& b) const {
        auto product = fresh();
        must(BN_mod_mul(product.get(), a.get(), b.get(), prime_.get(), context_.get()) == 1, "BIGNUM");
        return product;
    }

    /// nullptr for zero.
    Number invert(const Number& a) const {
        return Number(BN_is_zero(a.get()) ? nullptr
                                          : BN_mod_inverse(nullptr, a.get(), prime_.get(), context_.get()));
    }

    /// Zero counts as a square.
    bool is_square(const Number& a) const {
        if (BN_is_zero(a.get())) return true;
        const auto half = number("3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff6");
        auto power = fresh();
        must(BN_mod_exp(power.get(), a.get(), half.get(), prime_.get(), context_.get()) == 1, "BIGNUM");
        return BN_is_one(power.get());
    }

    bool holds(const Number& a) const { return BN_cmp(a.get(), prime_.get()) < 0; }

  private:
    Number fresh() const {
        Number value(BN_new());
        must(value != nullptr, "BIGNUM");
        return value;
    }

    NumberContext context_;
    Number prime_;
};

}  // namespace

std::optional<std::string> ed25519_to_x25519(std::string_view public_key) {
    if (public_key.size() != 32) return std::nullopt;
    std::string encoded(public_key);
    encoded[31] = static_cast<char>(encoded[31] & 0x7f);  // the top bit is the sign of x
    const Number y(BN_lebin2bn(bytes_of(encoded), 32, nullptr));
    const Field field;
    if (!field.holds(y)) return std::nullopt;

    // On the curve x² = (y² - 1) / (d y² + 1) must be a square.
    const auto one = field.number("1");
    const auto d = field.number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3");
    const auto square = field.multiply(y, y);
    const auto inverse = field.invert(field.add(field.multiply(d, square), one));
    if (!inverse || !field.is_square(field.multiply(field.subtract(square, one), inverse)))
        return std::nullopt;

    const auto divisor = field.invert(field.subtract(one, y));
    if (!divisor) return std::nullopt;  // the neutral element
    const auto u = field.multiply(field.add(one, y), divisor);
    std::string result(32, '\0');
    must(BN_bn2lebinpad(u.get(), bytes_of(result), 32) == 32, "BIGNUM");
    return result;
}

}  // namespace kavi::seal

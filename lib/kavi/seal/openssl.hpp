#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

/// What the files of this layer share about OpenSSL. Not for others.
namespace kavi::seal::openssl {

template <auto Free>
struct Release {
    template <typename T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};

using Key = std::unique_ptr<EVP_PKEY, Release<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<&EVP_PKEY_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Release<&EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Release<&EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Release<&BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Release<&BN_CTX_free>>;

inline const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

inline unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

/// For what can't fail but for lack of memory or a broken library.
inline void must(bool went_well, const char* what) {
    if (!went_well) throw std::runtime_error(std::string("OpenSSL failed: ") + what);
}

}  // namespace kavi::seal::openssl

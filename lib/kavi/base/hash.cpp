#include <kavi/base/error_codes.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/base/text.hpp>

#include <openssl/evp.h>

namespace kavi {

namespace {

struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

using Context = std::unique_ptr<EVP_MD_CTX, Free>;

void require(bool done) {
    if (!done) throw Error(errors::internal, "SHA-256 isn't available");
}

}  // namespace

struct Sha256::State {
    Context context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    require(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
    require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
    bytes_ += bytes.size();
}

std::string Sha256::hex() const {
    const Context copy(EVP_MD_CTX_new());
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    require(copy && EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()) == 1 &&
            EVP_DigestFinal_ex(copy.get(), digest, &size) == 1);
    return kavi::hex({reinterpret_cast<const char*>(digest), size});
}

}  // namespace kavi

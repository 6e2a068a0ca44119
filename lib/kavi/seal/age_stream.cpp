#include <kavi/base/text.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/age_stream.hpp>
#include <kavi/seal/crypto.hpp>
#include <kavi/seal/openssl.hpp>

#include <algorithm>
#include <array>

namespace kavi::seal {

using namespace openssl;

Secret payload_key(const Secret& file_key, std::string_view nonce) {
    return hkdf_sha256(file_key.reveal(), nonce, "payload");
}

std::uint64_t payload_size(std::uint64_t plain) {
    const auto chunks = std::max<std::uint64_t>(1, (plain + age_chunk - 1) / age_chunk);
    return age_nonce + plain + chunks * age_tag;
}

/// One key schedule for all chunks; the nonce is a counter and a flag for the last one.
class ChunkCipher {
  public:
    enum class Direction { seal, open };

    ChunkCipher(const Secret& key, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
        must(context_ && EVP_CipherInit_ex(context_.get(),
                                           EVP_chacha20_poly1305(),
                                           nullptr,
                                           bytes_of(key.reveal()),
                                           nullptr,
                                           direction == Direction::seal) == 1,
             "ChaCha20-Poly1305");
    }

    /// `into` takes 16 bytes more than the chunk has.
    void seal(std::string_view chunk, bool last, char* into) {
        auto* out = reinterpret_cast<unsigned char*>(into);
        int rest = 0;
        must(set_nonce(last) && update(chunk, out) && EVP_CipherFinal_ex(context_.get(), out, &rest) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, age_tag, out + chunk.size()) == 1,
             "ChaCha20-Poly1305");
        ++counter_;
    }

    /// False: the tag doesn't fit. The counter moves on only when it does.
    bool open(std::string_view sealed, bool last, char* into) {
        auto* out = reinterpret_cast<unsigned char*>(into);
        std::array<unsigned char, age_tag> tag;
        const auto body = sealed.substr(0, sealed.size() - age_tag);
        std::copy_n(sealed.end() - age_tag, age_tag, tag.begin());
        int rest = 0;
        must(set_nonce(last), "ChaCha20-Poly1305");
        const bool opened =
            update(body, out) &&
            EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, age_tag, tag.data()) == 1 &&
            EVP_CipherFinal_ex(context_.get(), out, &rest) == 1;
        counter_ += opened;
        return opened;
    }

  private:
    bool set_nonce(bool last) {
        std::array<unsigned char, 12> nonce{};
        for (unsigned i = 0; i < 8; ++i) nonce[10 - i] = static_cast<unsigned char>(counter_ >> (8 * i));
        nonce[11] = last;
        return EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), -1) == 1;
    }

    bool update(std::string_view from, unsigned char* into) {
        int length = 0;
        return EVP_CipherUpdate(
                   context_.get(), into, &length, bytes_of(from), static_cast<int>(from.size())) == 1;
    }

    CipherContext context_;
    std::uint64_t counter_ = 0;
};

PayloadWriter::PayloadWriter(const Secret& file_key, WriteBytes out)
    : out_(std::move(out)), sealed_(age_chunk + age_tag) {
    const auto nonce = random_bytes(age_nonce);
    cipher_ = std::make_unique<ChunkCipher>(payload_key(file_key, nonce), ChunkCipher::Direction::seal);
    held_.reserve(age_chunk);
    out_(nonce);
}

PayloadWriter::~PayloadWriter() {
    OPENSSL_cleanse(held_.data(), held_.size());
}

void PayloadWriter::seal(std::string_view chunk, bool last) {
    cipher_->seal(chunk, last, sealed_.data());
    out_({sealed_.data(), chunk.size() + age_tag});
}

void PayloadWriter::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (held_.size() == age_chunk) {
            seal({held_.data(), held_.size()}, false);
            held_.clear();
        }
        if (held_.empty() && bytes.size() > age_chunk) {  // straight from the caller's bytes
            seal(bytes.substr(0, age_chunk), false);
            bytes.remove_prefix(age_chunk);
            continue;
        }
        const auto count = std::min(bytes.size(), age_chunk - held_.size());
        held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
        bytes.remove_prefix(count);
    }
}

void PayloadWriter::finish() {
    seal({held_.data(), held_.size()}, true);
    OPENSSL_cleanse(held_.data(), held_.size());
    held_.clear();
}

PayloadReader::PayloadReader(const Secret& file_key, ByteReader& reader)
    : file_key_(file_key), reader_(reader), sealed_(age_chunk + age_tag), plain_(age_chunk) {}

PayloadReader::~PayloadReader() {
    OPENSSL_cleanse(plain_.data(), plain_.size());
}

void PayloadReader::begin() {
    std::string nonce(age_nonce, '\0');
    if (reader_.fill(nonce) != nonce.size())
        throw AgeError(AgeFault::header, "the age file ends before its payload");
    cipher_ = std::make_unique<ChunkCipher>(payload_key(file_key_, nonce), ChunkCipher::Direction::open);
}

std::optional<std::string_view> PayloadReader::next() {
    if (!cipher_) begin();
    if (last_) {
        if (!reader_.peek(1).empty())
            throw AgeError(AgeFault::payload, "something follows the end of the age file");
        return std::nullopt;
    }
    const auto count = reader_.fill(sealed_);
    const std::string_view sealed(sealed_.data(), count);
    if (count < age_tag) throw AgeError(AgeFault::payload, "the age file is truncated");
    last_ = count < sealed_.size();
    bool opened = cipher_->open(sealed, last_, plain_.data());
    if (!opened && !last_) opened = last_ = cipher_->open(sealed, true, plain_.data());
    if (!opened)
        throw AgeError(AgeFault::payload,
                       "the age file is damaged or truncated: a chunk can't be authenticated");
    if (count == age_tag && !first_) throw AgeError(AgeFault::payload, "the age file's last chunk is empty");
    first_ = false;
    return std::string_view(plain_.data(), count - age_tag);
}

}  // namespace kavi::seal

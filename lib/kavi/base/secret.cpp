#include <kavi/base/secret.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace kavi {

namespace {

/// Whole pages of its own, so that locking and the no-dump mark touch nothing else.
std::size_t pages_for(std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

char* allocate_hidden(std::size_t size) {
    const auto length = pages_for(size);
    void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    ::mlock(memory, length);  // best effort: RLIMIT_MEMLOCK may be small
    ::madvise(memory, length, MADV_DONTDUMP);
    return static_cast<char*>(memory);
}

}  // namespace

Secret::Secret(std::string_view bytes) {
    if (bytes.empty()) return;
    data_ = allocate_hidden(bytes.size());
    size_ = bytes.size();
    std::memcpy(data_, bytes.data(), bytes.size());
}

Secret Secret::take(std::string& bytes) {
    Secret secret{std::string_view(bytes)};
    wipe(bytes);
    return secret;
}

Secret::Secret(const Secret& other) : Secret(other.reveal()) {}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Secret::~Secret() {
    if (!data_) return;
    OPENSSL_cleanse(data_, size_);
    ::munmap(data_, pages_for(size_));
}

bool operator==(const Secret& a, const Secret& b) noexcept {
    return a.size_ == b.size_ && (a.size_ == 0 || CRYPTO_memcmp(a.data_, b.data_, a.size_) == 0);
}

void wipe(std::string& bytes) noexcept {
    OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.clear();
}

}  // namespace kavi

#include <kavi/base/secret.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

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

/// Small secrets share hidden pages, so that a thousand of them don't cost a thousand pages (of which few may be
/// locked) and several thousand system calls. Pieces are of 32, 64, … 2048 bytes; pages are kept for the next ones.
class HiddenPool {
  public:
    static constexpr std::size_t largest = 2048;

    char* take(std::size_t size) {
        const std::lock_guard lock(mutex_);
        auto& shelf = shelves_[shelf_of(size)];
        if (shelf.free.empty()) refill(shelf, smallest << shelf_of(size));
        auto* piece = shelf.free.back();
        shelf.free.pop_back();
        return piece;
    }

    void give_back(char* piece, std::size_t size) noexcept {
        const std::lock_guard lock(mutex_);
        shelves_[shelf_of(size)].free.push_back(piece);  // there is room: refill() made it
    }

  private:
    static constexpr std::size_t smallest = 32, slab = 16384;

    struct Shelf {
        std::vector<char*> free;
        std::size_t pieces = 0;
    };

    static std::size_t shelf_of(std::size_t size) {
        return static_cast<std::size_t>(std::bit_width((std::max(size, smallest) - 1) / smallest));
    }

    static void refill(Shelf& shelf, std::size_t size) {
        shelf.free.reserve(shelf.pieces + slab / size);
        auto* memory = allocate_hidden(slab);
        for (std::size_t at = 0; at < slab; at += size) shelf.free.push_back(memory + at);
        shelf.pieces += slab / size;
    }

    std::mutex mutex_;
    std::array<Shelf, 7> shelves_;
};

/// Never destroyed: secrets may outlive whatever is torn down at the end.
HiddenPool& pool() {
    static auto& the_pool = *new HiddenPool;
    return the_pool;
}

char* take_hidden(std::size_t size) {
    return size <= HiddenPool::largest ? pool().take(size) : allocate_hidden(size);
}

void give_back_hidden(char* memory, std::size_t size) noexcept {
    OPENSSL_cleanse(memory, size);
    if (size <= HiddenPool::largest)
        pool().give_back(memory, size);
    else
        ::munmap(memory, pages_for(size));
}

}  // namespace

Secret::Secret(std::string_view bytes) {
    if (bytes.empty()) return;
    data_ = take_hidden(bytes.size());
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
    if (data_) give_back_hidden(data_, size_);
}

bool operator==(const Secret& a, const Secret& b) noexcept {
    return a.size_ == b.size_ && (a.size_ == 0 || CRYPTO_memcmp(a.data_, b.data_, a.size_) == 0);
}

void wipe(std::string& bytes) noexcept {
    OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.clear();
}

}  // namespace kavi

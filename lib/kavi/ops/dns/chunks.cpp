#include "chunks.hpp"

#include <algorithm>
#include <numeric>

namespace kavi::ops {
namespace {

/// Chunks that were begun, and what is free in each.
class Chunks {
  public:
    explicit Chunks(std::size_t limit) : limit_(limit) {}

    Seat seat(std::size_t size) {
        if (size > limit_) return seat_large(size);
        while (first_open_ < free_.size() && free_[first_open_] == 0) ++first_open_;
        for (auto i = first_open_; i < free_.size(); ++i)
            if (free_[i] >= size) return take(i, size);
        free_.push_back(limit_);
        return take(free_.size() - 1, size);
    }

  private:
    Seat take(std::size_t chunk, std::size_t size) {
        free_[chunk] -= size;
        return {chunk + 1, size};
    }

    Seat seat_large(std::size_t size) {
        const Seat seat{free_.size() + 1, limit_};
        for (; size > 0; size -= std::min(size, limit_)) free_.push_back(limit_ - std::min(size, limit_));
        return seat;
    }

    std::size_t limit_;
    std::size_t first_open_ = 0;
    std::vector<std::size_t> free_;
};

}  // namespace

std::vector<Seat> pack(const std::vector<std::size_t>& sizes, std::size_t limit) {
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](auto a, auto b) { return sizes[a] > sizes[b]; });  // largest first
    Chunks chunks(limit);
    std::vector<Seat> seats(sizes.size());
    for (const auto i : order) seats[i] = chunks.seat(sizes[i]);
    return seats;
}

}  // namespace kavi::ops

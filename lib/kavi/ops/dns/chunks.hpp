#pragma once

#include <cstddef>
#include <vector>

namespace kavi::ops {

/// Packs groups into as few chunks as fit: group i has sizes[i] items. A group is never parted unless it
/// alone is larger than `limit`: then it fills chunks of its own, in order. Gives for each group the chunk
/// (from 1) of its first item and how many items go there before the next chunk begins. Used within ops/dns
/// only.
struct Seat {
    std::size_t chunk = 1;
    std::size_t first = 0;  ///< items in that chunk; the rest fills the following ones
};

std::vector<Seat> pack(const std::vector<std::size_t>& sizes, std::size_t limit);

}  // namespace kavi::ops

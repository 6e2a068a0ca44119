#pragma once

#include "../http/call.hpp"

#include <cstddef>
#include <utility>

namespace kavi::lab::cloudflare {

struct PageLimits {
    std::size_t least = 1, most = 5'000'000, otherwise = 100;
};

/// page= and per_page= of one list.
struct Page {
    std::size_t number = 1, size = 100;

    std::pair<std::size_t, std::size_t> range(std::size_t total) const;
    /// result_info.
    Json info(std::size_t total) const;
};

/// Throws Problem where they are out of range.
Page page_of(const Call& call, PageLimits limits);

}  // namespace kavi::lab::cloudflare

#include "paging.hpp"

#include "problem.hpp"

#include <algorithm>
#include <charconv>

namespace kavi::lab::cloudflare {
namespace {

std::size_t number_of(
    const Call& call, const char* name, std::size_t otherwise, std::size_t least, std::size_t most) {
    const auto text = call.parameter(name);
    if (!text) return otherwise;
    std::size_t value = 0;
    const auto end = text->data() + text->size();
    const auto [stopped, problem] = std::from_chars(text->data(), end, value);
    if (problem != std::errc{} || stopped != end || value < least || value > most)
        throw Problem{400, 1006, std::string("Invalid value for ") + name};
    return value;
}

}  // namespace

std::pair<std::size_t, std::size_t> Page::range(std::size_t total) const {
    const auto begin = std::min(total, (number - 1) * size);
    return {begin, std::min(total, begin + size)};
}

Json Page::info(std::size_t total) const {
    const auto [begin, end] = range(total);
    return {{"page", number},
            {"per_page", size},
            {"count", end - begin},
            {"total_count", total},
            {"total_pages", (total + size - 1) / size}};
}

Page page_of(const Call& call, PageLimits limits) {
    return {number_of(call, "page", 1, 1, 1'000'000'000),
            number_of(call, "per_page", limits.otherwise, limits.least, limits.most)};
}

}  // namespace kavi::lab::cloudflare

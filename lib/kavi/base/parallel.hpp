#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <span>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <variant>
#include <vector>

namespace kavi {

/// What came of one item: not reached (a stop came first), done, or failed.
template <typename T>
using Outcome = std::variant<std::monostate, T, std::exception_ptr>;

/// The value, or the item's own exception thrown again.
template <typename T>
T& value_of(Outcome<T>& outcome) {
    if (auto* failure = std::get_if<std::exception_ptr>(&outcome)) std::rethrow_exception(*failure);
    return std::get<T>(outcome);
}

/// Calls `work(item, stop)` for each item on at most `workers` threads (the caller's is one of them). Results are
/// in input order; one item's failure doesn't touch the others.
template <typename In, typename Work>
auto map_parallel(std::span<const In> items, std::size_t workers, std::stop_token stop, Work work) {
    using Out = std::invoke_result_t<Work&, const In&, std::stop_token>;
    std::vector<Outcome<Out>> results(items.size());
    std::atomic<std::size_t> next = 0;
    const auto drain = [&] {
        for (std::size_t i = 0; !stop.stop_requested() && (i = next++) < items.size();) {
            try {
                results[i] = work(items[i], stop);
            } catch (...) {
                results[i] = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t n = 1; n < std::min(workers, items.size()); ++n) threads.emplace_back(drain);
        drain();
    }
    return results;
}

}  // namespace kavi

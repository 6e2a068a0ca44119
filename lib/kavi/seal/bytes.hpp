#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

/// Streams of bytes: small functions, so that a file, a pipe, a channel and a string are all the same.
namespace kavi::seal {

/// Fills the front of the span and says how much; 0 only at the end.
using ReadBytes = std::function<std::size_t(std::span<char>)>;
using WriteBytes = std::function<void(std::string_view)>;

/// Reads a string that outlives the reader.
inline ReadBytes read_from(std::string_view text) {
    return [text](std::span<char> into) mutable {
        const auto count = std::min(into.size(), text.size());
        std::memcpy(into.data(), text.data(), count);
        text.remove_prefix(count);
        return count;
    };
}

inline WriteBytes append_to(std::string& text) {
    return [&text](std::string_view bytes) { text += bytes; };
}

}  // namespace kavi::seal

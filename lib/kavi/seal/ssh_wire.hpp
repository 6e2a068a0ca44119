#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// SSH's wire form: numbers of four bytes, strings behind their length (RFC 4251, 5).
namespace kavi::seal {

inline void put_number(std::string& into, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) into += static_cast<char>((number >> shift) & 0xff);
}

inline void put_string(std::string& into, std::string_view text) {
    put_number(into, static_cast<std::uint32_t>(text.size()));
    into += text;
}

/// Takes fields off the front; nullopt once one doesn't fit, and for all after it.
class WireReader {
  public:
    explicit WireReader(std::string_view bytes) : rest_(bytes) {}

    std::optional<std::string_view> bytes(std::size_t count) {
        if (rest_.size() < count) {
            rest_ = {};
            return std::nullopt;
        }
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    std::optional<std::uint32_t> number() {
        const auto four = bytes(4);
        if (!four) return std::nullopt;
        std::uint32_t value = 0;
        for (const unsigned char byte : *four) value = (value << 8) | byte;
        return value;
    }

    std::optional<std::string_view> string() {
        const auto size = number();
        return size ? bytes(*size) : std::nullopt;
    }

    bool at_end() const noexcept { return rest_.empty(); }

  private:
    std::string_view rest_;
};

}  // namespace kavi::seal

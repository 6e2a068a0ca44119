#pragma once

#include <string>
#include <string_view>

namespace kavi {

/// Bytes that must never be shown. They can't be printed, formatted or turned into JSON: there is no such
/// overload. Memory is locked where the system allows, left out of core dumps, and wiped on destruction.
class Secret {
  public:
    Secret() = default;
    /// Takes a copy of `bytes`; the caller's own copy is the caller's to wipe.
    explicit Secret(std::string_view bytes);
    /// Takes the bytes and wipes the string they came in.
    static Secret take(std::string& bytes);

    Secret(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret other) noexcept;
    ~Secret();

    /// The bytes, for the one place that has to hand them on.
    std::string_view reveal() const noexcept { return {data_, size_}; }

    std::size_t size() const noexcept { return size_; }

    bool empty() const noexcept { return size_ == 0; }

    /// Compares in time that depends on the sizes only.
    friend bool operator==(const Secret& a, const Secret& b) noexcept;

  private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Overwrites the string's bytes and empties it.
void wipe(std::string& bytes) noexcept;

}  // namespace kavi

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kavi {

/// SHA-256 of a stream.
class Sha256 {
  public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void add(std::string_view bytes);

    std::uint64_t bytes() const noexcept { return bytes_; }

    /// In hex, of all that was added; more may be added afterwards.
    std::string hex() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
    std::uint64_t bytes_ = 0;
};

}  // namespace kavi

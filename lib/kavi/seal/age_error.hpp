#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/error_codes.hpp>

#include <string>
#include <utility>

namespace kavi::seal {

/// What is wrong with an age file, by the names of the public test kit.
enum class AgeFault { header, armor, payload, no_match, mac };

/// errors::sealed_unreadable, with the kind of fault for those who decide by it.
class AgeError : public Error {
  public:
    AgeError(AgeFault fault, std::string message)
        : Error(errors::sealed_unreadable, std::move(message)), fault_(fault) {}

    AgeFault fault() const noexcept { return fault_; }

  private:
    AgeFault fault_;
};

}  // namespace kavi::seal

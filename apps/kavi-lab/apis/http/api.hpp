#pragma once

#include "call.hpp"

#include <string>

namespace kavi::lab {

/// One simulated API. answer() is called from many threads at once.
class Api {
  public:
    virtual ~Api() = default;
    /// "hetzner", "storage", …
    virtual std::string name() const = 0;
    /// What stands before the paths of the API's documents: "/v1".
    virtual std::string prefix() const = 0;
    virtual Answer answer(Call& call) = 0;
    /// The API's own error body for a fault of that status; `code` may be empty.
    virtual Answer error(int status, const std::string& code) = 0;

    /// False: the connection is dropped without an answer.
    virtual bool reachable() { return true; }
};

}  // namespace kavi::lab

#pragma once

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kavi {

/// Exit codes of the command line (a contract: docs/cli.md).
enum class Exit : int {
    ok = 0,
    failed = 1,
    usage = 2,
    config = 3,
    credentials = 4,
    partial = 5,
    changes = 6,
    refused = 7,
    unhealthy = 8,
    unreachable = 9,
    confirmation = 10,
    locked = 11,
    integrity = 12,
    interrupted = 130,
    terminated = 143,
};

/// A kind of error: its stable name ("KAVI-E0101"), the exit code it leads to, and a title of a few words.
/// The long text that `kavi explain` shows lies in docs/errors/<id>.md.
struct ErrorCode {
    std::string_view id;
    Exit exit;
    std::string_view title;

    friend bool operator==(const ErrorCode& a, const ErrorCode& b) { return a.id == b.id; }
};

/// All codes there are, in order of their ids.
std::span<const ErrorCode> all_error_codes();

/// A failure that ends what was being done. It says what failed (message), why (causes, outermost first) and
/// what to do (fix). No part may hold a secret value. Outcomes that the caller decides on are values, not Errors.
class Error : public std::exception {
  public:
    Error(ErrorCode code, std::string message);

    /// Adds one more "why", below those already there.
    Error& because(std::string cause);

    /// What the person should do next: a sentence or a command.
    Error& fix(std::string advice);

    /// Puts what was being done in front: the present message becomes the first cause.
    Error& while_doing(std::string doing);

    const ErrorCode& code() const noexcept { return code_; }

    const std::string& message() const noexcept { return message_; }

    const std::vector<std::string>& causes() const noexcept { return causes_; }

    const std::string& advice() const noexcept { return advice_; }

    const char* what() const noexcept override { return message_.c_str(); }

  private:
    ErrorCode code_;
    std::string message_;
    std::vector<std::string> causes_;
    std::string advice_;
};

/// Runs `work`; an Error that flies out of it learns what was being done.
template <typename Work>
decltype(auto) while_doing(std::string_view what, Work&& work) {
    try {
        return std::forward<Work>(work)();
    } catch (Error& error) {
        error.while_doing(std::string(what));
        throw;
    }
}

}  // namespace kavi

#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::app {

/// What a value is the name of, so that a shell can complete it (complete.hpp).
enum class Names {
    none,
    file,
    folder,
    server,
    stack,
    service,
    target,  ///< a server, stack or service
    domain,
    zone,
    item,
    storage,
    secret,
    run,
    command,
    error_code,
};

/// One option or positional argument, as data: the parser, help, completion, the manual and the reference
/// page all read the same.
struct Argument {
    std::vector<std::string> flags;  ///< {"-n", "--dry-run"}; empty for a positional argument
    std::string value;               ///< "FILE"; empty for an option that takes no value
    std::string help;
    bool many = false;      ///< may be given several times
    bool required = false;  ///< positional arguments only
    bool rest = false;      ///< this positional argument takes all that follows it, options too
    std::vector<std::string> choices;
    Names names = Names::none;
    std::string variable;  ///< the environment variable that stands in where the option isn't given
    std::string fallback;  ///< what holds without either, for help
    /// Called once with all values given (a flag's is "true"), before the command runs. Throws errors::usage.
    std::function<void(const std::vector<std::string>&)> store;

    bool positional() const noexcept { return flags.empty(); }

    bool takes_value() const noexcept { return !value.empty(); }

    /// The name to show: the long flag, or the positional argument's.
    const std::string& name() const noexcept { return flags.empty() ? value : flags.back(); }

    Argument& one_of(std::vector<std::string> allowed);
    Argument& completes(Names kind);
    Argument& from(std::string environment_variable);
    Argument& otherwise(std::string text);
};

/// What a command takes. A command's `define` binds each argument to a member of its options struct, which
/// must live as long as the command.
class Arguments {
  public:
    Argument& flag(std::string_view flags, bool& target, std::string help);
    /// A flag that counts how often it was given.
    Argument& count(std::string_view flags, int& target, std::string help);

    Argument& option(std::string_view flags, std::string value, std::string& target, std::string help);
    Argument& option(std::string_view flags,
                     std::string value,
                     std::optional<std::string>& target,
                     std::string help);
    Argument& option(std::string_view flags,
                     std::string value,
                     std::vector<std::string>& target,
                     std::string help);
    Argument& option(std::string_view flags, std::string value, std::optional<int>& target, std::string help);
    /// A duration: "90s", "5m", "1h30m", "2d".
    Argument& option(std::string_view flags,
                     std::string value,
                     std::optional<std::chrono::milliseconds>& target,
                     std::string help);

    Argument& positional(std::string name, std::string& target, std::string help);
    Argument& positional(std::string name, std::optional<std::string>& target, std::string help);
    Argument& positional(std::string name, std::vector<std::string>& target, std::string help);
    /// All words from here on, as they are: a command line of its own.
    Argument& rest(std::string name, std::vector<std::string>& target, std::string help);

    const std::deque<Argument>& all() const noexcept { return all_; }

    /// The option of that flag ("-n" or "--dry-run").
    const Argument* find(std::string_view flag) const;

  private:
    Argument& add(std::string_view flags, std::string value, std::string help);

    std::deque<Argument> all_;  // a deque, so that references stay good
};

/// Throws errors::usage: "--level: 'x' isn't a whole number".
[[noreturn]] void refuse_value(const Argument& argument, std::string_view value, std::string_view why);

}  // namespace kavi::app

#pragma once

#include <kavi/base/secret.hpp>

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi::app {

/// The environment variables, read once when kavi starts; everything else is handed values from here.
class Environment {
  public:
    explicit Environment(std::map<std::string, std::string, std::less<>> variables)
        : variables_(std::move(variables)) {}

    static Environment of_process();

    /// The variable's value; absent where it isn't set or empty.
    std::optional<std::string> find(std::string_view name) const;

    /// Everything, for a process that inherits it.
    const std::map<std::string, std::string, std::less<>>& all() const noexcept { return variables_; }

    /// True for 1, true, yes and on; false for 0, false, no, off, empty and unset. Throws errors::usage
    /// otherwise.
    bool is_on(std::string_view name) const;

    /// A credential by its official name: the variable itself, else the content of the file that NAME_FILE
    /// names, else what the command in NAME_COMMAND prints (run by sh; 30 s); one newline at the end is taken
    /// off. Absent where none is set. Throws errors::credentials_missing where the file or the command fails.
    std::optional<Secret> credential(std::string_view name, std::stop_token stop) const;

    /// $XDG_STATE_HOME/kavi, $XDG_CONFIG_HOME/kavi, $XDG_CACHE_HOME/kavi, with the usual folders below $HOME
    /// where those aren't set. Throws errors::config_missing without HOME.
    std::string state_folder() const;
    std::string config_folder() const;
    std::string cache_folder() const;

  private:
    std::string folder(std::string_view variable, std::string_view below_home) const;

    std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace kavi::app

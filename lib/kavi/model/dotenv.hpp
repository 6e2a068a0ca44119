#pragma once

#include <kavi/base/secret.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Secrets as text that other programs read.
namespace kavi::model {

using NamedSecrets = std::map<std::string, Secret>;

enum class SecretsForm {
    dotenv,        ///< read alike by Docker Compose's env files and by `sh -c '. ./file'`
    json,          ///< one object
    yaml,          ///< one mapping of double-quoted strings
    export_lines,  ///< `export NAME='…'` lines for a POSIX shell
};

/// "dotenv", "json", "yaml", "export"; anything else is nullopt.
std::optional<SecretsForm> secrets_form(std::string_view name);

/// Writes them in order of their names, each line ended. What the form can't carry throws
/// errors::secret_unfit and names the key, never the value: a name that is no shell variable (dotenv,
/// export), a NUL, a text that isn't UTF-8 (json, yaml), and for dotenv the few values on which Docker
/// Compose and sh disagree whatever the quotes.
Secret write_secrets(SecretsForm form, const NamedSecrets& secrets);

/// Reads a dotenv file as Docker Compose does, but for references to other variables and names without a value,
/// which Compose takes from its environment: they are refused.
/// Throws errors::secret_unfit with `source` and the line; later lines win over earlier ones.
NamedSecrets read_dotenv(std::string_view text, std::string_view source);

}  // namespace kavi::model

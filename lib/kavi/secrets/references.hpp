#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// References between Infisical's secrets: "${KEY}", "${env.folder.KEY}", "${@project.env.folder.KEY}".
namespace kavi::secrets {

struct Reference {
    std::string text;            ///< "${prod.infra.KEY}"
    bool other_project = false;  ///< "@project": whether it leads anywhere can't be seen from here
    std::optional<std::string> environment;  ///< absent: the same folder
    std::string folder;                      ///< "/infra"; "/" for the root
    std::string key;

    friend bool operator==(const Reference&, const Reference&) = default;
};

/// What the server takes for references in a value, in order. "${X:-y}", "$X" and the like aren't any.
std::vector<Reference> references_in(std::string_view value);

/// The value that was stored, where the flag skipMultilineEncoding made the server write an expanded text in
/// double quotes with its newlines as "\n". Any other text stays as it is.
std::string without_quoted_newlines(std::string_view value);

}  // namespace kavi::secrets

#pragma once

#include "estate/estate_names.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace kavi::lab {

/// Keys that the lab made for people and machines, as files below its folder.
struct LabKeys {
    std::filesystem::path folder;                     ///< D/operator
    std::map<std::string, std::string> operator_ssh;  ///< public lines, by operator
    std::map<std::string, std::string> operator_age;  ///< recipients, by operator
    std::filesystem::path ssh_key, age_identity;      ///< the first operator's

    /// Makes keys for every operator that the estate gives such a key to.
    static LabKeys make(const std::filesystem::path& folder, const EstateNames& names);
};

/// Copies the estate file's folder to `target` as a git repository of one commit. In the file itself the
/// texts in `replacements` (old → new) are replaced: host keys and operators' keys, nothing else.
void copy_estate(const std::filesystem::path& file,
                 const std::filesystem::path& target,
                 const std::map<std::string, std::string>& replacements);

}  // namespace kavi::lab

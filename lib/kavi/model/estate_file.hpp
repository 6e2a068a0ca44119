#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/compose.hpp>
#include <kavi/model/estate.hpp>
#include <kavi/model/problem.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::model {

/// Where the file says something: by path, 'domains."git.kua.cl".service'. What it doesn't say isn't in here.
struct Origin {
    Position key;
    Position value;
    std::string source = {};  ///< where it comes from instead: "environment INFISICAL_API_URL"
};

using Origins = std::map<std::string, Origin>;

/// A place of the file that names something else of the estate.
struct NameUse {
    enum class Kind { nothing, server, storage, service, zone, item, owner, secret } kind = Kind::nothing;
    std::string name;  ///< of an owner (of a place): a server's or a storage's; of a secret: the whole reference
    std::string path;
    Position at;
};

/// An estate file, read: its value with the defaults filled in, and where each value stands.
struct EstateFile {
    Estate estate;
    Origins origins;
    std::vector<NameUse> services;  ///< names of services: which there are, the compose files say too
};

/// Reads kavi.toml's text (source `file` of `problems`). All that can be said from this file alone is
/// checked: types, formats, unknown keys, references, literal tokens. The value is as good as the file
/// allows.
EstateFile read_estate(int file, Problems& problems);

/// A file's bytes by its absolute path; absent: there is none.
using FileReader = std::function<std::optional<std::string>(const std::filesystem::path&)>;

/// The estate file and everything it points at, read and checked together.
struct LoadedEstate {
    std::filesystem::path file;
    Estate estate;
    std::map<std::string, ComposeProject> stacks;  ///< by the stack's name
    std::vector<Problem> problems;
    Origins origins;

    /// No problem is an error; warnings may be there.
    bool valid() const;
};

/// Reads the estate file and the compose files of its stacks. A missing estate file throws
/// errors::config_missing; everything else is in `problems`, which name files as seen from the folder `seen_from`
/// (empty: the estate file's own). Without a reader files come from the disk.
LoadedEstate load_estate(const std::filesystem::path& file, const std::filesystem::path& seen_from = {});
LoadedEstate load_estate(const std::filesystem::path& file,
                         const FileReader& read,
                         const std::filesystem::path& seen_from = {});

/// Throws errors::config_invalid with the problems as causes, unless it is valid.
void require_valid(const LoadedEstate& loaded);

/// The JSON schema (draft 4) of kavi.toml, from the same table that reads it.
OrderedJson estate_schema();

/// The estate as one JSON document of the file's own shape, defaults included.
OrderedJson show_json(const Estate& estate);

/// The same as TOML; with origins, each line says where its value comes from ("kavi.toml:12", "default", or
/// the origin's source).
std::string show_toml(const Estate& estate);
std::string show_toml(const Estate& estate, const Origins& origins, std::string_view file_name);

}  // namespace kavi::model

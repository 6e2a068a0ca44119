#pragma once

#include <string>
#include <string_view>

/// Paths within a store, and the names of files being written.
namespace kavi::store {

/// Throws errors::internal unless it is made of names of letters, digits and "._-", none "." or "..", with
/// single slashes between. A folder may be "": the store's own.
void check_path(std::string_view path);
void check_folder(std::string_view folder);

/// "a/b" and "c" are "a/b/c"; an empty one adds nothing.
std::string below(std::string_view folder, std::string_view name);

/// "" where the path has no slash.
std::string parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

/// A name in the target's folder that no reader takes for a backup: ".part-<random>".
std::string part_path(std::string_view path);
bool is_part(std::string_view path);

}  // namespace kavi::store

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/store/paths.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::store {

namespace {

constexpr std::string_view part_begin = ".part-";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool is_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && std::ranges::all_of(name, is_plain);
}

}  // namespace

void check_path(std::string_view path) {
    const auto names = split(path, '/');
    if (!std::ranges::all_of(names, is_name))
        throw Error(errors::internal, fmt::format("\"{}\" is no path in a store", printable(path)));
}

void check_folder(std::string_view folder) {
    if (!folder.empty()) check_path(folder);
}

std::string below(std::string_view folder, std::string_view name) {
    if (folder.empty() || name.empty()) return std::string(folder.empty() ? name : folder);
    return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", name);
}

std::string parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return std::string(path.substr(0, slash == path.npos ? 0 : slash));
}

std::string_view name_of(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string part_path(std::string_view path) {
    return below(parent_of(path), std::string(part_begin) + hex(random_bytes(8)));
}

bool is_part(std::string_view path) {
    return name_of(path).starts_with(part_begin);
}

}  // namespace kavi::store

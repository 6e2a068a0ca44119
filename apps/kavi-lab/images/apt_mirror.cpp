#include "apt_mirror.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;

/// "http://HOST/…/debian" in a line of either form of apt sources; not the security archive.
std::optional<std::string> archive_in(const std::string& line) {
    const auto text = trim(line);
    if (!text.starts_with("deb ") && !text.starts_with("URIs:")) return std::nullopt;
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word;) {
        while (word.ends_with('/')) word.pop_back();
        if (word.starts_with("http") && word.ends_with("/debian")) return word;
    }
    return std::nullopt;
}

std::vector<fs::path> source_files(const fs::path& apt_folder) {
    std::vector<fs::path> files{apt_folder / "sources.list"};
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(apt_folder / "sources.list.d", problem))
        if (entry.path().extension() == ".list" || entry.path().extension() == ".sources")
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

std::string apt_mirror(const fs::path& apt_folder) {
    if (const char* given = std::getenv("KAVI_LAB_MIRROR"); given && *given) return given;
    for (const auto& file : source_files(apt_folder))
        for (const auto& line : split(read_file_if_there(file).value_or(""), '\n'))
            if (const auto archive = archive_in(line)) return *archive;
    return "http://deb.debian.org/debian";
}

}  // namespace kavi::lab

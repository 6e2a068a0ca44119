#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace kavi::lab {

/// One layer of an image as a registry hands it out: a tar, compressed by gzip.
struct Layer {
    std::filesystem::path file;
    std::string digest;   ///< "sha256:…" of the compressed file
    std::string diff_id;  ///< "sha256:…" of the tar
    std::uintmax_t size = 0;
};

/// Compresses `tar` beside itself (NAME.tar → NAME.tar.gz, the tar is removed) and notes the digests there.
void make_layer(const std::filesystem::path& tar);
/// What make_layer made of FOLDER/NAME.tar.
Layer load_layer(const std::filesystem::path& folder, const std::string& name);

}  // namespace kavi::lab

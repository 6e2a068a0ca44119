#pragma once

#include <cstdint>
#include <filesystem>

namespace kavi::lab {

/// A file system of its own in a sparse file: FOLDER/disk.ext4, mounted at FOLDER/disk. It really fills.
std::filesystem::path make_disk(const std::filesystem::path& folder, std::uint64_t size);
/// Unmounts and deletes it; nothing happens where there is none.
void drop_disk(const std::filesystem::path& folder);
/// Fills the mounted file system to the last block, or gives that back.
void fill_disk(const std::filesystem::path& mount_point, bool full);

}  // namespace kavi::lab

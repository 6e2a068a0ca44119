#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace kavi {

/// The file's bytes. Throws errors::file_unreadable, saying why.
std::string read_file(const std::filesystem::path& path);

/// The same, but a missing file is nullopt.
std::optional<std::string> read_file_if_there(const std::filesystem::path& path);

/// Writes beside the target, syncs, renames: a reader sees the old file or the new one, whole. `mode` is exact
/// whatever the umask. Missing parent folders are made with 0700. Throws errors::file_unwritable.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode);

/// A fresh folder (0700) that goes with its content when this goes.
class TemporaryFolder {
  public:
    TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();

    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

/// An open file descriptor that is closed when this goes.
class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    ~FileDescriptor() { close(); }

    int get() const noexcept { return fd_; }

    explicit operator bool() const noexcept { return fd_ >= 0; }

    int release() noexcept;
    void close() noexcept;

  private:
    int fd_ = -1;
};

}  // namespace kavi

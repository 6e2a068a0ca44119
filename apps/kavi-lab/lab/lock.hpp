#pragma once

#include <kavi/base/files.hpp>

#include <filesystem>

namespace kavi::lab {

/// Holds a file's lock while it lives; waits for it.
class FileLock {
  public:
    explicit FileLock(const std::filesystem::path& file);

  private:
    FileDescriptor file_;
};

}  // namespace kavi::lab

#include "lock.hpp"

#include "tools.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>

namespace kavi::lab {

FileLock::FileLock(const std::filesystem::path& file)
    : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (!file_ || ::flock(file_.get(), LOCK_EX) != 0)
        throw lab_error(fmt::format("{} can't be locked", file.string()));
}

}  // namespace kavi::lab

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kavi {

namespace {

Error file_error(ErrorCode code, std::string_view doing, const std::filesystem::path& path, int number) {
    Error error(code, fmt::format("can't {} {}", doing, path.string()));
    error.because(std::strerror(number));
    return error;
}

std::string read_all(int fd, const std::filesystem::path& path) {
    std::string bytes;
    char buffer[65536];
    while (true) {
        const auto count = ::read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw file_error(errors::file_unreadable, "read", path, errno);
        if (count == 0) return bytes;
        bytes.append(buffer, static_cast<std::size_t>(count));
    }
}

void write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const auto count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw file_error(errors::file_unwritable, "write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void make_private_folders(const std::filesystem::path& folder) {
    if (folder.empty() || std::filesystem::exists(folder)) return;
    make_private_folders(folder.parent_path());
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw file_error(errors::file_unwritable, "make the folder", folder, errno);
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw file_error(errors::file_unreadable, "read", path, errno);
    return read_all(file.get(), path);
}

std::optional<std::string> read_file_if_there(const std::filesystem::path& path) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    if (!file) throw file_error(errors::file_unreadable, "read", path, errno);
    return read_all(file.get(), path);
}

void write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    make_private_folders(path.parent_path());
    auto temporary = path;
    temporary += fmt::format(".{}.tmp", hex(random_bytes(6)));
    FileDescriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) throw file_error(errors::file_unwritable, "write", path, errno);
    try {
        write_all(file.get(), bytes, path);
        if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0)
            throw file_error(errors::file_unwritable, "write", path, errno);
        if (::rename(temporary.c_str(), path.c_str()) != 0)
            throw file_error(errors::file_unwritable, "write", path, errno);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
}

TemporaryFolder::TemporaryFolder() {
    auto pattern = (std::filesystem::temp_directory_path() / "kavi-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
        throw file_error(errors::file_unwritable, "make a folder like", pattern, errno);
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.release();
    }
    return *this;
}

int FileDescriptor::release() noexcept { return std::exchange(fd_, -1); }

void FileDescriptor::close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace kavi

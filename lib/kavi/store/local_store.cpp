#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/local_store.hpp>
#include <kavi/store/paths.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace kavi::store {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t read_size = std::size_t{256} << 10;

std::optional<Space> space_of(const fs::path& folder) {
    struct statvfs facts {};

    for (auto place = folder;; place = place.parent_path()) {
        if (::statvfs(place.c_str(), &facts) == 0) break;
        if (errno != ENOENT || !place.has_relative_path()) return {};
    }
    return Space{.total = facts.f_frsize * facts.f_blocks, .free = facts.f_frsize * facts.f_bavail};
}

/// What errno says, as an error of the store.
Error failed(const std::string& store, const fs::path& folder, const std::string& doing) {
    const int reason = errno;
    if (reason == ENOSPC || reason == EDQUOT) return no_space(store, space_of(folder));
    return Error(errors::store_failed, fmt::format("{} in store {} failed", doing, store))
        .because(std::strerror(reason));
}

void sync_folder(const fs::path& folder) {
    const FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened) ::fsync(opened.get());
}

/// Makes what is missing of it, 0700; each new folder's entry is on disk.
bool make_folders(const fs::path& folder) {
    if (folder.empty() || fs::is_directory(folder)) return true;
    const auto parent = folder.parent_path();
    if (parent != folder && !make_folders(parent)) return false;
    if (::mkdir(folder.c_str(), 0700) != 0) return errno == EEXIST && fs::is_directory(folder);
    sync_folder(parent.empty() ? "." : parent);
    return true;
}

/// False with errno EEXIST where there is such a file. Network file systems don't know the flag.
bool rename_new(const fs::path& from, const fs::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno != EINVAL && errno != ENOSYS) return false;
    if (fs::exists(to)) {
        errno = EEXIST;
        return false;
    }
    return ::rename(from.c_str(), to.c_str()) == 0;
}

class LocalUpload final : public Upload {
  public:
    LocalUpload(const std::string& store, fs::path root, const std::string& path, std::stop_token stop)
        : store_(store),
          root_(std::move(root)),
          path_(path),
          part_(root_ / part_path(path)),
          stop_(std::move(stop)) {
        if (!make_folders(part_.parent_path())) throw failed(store_, root_, "making a folder for " + path_);
        file_ = FileDescriptor(::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!file_) throw failed(store_, root_, "creating " + path_);
    }

    ~LocalUpload() override {
        if (!finished_) ::unlink(part_.c_str());
    }

    void write(std::string_view bytes) override {
        while (!bytes.empty()) {
            if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
            const auto count =
                ::write(file_.get(), bytes.data(), std::min(bytes.size(), std::size_t{8} << 20));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) throw failed(store_, root_, "writing " + path_);
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    bool finish() override {
        if (::fsync(file_.get()) != 0) throw failed(store_, root_, "putting " + path_ + " on disk");
        const auto target = root_ / path_;
        if (!rename_new(part_, target)) {
            if (errno == EEXIST) throw file_exists(store_, path_);
            throw failed(store_, root_, "naming " + path_);
        }
        finished_ = true;
        sync_folder(target.parent_path());
        return true;
    }

  private:
    const std::string& store_;
    fs::path root_;
    std::string path_;
    fs::path part_;
    std::stop_token stop_;
    FileDescriptor file_;
    bool finished_ = false;
};

}  // namespace

LocalStore::LocalStore(std::string name, fs::path folder, std::stop_token stop)
    : name_(std::move(name)), folder_(std::move(folder)), stop_(std::move(stop)) {}

void LocalStore::check_stop() const {
    if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
}

std::vector<StoredFile> LocalStore::walk(const std::string& folder, bool parts) const {
    check_folder(folder);
    std::vector<StoredFile> found;
    const auto top = folder_ / folder;
    if (!fs::exists(top)) return found;
    try {
        for (const auto& entry : fs::recursive_directory_iterator(top)) {
            check_stop();
            if (!entry.is_regular_file()) continue;
            const auto path = below(folder, entry.path().lexically_relative(top).generic_string());
            if (is_part(path) == parts) found.push_back({path, entry.file_size()});
        }
    } catch (const fs::filesystem_error& error) {
        throw Error(errors::store_failed, fmt::format("listing {} in store {} failed", top.string(), name_))
            .because(error.code().message());
    }
    std::ranges::sort(found, {}, &StoredFile::path);
    return found;
}

std::vector<StoredFile> LocalStore::list(const std::string& folder) {
    return walk(folder, false);
}

std::vector<StoredFile> LocalStore::unfinished(const std::string& folder) {
    return walk(folder, true);
}

std::unique_ptr<Upload> LocalStore::create(const std::string& path) {
    check_path(path);
    check_stop();
    if (fs::exists(folder_ / path)) throw file_exists(name_, path);
    return std::make_unique<LocalUpload>(name_, folder_, path, stop_);
}

void LocalStore::read(const std::string& path,
                      const std::function<void(std::string_view)>& on_bytes,
                      std::uint64_t offset,
                      std::optional<std::uint64_t> limit) {
    check_path(path);
    const FileDescriptor file(::open((folder_ / path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) throw missing_file(name_, path);
    if (!file) throw failed(name_, folder_, "reading " + path);
    std::string buffer(read_size, '\0');
    auto left = limit.value_or(~std::uint64_t{0});
    while (left > 0) {
        check_stop();
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
        const auto count = ::pread(file.get(), buffer.data(), want, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw failed(name_, folder_, "reading " + path);
        if (count == 0) return;
        on_bytes(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
        offset += static_cast<std::uint64_t>(count);
        left -= static_cast<std::uint64_t>(count);
    }
}

std::optional<std::string> LocalStore::sha256(const std::string& path) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return {};
    read(path, [&](std::string_view bytes) { EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()); });
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context.get(), digest, &size);
    return hex(std::string_view(reinterpret_cast<const char*>(digest), size));
}

void LocalStore::remove(const std::string& path) {
    check_path(path);
    check_stop();
    if (::unlink((folder_ / path).c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
        throw failed(name_, folder_, "removing " + path);
    for (auto folder = parent_of(path); !folder.empty(); folder = parent_of(folder))
        if (::rmdir((folder_ / folder).c_str()) != 0) break;  // it isn't empty
}

std::optional<Space> LocalStore::space() {
    return space_of(folder_);
}

}  // namespace kavi::store

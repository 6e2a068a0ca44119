#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/files_restore_folder.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

/// "a/b" for "/a//b/"; throws for what leaves the folder.
std::string inner_path(std::string_view text) {
    std::string path;
    for (const auto& part : split(text, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..")
            throw Error(errors::restore_failed, fmt::format("the path {} leaves its folder", text));
        path += (path.empty() ? "" : "/") + part;
    }
    if (path.empty())
        throw Error(errors::restore_failed, "a path is empty: leave it out to restore everything");
    return path;
}

void make_folder(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0)
        throw Error(errors::restore_failed, path.string() + " can't be made").because(std::strerror(errno));
}

class FilesRestore {
  public:
    explicit FilesRestore(const RestoreJob& job) : job_(job) {
        for (const auto& path : member_or_null(job.target, "paths"))
            if (path.is_string()) paths_.push_back(inner_path(path.get<std::string>()));
    }

    Restored run() {
        if (!job_.wanted("into").empty()) return into(job_.wanted("into"));
        const bool volume = !job_.wanted("volume").empty();
        folder_ = volume ? ensure_volume(job_) : fs::path(job_.wanted("folder"));
        require_mount();
        if (folder_.empty() || !folder_.is_absolute())
            throw Error(errors::restore_failed, "the target has no folder");
        require_renamable(folder_);
        remove_begun(folder_);
        const auto built = building_folder(folder_, job_.run);
        unpack_into(built);
        job_.reached("unpacked");
        auto users = volume ? users_of_volume(job_.docker, job_.wanted("volume"))
                            : users_of_folder(job_.docker, folder_);
        StoppedServices stopped(job_, std::move(users));
        try {
            restored_.kept = paths_.empty() ? swap_folders(folder_, built, job_.run) : swap_paths(built);
            job_.reached("swapped");
        } catch (...) {
            stopped.start(restored_);
            throw;
        }
        stopped.start(restored_);
        return std::move(restored_);
    }

  private:
    /// A folder on a storage that isn't mounted would be filled on the disk below it.
    void require_mount() const {
        const auto mount = job_.wanted("mount");
        if (mount.empty()) return;

        struct stat own {
        }, above{};

        if (::stat(mount.c_str(), &own) != 0 || ::stat(fs::path(mount).parent_path().c_str(), &above) != 0 ||
            own.st_dev == above.st_dev)
            throw Error(errors::restore_failed, mount + " isn't mounted").fix("kavi deploy");
        std::error_code problem;
        fs::create_directories(folder_.parent_path(), problem);
    }

    void unpack_into(const fs::path& built) {
        make_folder(built);
        job_.say("fetching");
        Untar tar(built, paths_, job_.stop);
        job_.fetch([&](std::string_view bytes) { tar.write(bytes); });
        const auto entries = tar.finish();
        const auto& wanted = member_or_null(job_.sealed.artefact.details, "entries");
        if (paths_.empty() && wanted.is_number_integer() && wanted != entries)
            throw Error(errors::restore_failed,
                        fmt::format("{} entries were unpacked, not {}", entries, wanted.dump()));
    }

    Restored into(const fs::path& folder) {
        std::error_code problem;
        if (!folder.is_absolute())
            throw Error(errors::restore_failed, folder.string() + " isn't an absolute path");
        if (fs::exists(folder) && !fs::is_empty(folder, problem))
            throw Error(errors::restore_failed, folder.string() + " isn't empty").fix("take another folder");
        folder_ = folder;
        remove_begun(folder_);
        fs::create_directories(folder.parent_path(), problem);
        const auto built = building_folder(folder_, job_.run);
        unpack_into(built);
        swap_folders(folder_, built, job_.run);
        return std::move(restored_);
    }

    /// The chosen paths alone change places; what they were lies in the same order in the kept folder.
    std::string swap_paths(const fs::path& built) {
        const auto kept = replaced_folder(folder_, job_.run);
        make_folder(kept);
        for (const auto& path : paths_) {
            make_parents(kept, built, path);
            make_parents(folder_, built, path);
            move(folder_ / path, kept / path);
            move(built / path, folder_ / path);
        }
        std::error_code problem;
        fs::remove_all(built, problem);
        return ::rmdir(kept.c_str()) == 0 ? "" : kept.string();
    }

    static void make_parents(const fs::path& root, const fs::path& like, const fs::path& path) {
        fs::path so_far;
        for (const auto& part : path.parent_path()) {
            so_far /= part;
            if (fs::exists(fs::symlink_status(root / so_far))) continue;
            make_folder(root / so_far);
            own_like(root / so_far, like / so_far, true);
        }
    }

    static void move(const fs::path& from, const fs::path& to) {
        if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
            throw Error(errors::restore_failed, from.string() + " can't be moved")
                .because(std::strerror(errno));
    }

    const RestoreJob& job_;
    std::vector<std::string> paths_;
    fs::path folder_;
    Restored restored_;
};

}  // namespace

Restored restore_files(const RestoreJob& job) {
    return FilesRestore(job).run();
}

Restored restore_images(const RestoreJob& job) {
    // Loaded from a file, not from the stream: an image counts as soon as the engine has it.
    const fs::path folder = fs::path(job.note).parent_path();
    std::error_code problem;
    fs::create_directories(folder, problem);
    const auto archive = folder / "images.tar";
    fs::remove(archive, problem);
    FileDescriptor file(::open(archive.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    try {
        job.say("fetching");
        job.fetch([&](std::string_view bytes) { write_all(file.get(), bytes, archive); });
        job.say("docker load");
        job.docker.must("the images can't be loaded", {"load", "--quiet", "--input", archive.string()});
    } catch (...) {
        fs::remove(archive, problem);
        throw;
    }
    fs::remove(archive, problem);
    return {};
}

}  // namespace kavi::ops

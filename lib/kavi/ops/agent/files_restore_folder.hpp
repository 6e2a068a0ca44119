#pragma once

#include <kavi/base/child.hpp>
#include <kavi/ops/agent/restore_job.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// A folder's new content is made beside it, and the two change names while nobody uses it.
namespace kavi::ops {

/// "/var/lib/docker/volumes/x/_data.kavi-RUN".
std::filesystem::path building_folder(const std::filesystem::path& folder, std::string_view run);
/// "/var/lib/docker/volumes/x/_data.before-RUN".
std::filesystem::path replaced_folder(const std::filesystem::path& folder, std::string_view run);

/// Takes away what killed restores began beside it. Throws errors::file_unwritable.
void remove_begun(const std::filesystem::path& folder);

/// Gives `folder` the new content: in one step where the file system can, else in two. The old one is kept as
/// replaced_folder(), whose path is the answer, unless there was none or it was empty. Throws
/// errors::restore_failed.
std::string swap_folders(const std::filesystem::path& folder,
                         const std::filesystem::path& built,
                         std::string_view run);

/// Throws errors::restore_failed for a folder that is a mount of its own: it can't change its name.
void require_renamable(const std::filesystem::path& folder);

/// Owner and permissions of `like`.
void own_like(const std::filesystem::path& path, const std::filesystem::path& like, bool with_mode);

/// The services that use a folder or volume, stopped while this lives; those that an earlier, killed restore
/// stopped count too.
class StoppedServices {
  public:
    /// `note` is a file that outlives a kill.
    StoppedServices(const RestoreJob& job, std::vector<RestoreContainer> containers);
    /// Starts them and waits until they are healthy. Throws errors::service_unhealthy.
    void start(Restored& restored);

  private:
    void write_note() const;

    const RestoreJob& job_;
    std::vector<RestoreContainer> containers_;
};

/// Running containers that have the volume, or a mount of the folder, of something in it or above it.
std::vector<RestoreContainer> users_of_volume(RestoreDocker& docker, const std::string& volume);
std::vector<RestoreContainer> users_of_folder(RestoreDocker& docker, const std::filesystem::path& folder);

/// The volume's folder; a volume that isn't there is made as Compose would (labels of the target), and gets
/// what the target's image has at the target's mount point, so that its owner is right. Throws
/// errors::restore_failed.
std::filesystem::path ensure_volume(const RestoreJob& job);

/// Writes all of it. Throws errors::restore_failed, naming the file.
void write_all(int file, std::string_view bytes, const std::filesystem::path& path);

/// GNU tar, unpacking what it is given: owners by number, xattrs and ACLs, but on a FUSE mount, which has
/// none.
class Untar {
  public:
    Untar(const std::filesystem::path& into, const std::vector<std::string>& paths, std::stop_token stop);
    ~Untar();

    void write(std::string_view bytes);
    /// How many entries it unpacked. Throws errors::restore_failed with what tar said.
    std::uint64_t finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kavi::ops

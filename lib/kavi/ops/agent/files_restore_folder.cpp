#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/files_restore_folder.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view building = ".kavi-";
constexpr std::string_view replaced = ".before-";

Error failed(std::string message, int error) {
    return Error(errors::restore_failed, std::move(message)).because(std::strerror(error));
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0)
        throw failed(fmt::format("{} can't be renamed to {}", from.string(), to.string()), errno);
}

bool is_fuse(const fs::path& folder) {
    struct statfs found {};

    return ::statfs(folder.c_str(), &found) == 0 && found.f_type == FUSE_SUPER_MAGIC;
}

bool is_within(const fs::path& inner, const fs::path& outer) {
    const auto text = inner.string(), above = outer.string();
    return text == above || (text.starts_with(above) && (above.ends_with('/') || text[above.size()] == '/'));
}

std::vector<RestoreContainer> without_idle(std::vector<RestoreContainer> containers) {
    std::erase_if(containers, [](const RestoreContainer& one) { return !one.running; });
    return containers;
}

}  // namespace

fs::path building_folder(const fs::path& folder, std::string_view run) {
    return folder.string() + std::string(building) + std::string(run);
}

fs::path replaced_folder(const fs::path& folder, std::string_view run) {
    return folder.string() + std::string(replaced) + std::string(run);
}

void remove_begun(const fs::path& folder) {
    std::error_code problem;
    const auto start = folder.filename().string() + std::string(building);
    std::vector<fs::path> begun;
    for (const auto& entry : fs::directory_iterator(folder.parent_path(), problem)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(start) && run_time(std::string_view(name).substr(start.size())))
            begun.push_back(entry.path());
    }
    for (const auto& path : begun) {
        fs::remove_all(path, problem);
        if (problem)
            throw Error(errors::file_unwritable, path.string() + " can't be removed")
                .because(problem.message());
    }
}

void require_renamable(const fs::path& folder) {
    struct stat own {
    }, above{};

    if (::lstat(folder.c_str(), &own) != 0) {
        if (errno == ENOENT) return;
        throw failed(folder.string() + " can't be looked at", errno);
    }
    if (!S_ISDIR(own.st_mode)) throw Error(errors::restore_failed, folder.string() + " is no folder");
    if (::stat(folder.parent_path().c_str(), &above) == 0 && above.st_dev != own.st_dev)
        throw Error(errors::restore_failed,
                    folder.string() + " is a mount of its own, so its content can't be swapped")
            .fix("restore it into another folder: --into SERVER:/PATH");
}

std::string swap_folders(const fs::path& folder, const fs::path& built, std::string_view run) {
    const auto kept = replaced_folder(folder, run);
    if (::renameat2(AT_FDCWD, folder.c_str(), AT_FDCWD, built.c_str(), RENAME_EXCHANGE) == 0) {
        rename_or_throw(built, kept);
    } else if (errno == ENOENT && !fs::exists(folder)) {
        rename_or_throw(built, folder);
        return "";
    } else {
        rename_or_throw(folder, kept);
        rename_or_throw(built, folder);
    }
    return ::rmdir(kept.c_str()) == 0 ? "" : kept.string();
}

void own_like(const fs::path& path, const fs::path& like, bool with_mode) {
    struct stat found {};

    if (::stat(like.c_str(), &found) != 0) throw failed(like.string() + " can't be looked at", errno);
    if (::lchown(path.c_str(), found.st_uid, found.st_gid) != 0)
        throw failed(path.string() + " can't be given its owner", errno);
    if (with_mode && ::chmod(path.c_str(), found.st_mode & 07777) != 0)
        throw failed(path.string() + " can't be given its mode", errno);
}

StoppedServices::StoppedServices(const RestoreJob& job, std::vector<RestoreContainer> containers)
    : job_(job), containers_(std::move(containers)) {
    // Those that a killed restore stopped: nobody else would start them again.
    if (const auto note = read_file_if_there(job_.note)) {
        std::vector<std::string> ids;
        for (const auto& id : parse_json(*note, job_.note))
            if (id.is_string() &&
                std::ranges::find(containers_, id.get<std::string>(), &RestoreContainer::id) ==
                    containers_.end())
                ids.push_back(id.get<std::string>());
        for (auto& one : job_.docker.inspect(ids)) containers_.push_back(std::move(one));
    }
    if (containers_.empty()) return;
    write_note();
    job_.say("stopping what uses it");
    for (const auto& one : containers_)
        if (one.running) job_.docker.stop_all({&one, 1});
    job_.reached("stopped");
}

void StoppedServices::write_note() const {
    auto ids = Json::array();
    for (const auto& one : containers_) ids.push_back(one.id);
    write_file_atomic(job_.note, canonical_json(ids), 0600);
}

void StoppedServices::start(Restored& restored) {
    if (containers_.empty()) return;
    job_.say("starting it again");
    job_.docker.start_all(containers_);
    for (const auto& one : containers_) restored.restarted.push_back(one.name());
    ::unlink(job_.note.c_str());
}

std::vector<RestoreContainer> users_of_volume(RestoreDocker& docker, const std::string& volume) {
    auto all = without_idle(docker.all_running());
    std::erase_if(all, [&](const RestoreContainer& one) {
        return std::ranges::none_of(one.mounts, [&](const auto& mount) { return mount.second == volume; });
    });
    return all;
}

std::vector<RestoreContainer> users_of_folder(RestoreDocker& docker, const fs::path& folder) {
    auto all = without_idle(docker.all_running());
    std::erase_if(all, [&](const RestoreContainer& one) {
        return std::ranges::none_of(one.mounts, [&](const auto& mount) {
            return mount.second.empty() && !mount.first.ends_with(".sock") &&
                   (is_within(mount.first, folder) || is_within(folder, mount.first));
        });
    });
    return all;
}

fs::path ensure_volume(const RestoreJob& job) {
    const auto volume = job.wanted("volume");
    if (const auto folder = job.docker.volume_folder(volume)) return *folder;
    std::vector<std::string> words{"volume", "create"};
    if (const auto& labels = member_or_null(job.target, "labels"); labels.is_object())
        for (const auto& [label, value] : labels.items())
            if (value.is_string())
                words.insert(words.end(), {"--label", label + "=" + value.get<std::string>()});
    words.push_back(volume);
    job.docker.must(fmt::format("the volume {} can't be made", volume), words);
    if (const auto image = job.wanted("image"), at = job.wanted("at"); !image.empty() && !at.empty()) {
        // Docker fills a new volume from the image when a container is made, which never has to run.
        const auto id = job.docker.must(
            fmt::format("the volume {} can't be filled from {}", volume, image),
            {"create", "--pull", "missing", "--network", "none", "--volume", volume + ":" + at, image});
        job.docker.must("a container can't be removed", {"rm", std::string(trim(id))});
    }
    if (const auto folder = job.docker.volume_folder(volume)) return *folder;
    throw Error(errors::restore_failed, fmt::format("the volume {} has no folder", volume));
}

void write_all(int file, std::string_view bytes, const fs::path& path) {
    while (!bytes.empty()) {
        const auto count = ::write(file, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) throw failed(path.string() + " can't be written", errno);
        if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

struct Untar::State {
    State(Command command, std::stop_token stop) : child(command, std::move(stop)) {}

    Child child;
    bool broken = false;
    std::uint64_t entries = 0;
    std::jthread counting;

    void count() {
        char buffer[65536];
        for (std::size_t size = 0; (size = child.read(buffer)) > 0;)
            entries += static_cast<std::uint64_t>(std::count(buffer, buffer + size, '\n'));
    }
};

Untar::Untar(const fs::path& into, const std::vector<std::string>& paths, std::stop_token stop) {
    std::vector<std::string> words{
        "tar", "--extract", "--verbose", "--file=-", "--directory", into.string(), "--numeric-owner"};
    if (is_fuse(into))
        words.insert(words.end(), {"--no-same-owner", "--no-same-permissions"});
    else
        words.insert(words.end(),
                     {"--same-owner", "--same-permissions", "--xattrs", "--xattrs-include=*", "--acls"});
    words.emplace_back("--");
    for (const auto& path : paths) words.push_back("./" + path);
    state_ = std::make_unique<State>(
        Command{.arguments = std::move(words), .environment = {{"LC_ALL", "C.UTF-8"}}}, std::move(stop));
    state_->counting = std::jthread([state = state_.get()] {
        try {
            state->count();
        } catch (const Error&) {  // interrupted: the writer is too
        }
    });
}

Untar::~Untar() {
    state_->child.end_input();
    if (state_->counting.joinable()) state_->counting.join();
}

void Untar::write(std::string_view bytes) {
    if (!state_->broken) state_->broken = !state_->child.write(bytes);
}

std::uint64_t Untar::finish() {
    state_->child.end_input();
    state_->counting.join();
    if (state_->child.finish() == 0) return state_->entries;
    Error error(errors::restore_failed, "tar can't unpack the backup");
    for (auto& line : last_lines(state_->child.errors())) error.because(std::move(line));
    throw error;
}

}  // namespace kavi::ops

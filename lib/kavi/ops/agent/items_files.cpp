#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/items.hpp>

#include <fmt/format.h>

#include <filesystem>

#include <sys/stat.h>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

void require_mounted(const fs::path& mount) {
    struct stat own {
    }, above{};

    const bool mounted = ::stat(mount.c_str(), &own) == 0 &&
                         ::stat(mount.parent_path().c_str(), &above) == 0 && own.st_dev != above.st_dev;
    if (!mounted) throw Error(errors::backup_failed, mount.string() + " isn't mounted").fix("kavi deploy");
}

std::string folder_of(const ItemJob& job) {
    if (const auto volume = job.wanted("volume"); !volume.empty()) {
        auto folder = job.docker.volume_folder(volume);
        if (!folder) throw Error(errors::backup_failed, fmt::format("there is no volume {}", volume));
        return *folder;
    }
    if (const auto mount = job.wanted("mount"); !mount.empty()) require_mounted(mount);
    auto folder = job.wanted("folder");
    if (!folder.starts_with('/'))
        throw Error(errors::json_invalid, "the request has no folder of " + job.item.name);
    if (!fs::is_directory(folder)) throw Error(errors::backup_failed, folder + " isn't there");
    return folder;
}

Json archive(const ItemJob& job, const seal::WriteBytes& out) {
    const auto folder = folder_of(job);
    std::vector<std::string> words{"tar",
                                   "--create",
                                   "--file=-",
                                   "--xattrs",
                                   "--acls",
                                   "--numeric-owner",
                                   "--sparse",
                                   "--one-file-system"};
    const auto& excluded = member_or_null(job.item.json, "exclude");
    if (excluded.is_array())
        for (const auto& pattern : excluded)
            if (pattern.is_string()) words.push_back("--exclude=" + pattern.get<std::string>());
    words.insert(words.end(), {"--directory=" + folder, "."});
    Child tar({.arguments = std::move(words), .environment = {{"LC_ALL", "C"}}}, job.stop);
    const auto status = pump(tar, out);
    // 1: "file changed as we read it", "file removed before we read it"; the archive is whole.
    if (status == 1)
        for (const auto& line : last_lines(tar.errors())) job.warn(line);
    else if (status != 0)
        throw item_failed(fmt::format("{} can't be read", folder), tar.errors());
    Json details{{"source", folder}};
    if (const auto volume = job.wanted("volume"); !volume.empty()) details["volume"] = volume;
    return details;
}

std::string image_id(const ItemJob& job, const std::string& image) {
    return std::string(trim(job.docker.must(fmt::format("there is no image {}", image),
                                            {"image", "inspect", "--format", "{{.Id}}", image})));
}

void backup_image(const ItemJob& job, const std::string& image) {
    const auto id = image_id(job, image);
    const auto digest = id.substr(id.find(':') + 1);
    const auto beginning = fmt::format("images/{}.", file_name_of(digest));
    if (job.keep_last(beginning)) return;
    auto file = beginning + "tar.zst.age";
    // Of a run that isn't believed here: its hashes aren't known, and it can't be opened.
    if (job.is_taken(file)) file = fmt::format("{}{}.tar.zst.age", beginning, job.run);
    job.store({.kind = "images",
               .part = image,
               .form = "tar",
               .file = file,
               .source = [&](const seal::WriteBytes& out) {
                   const auto save = job.docker.start({"save", image});
                   if (pump(*save, out) != 0)
                       throw item_failed(fmt::format("{} can't be saved", image), save->errors());
                   return Json{{"image", image}, {"id", id}};
               }});
}

}  // namespace

void backup_files(const ItemJob& job) {
    job.store({.kind = "files", .part = "", .form = "tar", .source = [&](const seal::WriteBytes& out) {
                   return archive(job, out);
               }});
}

void backup_images(const ItemJob& job) {
    for (const auto& image : member_or_null(job.item.json, "images")) {
        const auto name = image.is_string() ? image.get<std::string>() : std::string();
        try {
            backup_image(job, name);
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            job.fail(name, error);
        }
    }
}

}  // namespace kavi::ops

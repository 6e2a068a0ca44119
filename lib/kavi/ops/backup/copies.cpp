#include <kavi/base/error_codes.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/ops/backup/copies.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace kavi::ops {

namespace {

using Sizes = std::map<std::string, std::uint64_t, std::less<>>;

Sizes sizes_of(const std::vector<store::StoredFile>& files) {
    Sizes sizes;
    for (const auto& file : files) sizes[file.path] = file.bytes;
    return sizes;
}

/// The newest run with a manifest there; empty: none.
std::string newest_there(const Catalog& from, const Sizes& there) {
    const auto folder = backup_folder(from.estate, from.server) + "/";
    std::string newest;
    for (const auto& [path, bytes] : there) {
        if (!path.starts_with(folder) || !path.ends_with("/manifest.json")) continue;
        newest =
            std::max(newest,
                     path.substr(folder.size(),
                                 path.size() - folder.size() - std::string_view("/manifest.json").size()));
    }
    return newest;
}

RunCopy copy_of(const Catalog& from, const StoredRun& run, const Sizes& here, const Sizes& there) {
    RunCopy copy{.run = run.run, .files = {}};
    const auto add = [&](FileCopy file) {
        const auto found = there.find(file.path);
        if (found == there.end())
            copy.files.push_back(std::move(file));
        else if (found->second != file.bytes)
            throw Error(errors::store_failed,
                        fmt::format("{} is there already, with another size", file.path))
                .because(fmt::format(
                    "it has {} bytes there, and {} in store {}", found->second, file.bytes, from.store))
                .fix("look at it; take it away there, then run the same command again");
    };
    for (const auto& artefact : run.manifest.artefacts)
        add({artefact_path(from, artefact), artefact.bytes, artefact.sha256});
    const auto folder = run_folder(from.estate, from.server, run.run);
    for (const auto* name : {"manifest.json.sig", "manifest.json"}) {
        const auto path = fmt::format("{}/{}", folder, name);
        if (const auto known = here.find(path); known != here.end()) add({path, known->second, ""});
    }
    return copy;
}

void copy_file(store::Store& from,
               store::Store& to,
               const FileCopy& file,
               const std::function<void(const FileCopy&, std::uint64_t)>& on_progress,
               std::stop_token stop) {
    const auto upload = to.create(file.path);
    Sha256 hash;
    from.read(file.path, [&](std::string_view bytes) {
        if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
        hash.add(bytes);
        upload->write(bytes);
        on_progress(file, hash.bytes());
    });
    if (hash.bytes() != file.bytes || (!file.sha256.empty() && hash.hex() != file.sha256))
        throw Error(errors::integrity,
                    fmt::format("{} in store {} isn't what was stored", file.path, from.name()))
            .because(fmt::format("nothing of it was copied to store {}", to.name()))
            .fix("kavi backup verify --level 1");
    upload->finish();
}

}  // namespace

std::vector<RunCopy> plan_copies(const Catalog& from, const std::vector<store::StoredFile>& there) {
    const auto here = sizes_of(from.files), present = sizes_of(there);
    const auto newest = newest_there(from, present);
    std::vector<RunCopy> copies;
    for (const auto& run : from.runs) {
        if (run.run <= newest) break;
        if (run.flaws.empty()) copies.push_back(copy_of(from, run, here, present));
    }
    std::ranges::reverse(copies);
    // An image that several runs name is copied with the first of them.
    std::map<std::string, bool> taken;
    for (auto& copy : copies)
        std::erase_if(copy.files,
                      [&](const FileCopy& file) { return !taken.emplace(file.path, true).second; });
    return copies;
}

void copy_run(store::Store& from,
              store::Store& to,
              const RunCopy& copy,
              const std::function<void(const FileCopy&, std::uint64_t)>& on_progress,
              std::stop_token stop) {
    for (const auto& file : copy.files) copy_file(from, to, file, on_progress, stop);
}

}  // namespace kavi::ops

#include "estate_check.hpp"
#include "estate_types.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace kavi::model {

namespace {

/// Parts of the machine itself, not data.
bool is_of_the_machine(std::string_view path) {
    constexpr std::array files{"/etc/localtime", "/etc/timezone", "/etc/machine-id", "/etc/hostname"};
    constexpr std::array folders{"/run/", "/var/run/", "/proc", "/sys", "/dev", "/lib/modules"};
    return std::ranges::find(files, path) != files.end() || path.ends_with(".sock") ||
           std::ranges::any_of(folders, [&](auto folder) { return path.starts_with(folder); });
}

bool holds(std::string_view folder, std::string_view path) {
    while (folder.size() > 1 && folder.ends_with('/')) folder.remove_suffix(1);
    return path == folder || (path.starts_with(folder) && (folder == "/" || path[folder.size()] == '/'));
}

class Coverage {
  public:
    Coverage(const LoadedEstate& loaded, const FileReader& read, Problems& problems)
        : loaded_(loaded), estate_(loaded.estate), read_(read), problems_(problems) {
        for (const auto& [name, item] : estate_.backup.items)
            if (item.service) databases_.insert(*item.service);
    }

    void check() {
        if (!loaded_.origins.contains("backup")) return without_backup();
        for (const auto& [name, project] : loaded_.stacks) {
            const auto& stack = estate_.stacks.at(name);
            for (const auto& [service, definition] : project.services)
                for (const auto& mount : definition.mounts) check_mount(stack, project, definition, mount);
        }
        if (loaded_.stacks.size() != estate_.stacks.size())
            return;  // what couldn't be read may hold what seems missing
        check_sources();
        for (const auto& [name, reason] : estate_.backup.uncovered)
            if (!excused_.contains(name))
                problems_.warning(key_at(loaded_.origins, path_of("backup.uncovered", name)),
                                  fmt::format("no service keeps anything in \"{}\"", name));
    }

  private:
    void without_backup() {
        const bool keeps_data = std::ranges::any_of(
            loaded_.stacks, [](const auto& entry) { return !entry.second.volumes.empty(); });
        if (keeps_data)
            problems_.warning({.file = key_at(loaded_.origins, "estate").file},
                              "nothing is backed up: there is no [backup]");
    }

    void check_mount(const Stack& stack,
                     const ComposeProject& project,
                     const ComposeService& service,
                     const ComposeMount& mount) {
        if (mount.kind == ComposeMount::Kind::volume)
            check_volume(stack, project, service, mount);
        else if (mount.kind == ComposeMount::Kind::bind)
            check_bind(stack, service, mount);
    }

    void check_volume(const Stack& stack,
                      const ComposeProject& project,
                      const ComposeService& service,
                      const ComposeMount& mount) {
        const auto volume = project.volumes.find(mount.source);
        if (volume == project.volumes.end()) return;  // anonymous ones, and those that have their own problem
        volumes_[stack.server].insert({mount.source, volume->second.real_name});
        if (is_excused({mount.source, volume->second.real_name})) return;
        const bool covered =
            databases_.contains(service.name) || has_source([&](const Place& source) {
                return source.owner == stack.server && (source.path == "volume/" + mount.source ||
                                                        source.path == "volume/" + volume->second.real_name);
            });
        if (!covered) uncovered(mount, mount.source, fmt::format("{}:volume/{}", stack.server, mount.source));
    }

    void check_bind(const Stack& stack, const ComposeService& service, const ComposeMount& mount) {
        auto path = mount.source;
        if (path.starts_with('.')) {
            if (mount.read_only || lies_beside(stack, path)) return;  // travels with the compose file
            path = (std::filesystem::path(stack.directory) / path).lexically_normal().string();
        }
        if (!path.starts_with('/') || is_of_the_machine(path) || is_excused({mount.source, path})) return;
        const bool covered = databases_.contains(service.name) || has_source([&](const Place& source) {
                                 return source.owner == stack.server && holds(source.path, path);
                             });
        if (!covered) uncovered(mount, path, fmt::format("{}:{}", stack.server, path));
    }

    bool lies_beside(const Stack& stack, const std::string& path) const {
        if (stack.compose.empty()) return false;
        const auto folder = (loaded_.file.parent_path() / stack.compose.front()).parent_path();
        return read_((folder / path).lexically_normal()).has_value();
    }

    bool is_excused(const std::set<std::string>& names) {
        bool excused = false;
        for (const auto& name : names)
            if (estate_.backup.uncovered.contains(name)) {
                excused_.insert(name);
                excused = true;
            }
        return excused;
    }

    template <typename Fits>
    bool has_source(Fits fits) const {
        return std::ranges::any_of(estate_.backup.items, [&](const auto& entry) {
            return entry.second.source && fits(*entry.second.source);
        });
    }

    void uncovered(const ComposeMount& mount, const std::string& name, const std::string& source) {
        if (!warned_.insert(source).second) return;
        problems_.warning(
            mount.at,
            fmt::format("nothing backs up \"{}\"", name),
            fmt::format("an item with source = \"{}\", or a reason in [backup.uncovered]", source));
    }

    /// A volume that is to be backed up exists, where kavi knows all of a server's volumes.
    void check_sources() {
        constexpr std::string_view volume = "volume/";
        for (const auto& [name, item] : estate_.backup.items) {
            if (!item.source || !item.source->path.starts_with(volume)) continue;
            const auto known = volumes_.find(item.source->owner);
            const auto wanted = item.source->path.substr(volume.size());
            if (known == volumes_.end() || known->second.contains(wanted)) continue;
            const std::vector<std::string> names(known->second.begin(), known->second.end());
            problems_.error(value_at(loaded_.origins, path_of("backup.items", name) + ".source"),
                            fmt::format("no stack on {} has a volume \"{}\"", item.source->owner, wanted),
                            did_you_mean(wanted, names));
        }
    }

    const LoadedEstate& loaded_;
    const Estate& estate_;
    const FileReader& read_;
    Problems& problems_;
    std::set<std::string> databases_, excused_, warned_;
    std::map<std::string, std::set<std::string>> volumes_;
};

}  // namespace

void check_coverage(const LoadedEstate& loaded, const FileReader& read, Problems& problems) {
    Coverage(loaded, read, problems).check();
}

}  // namespace kavi::model

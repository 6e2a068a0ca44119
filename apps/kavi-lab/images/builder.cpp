#include "builder.hpp"

#include "images/apt_mirror.hpp"
#include "lab/lock.hpp"
#include "lab/tools.hpp"

#include <embedded/lab_files.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <unistd.h>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

// Debian's PostgreSQL makes a database of its own when it is installed, unless told so before.
constexpr auto no_cluster =
    "mkdir -p \"$1/etc/postgresql-common\" && "
    "echo create_main_cluster = false >\"$1/etc/postgresql-common/createcluster.conf\"";

constexpr std::string_view vps_suite = "trixie";
constexpr std::string_view services_suite = "bookworm";

/// The recipes' files, unpacked for the programs that read them.
class Recipes {
  public:
    Recipes() {
        for (const auto& file : embedded::lab_files()) {
            const auto path = folder_.path() / file.name;
            write_file_atomic(path, file.content, file.content.starts_with("#!") ? 0755 : 0644);
        }
    }

    fs::path path(std::string_view name) const { return folder_.path() / name; }

    std::string text(std::string_view name) const { return read_file(path(name)); }

    std::string package_list(std::string_view name) const {
        auto lines = split(trim(text(name)), '\n');
        return join(lines, ",");
    }

  private:
    TemporaryFolder folder_;
};

/// A short digest of all that a part is made of.
std::string key_of(const std::vector<std::string>& ingredients) {
    std::string all;
    for (const auto& one : ingredients) all += sha256(one);
    return hex(sha256(all)).substr(0, 12);
}

std::vector<std::string> mmdebstrap(const std::string& packages, const std::vector<std::string>& hooks) {
    std::vector<std::string> words{"mmdebstrap",
                                   "--variant=minbase",
                                   "--include=" + packages,
                                   "--aptopt=APT::Install-Recommends \"false\"",
                                   "--aptopt=Acquire::Retries \"3\""};
    for (const auto* left_out : {"/usr/share/doc/*",
                                 "/usr/share/man/*",
                                 "/usr/share/info/*",
                                 "/usr/share/locale/*",
                                 "/usr/lib/x86_64-linux-gnu/libLLVM*",
                                 "/usr/lib/postgresql/*/lib/bitcode/*"})
        words.push_back(fmt::format("--dpkgopt=path-exclude={}", left_out));
    words.insert(words.end(), hooks.begin(), hooks.end());
    return words;
}

std::string source_line(std::string_view suite) {
    return fmt::format("deb {} {} main", apt_mirror(), suite);
}

/// One part of the build: says what it does and how long it takes.
template <typename Work>
void step(const Progress& progress, const std::string& what, Work work) {
    progress(fmt::format("{} …", what));
    const auto start = Steady::now();
    work();
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(Steady::now() - start);
    progress(fmt::format("{}: {} s", what, took.count()));
}

void remove_older(const fs::path& folder, std::string_view prefix, const std::string& kept) {
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(prefix) && !name.starts_with(kept)) fs::remove_all(entry.path());
    }
}

constexpr auto build_time = std::chrono::minutes(20);

class Builder {
  public:
    Builder(const Docker& docker, const Progress& progress) : docker_(docker), progress_(progress) {}

    Images build() {
        const FileLock lock(cache_ / "lock");
        Images images;
        images.vps = vps();
        const auto folder = services();
        images.box = import("box", folder.filename().string(), folder / "box.tar");
        images.busybox = load_layer(folder, "busybox");
        images.postgres = load_layer(folder, "postgres");
        images.redis = load_layer(folder, "redis");
        images.standin = standin();
        return images;
    }

  private:
    /// The tree of a set of Debian packages, as a tar: the part that needs the archive, kept apart from what
    /// we do to it.
    fs::path packages_tree(const std::string& name,
                           const std::string& packages,
                           std::string_view suite,
                           const std::vector<std::string>& hooks) {
        std::vector<std::string> ingredients{packages, std::string(suite)};
        ingredients.insert(ingredients.end(), hooks.begin(), hooks.end());
        const auto tar = cache_ / fmt::format("packages-{}-{}.tar", name, key_of(ingredients));
        if (!fs::exists(tar)) {
            step(progress_, fmt::format("packages of Debian's {} for the {}", suite, name), [&] {
                const fs::path part = tar.string() + ".part";
                auto words = mmdebstrap(packages, hooks);
                words.insert(words.end(),
                             {"--format=tar", std::string(suite), part.string(), source_line(suite)});
                run_tool(words, {}, build_time);
                fs::rename(part, tar);
            });
        }
        remove_older(cache_, fmt::format("packages-{}-", name), tar.filename().string());
        return tar;
    }

    /// Unpacks the tree, lets `work` change it, and removes it again.
    template <typename Work>
    void with_tree(const fs::path& tar, Work work) {
        const auto tree = cache_ / "tree";
        fs::remove_all(tree);
        fs::create_directories(tree);
        run_tool({"tar", "-C", tree.string(), "--exclude=./dev/*", "-xf", tar.string()}, {}, build_time);
        work(tree);
        fs::remove_all(tree);
    }

    std::string vps() {
        const auto packages = recipes_.package_list("vps/packages.txt");
        const auto key =
            key_of({packages, recipes_.text("vps/customize.sh"), recipes_.text("vps/lab-init"), "2"});
        const auto image = fmt::format("kavi-lab/vps:{}", key);
        if (docker_.has_image(image)) return image;
        const auto packages_tar = packages_tree("vps", packages, vps_suite, {});
        step(progress_, "image of a server (Debian 13, systemd, cloud-init, Docker)", [&] {
            with_tree(packages_tar, [&](const fs::path& tree) {
                run_tool({recipes_.path("vps/customize.sh").string(), tree.string()});
                const auto tar = cache_ / "vps.tar";
                run_tool({"tar", "-C", tree.string(), "--numeric-owner", "-cf", tar.string(), "."},
                         {},
                         build_time);
                docker_.run({"import", tar.string(), image}, build_time);
                fs::remove(tar);
            });
        });
        return image;
    }

    /// Takes the tar into Docker, unless it is there.
    std::string import(const std::string& name, const std::string& key, const fs::path& tar) {
        const auto image = fmt::format("kavi-lab/{}:{}", name, key);
        if (docker_.has_image(image)) return image;
        step(progress_, fmt::format("handing the {} image to Docker", name), [&] {
            docker_.run({"import", tar.string(), image}, build_time);
        });
        return image;
    }

    fs::path services() {
        const auto packages = recipes_.package_list("services/packages.txt");
        std::vector<std::string> ingredients{packages, "1"};
        for (const auto* name : {"services/carve.sh",
                                 "services/postgres-entrypoint",
                                 "box/customize.sh",
                                 "box/box-start",
                                 "box/box-shell"})
            ingredients.push_back(recipes_.text(name));
        const auto folder = cache_ / fmt::format("services-{}", key_of(ingredients));
        if (!fs::exists(folder)) {
            step(progress_, "images of PostgreSQL, Redis, busybox and the Storage Box (Debian 12)", [&] {
                make_services(packages, folder.string() + ".part");
                fs::rename(folder.string() + ".part", folder);
            });
        }
        remove_older(cache_, "services-", folder.filename().string());
        return folder;
    }

    void make_services(const std::string& packages, const fs::path& folder) {
        fs::remove_all(folder);
        fs::create_directories(folder);
        const auto tar = packages_tree(
            "services", packages, services_suite, {std::string("--essential-hook=") + no_cluster});
        with_tree(tar, [&](const fs::path& tree) {
            run_tool({recipes_.path("services/carve.sh").string(), tree.string(), folder.string()},
                     {},
                     build_time);
        });
        for (const auto* name : {"busybox", "postgres", "redis"})
            make_layer(folder / fmt::format("{}.tar", name));
    }

    Layer standin() {
        const auto program = standin_program();
        const auto folder = cache_ / fmt::format("standin-{}", key_of({read_file(program), "1"}));
        if (!fs::exists(folder)) {
            const fs::path part = folder.string() + ".part";
            fs::remove_all(part);
            const auto bin = part / "tree/usr/bin";
            fs::create_directories(bin);
            fs::create_directories(part / "tree/backend");
            fs::copy_file(program, bin / "standin");
            for (const auto* name : {"curl",
                                     "traefik",
                                     "infisical",
                                     "forgejo",
                                     "kuanary",
                                     "imgproxy",
                                     "obsidian",
                                     "nginx",
                                     "web"})
                fs::create_symlink("standin", bin / name);
            fs::create_symlink("/usr/bin/standin", part / "tree/backend/standalone-entrypoint.sh");
            for (const auto* folder_of_git : {"var/lib/gitea/git", "etc/gitea"}) {
                fs::create_directories(part / "tree" / folder_of_git);
                run_tool({"chown", "-R", "1000:1000", (part / "tree" / folder_of_git).string()});
            }
            run_tool({"chown", "1000:1000", (part / "tree/var/lib/gitea").string()});
            run_tool({"tar",
                      "-C",
                      (part / "tree").string(),
                      "--sort=name",
                      "--mtime=@0",
                      "--numeric-owner",
                      "-cf",
                      (part / "standin.tar").string(),
                      "."});
            make_layer(part / "standin.tar");
            fs::remove_all(part / "tree");
            fs::rename(part, folder);
        }
        remove_older(cache_, "standin-", folder.filename().string());
        return load_layer(folder, "standin");
    }

    const Docker& docker_;
    const Progress& progress_;
    Recipes recipes_;
    fs::path cache_ = cache_folder();
};

}  // namespace

fs::path cache_folder() {
    fs::path folder = "/var/cache/kavi-lab";
    const char* given = std::getenv("KAVI_LAB_CACHE");
    const char* home = std::getenv("HOME");
    if (given && *given)
        folder = given;
    else if (::getuid() != 0)
        folder = fs::path(home ? home : "/tmp") / ".cache/kavi-lab";
    fs::create_directories(folder);
    return folder;
}

fs::path standin_program() {
    const auto beside = fs::read_symlink("/proc/self/exe").parent_path() / "kavi-standin";
    if (fs::exists(beside)) return beside;
    throw lab_error(fmt::format("{} isn't there", beside.string())).fix("build the target kavi-standin too");
}

Images build_images(const Docker& docker, const Progress& progress) {
    return Builder(docker, progress).build();
}

}  // namespace kavi::lab

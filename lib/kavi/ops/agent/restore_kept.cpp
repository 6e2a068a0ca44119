#include <kavi/base/error_codes.hpp>
#include <kavi/ops/agent/files_restore_folder.hpp>
#include <kavi/ops/agent/postgres_restore_server.hpp>
#include <kavi/ops/agent/restore_kept.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

/// The run in "…MARK20261125T070000Z-0001", where that is how the name ends.
std::string run_behind(std::string_view name, std::string_view mark) {
    const auto at = name.rfind(mark);
    if (at == std::string_view::npos || at == 0) return {};
    const auto run = name.substr(at + mark.size());
    return run_time(run) ? std::string(run) : std::string();
}

class Keeper {
  public:
    Keeper(RestoreDocker& docker, const Json& asked) : docker_(docker), asked_(asked) {
        for (const auto& name : member_or_null(asked, "drop"))
            if (name.is_string()) drop_.insert(name.get<std::string>());
    }

    Json all() {
        std::size_t index = 0;
        for (const auto& target : member_or_null(asked_, "targets")) {
            if (string_or(target, "kind") == "postgres")
                databases(target, index);
            else
                folders(target, index);
            ++index;
        }
        return {{"kept", std::move(kept_)}};
    }

  private:
    void databases(const Json& target, std::size_t index) {
        PostgresServer server(docker_,
                              docker_.running(string_or(target, "project"), string_or(target, "service")));
        for (const auto& name : server.databases()) {
            const auto run = run_behind(name, "__before_");
            if (run.empty()) continue;
            if (drop_.contains(name))
                server.drop(name);
            else
                kept_.push_back({{"target", index}, {"name", name}, {"what", "database"}, {"run", run}});
        }
    }

    void folders(const Json& target, std::size_t index) {
        const auto volume = string_or(target, "volume");
        const auto folder =
            volume.empty() ? string_or(target, "folder") : docker_.volume_folder(volume).value_or("");
        if (folder.empty()) return;
        std::error_code problem;
        const auto start = fs::path(folder).filename().string();
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(fs::path(folder).parent_path(), problem)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with(start + ".before-") && !run_behind(name, ".before-").empty())
                found.push_back(entry.path());
        }
        std::ranges::sort(found);
        for (const auto& path : found) {
            if (!drop_.contains(path.string())) {
                kept_.push_back({{"target", index},
                                 {"name", path.string()},
                                 {"what", "folder"},
                                 {"run", run_behind(path.filename().string(), ".before-")}});
                continue;
            }
            fs::remove_all(path, problem);
            if (problem)
                throw Error(errors::restore_failed, path.string() + " can't be removed")
                    .because(problem.message());
        }
    }

    RestoreDocker& docker_;
    const Json& asked_;
    std::set<std::string> drop_;
    Json kept_ = Json::array();
};

}  // namespace

Json handle_kept(RestoreDocker& docker, const Json& asked) {
    return Keeper(docker, asked).all();
}

}  // namespace kavi::ops

#include "place.hpp"

#include "lab/docker.hpp"
#include "lab/lock.hpp"
#include "lab/tools.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;

fs::path usual_folder() {
    const char* state = std::getenv("XDG_STATE_HOME");
    const char* home = std::getenv("HOME");
    if (state && *state == '/') return fs::path(state) / "kavi-lab";
    return fs::path(home && *home ? home : "/tmp") / ".local/state/kavi-lab";
}

fs::path labs_folder() {
    return runtime_folder() / "labs";
}

std::optional<Record> record_in(const fs::path& file) {
    const auto text = read_file_if_there(file);
    if (!text) return std::nullopt;
    const auto json = parse_json(*text, file.string());
    Record record{.pid = json.value("pid", 0),
                  .started = json.value("started", 0LL),
                  .docker_host = json.value("docker_host", ""),
                  .subnet = json.value("subnet", 0)};
    for (const auto& mount : json.value("mounts", Json::array()))
        record.mounts.push_back(mount.get<std::string>());
    for (const auto& one : json.value("processes", Json::array()))
        record.processes.emplace_back(one.at(0).get<int>(), one.at(1).get<long long>());
    return record;
}

}  // namespace

fs::path Place::control_socket() const {
    return runtime_folder() / (prefix + ".sock");
}

Place place_at(const std::optional<std::string>& folder) {
    const fs::path wanted = folder ? fs::path(*folder) : usual_folder();
    fs::create_directories(wanted);
    Place place{.folder = fs::canonical(wanted)};
    place.prefix = "kavi-lab-" + hex(sha256(place.folder.string())).substr(0, 6);
    return place;
}

std::optional<Record> Record::read(const Place& place) {
    return record_in(place.record());
}

void Record::write(const Place& place) const {
    Json list = Json::array();
    for (const auto& [process, start] : processes) list.push_back({process, start});
    const Json json{{"pid", pid},
                    {"started", started},
                    {"docker_host", docker_host},
                    {"subnet", subnet},
                    {"mounts", mounts},
                    {"processes", std::move(list)},
                    {"folder", place.folder.string()},
                    {"prefix", place.prefix}};
    write_file_atomic(place.record(), json.dump(2) + "\n", 0600);
    write_file_atomic(labs_folder() / (place.prefix + ".json"), json.dump(2) + "\n", 0600);
}

bool Record::alive() const {
    return pid > 0 && start_time_of(pid) == started;
}

int claim_subnet(const Place& place) {
    const FileLock lock(runtime_folder() / "subnets.lock");
    std::set<int> taken;
    for (const auto& entry : fs::directory_iterator(labs_folder()))
        if (const auto record = record_in(entry.path())) taken.insert(record->subnet);
    const auto hash = sha256(place.folder.string());
    for (int i = 0; i < 250; ++i) {
        const int number = 1 + (static_cast<unsigned char>(hash[0]) + i) % 250;
        if (taken.contains(number)) continue;
        auto record = Record::read(place).value_or(Record());
        record.subnet = number;
        record.write(place);
        return number;
    }
    throw lab_error("250 labs are up: there is no subnet left");
}

std::vector<std::string> tear_down(const Place& place, const Record& record) {
    std::vector<std::string> problems;
    const auto attempt = [&](auto work) {
        try {
            work();
        } catch (const Error& problem) {
            problems.push_back(problem.message());
        }
    };
    end_process(record.pid, record.started);
    for (const auto& [pid, started] : record.processes) end_process(pid, started);
    if (!record.docker_host.empty()) {
        const Docker docker(record.docker_host);
        attempt([&] {
            auto ids = split(
                trim(docker.run({"ps", "--all", "--quiet", "--filter", "label=kavi-lab=" + place.prefix})),
                '\n');
            std::erase(ids, "");
            if (ids.empty()) return;
            ids.insert(ids.begin(), {"rm", "--force", "--volumes"});
            docker.run(ids);
        });
        attempt([&] {
            if (docker.succeeds({"network", "inspect", place.prefix}))
                docker.run({"network", "rm", place.prefix});
        });
    }
    for (auto mount = record.mounts.rbegin(); mount != record.mounts.rend(); ++mount)
        attempt([&] {
            if (tool_succeeds({"mountpoint", "--quiet", *mount})) run_tool({"umount", *mount});
        });
    fs::remove(place.control_socket());
    if (problems.empty()) {
        fs::remove(labs_folder() / (place.prefix + ".json"));
        fs::remove(place.record());
        for (const auto* folder : {"machines", "box"}) fs::remove_all(place.folder / folder);
    }
    if (fs::is_empty(labs_folder()) && !std::getenv("KAVI_LAB_KEEP_DOCKER")) Docker::stop_own();
    return problems;
}

}  // namespace kavi::lab

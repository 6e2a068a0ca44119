#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/restore_job.hpp>
#include <kavi/ops/agent/verify_throwaway.hpp>

#include <fmt/format.h>

#include <sys/statvfs.h>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view label = "cl.kua.kavi.throw-away";
constexpr auto patience = std::chrono::minutes(2);

/// Not the restore's own docker: its stop token would keep this from cleaning up.
std::vector<std::string> lines_of(std::vector<std::string> words) {
    std::vector<std::string> lines;
    for (const auto& line : split(run_command({.arguments = std::move(words)}).output, '\n'))
        if (const auto word = trim(line); !word.empty()) lines.emplace_back(word);
    return lines;
}

}  // namespace

ThrowAways::ThrowAways(RestoreDocker& docker, fs::path folder, std::string run)
    : docker_(docker), folder_(std::move(folder)), run_(std::move(run)) {
    clean();
}

ThrowAways::~ThrowAways() {
    clean();
}

void ThrowAways::clean() noexcept {
    try {
        const auto filter = fmt::format("label={}", label);
        for (const auto& id : lines_of({"docker", "ps", "--all", "--quiet", "--filter", filter}))
            run_command({.arguments = {"docker", "rm", "--force", "--volumes", id}});
        for (const auto& name : lines_of({"docker", "volume", "ls", "--quiet", "--filter", filter}))
            run_command({.arguments = {"docker", "volume", "rm", "--force", name}});
        std::error_code problem;
        fs::remove_all(folder_, problem);
    } catch (const std::exception&) {  // the next one cleans up
    }
}

std::string ThrowAways::start(const std::vector<std::string>& words) {
    std::vector<std::string> all{
        "run", "--detach", "--network", "none", "--label", fmt::format("{}={}", label, run_)};
    all.insert(all.end(), words.begin(), words.end());
    return std::string(trim(docker_.must("a throw-away container can't be started", std::move(all))));
}

void ThrowAways::wait_for(const std::string& container,
                          const std::vector<std::string>& probe,
                          std::string_view answer) {
    std::vector<std::string> words{"exec", container};
    words.insert(words.end(), probe.begin(), probe.end());
    const auto until = docker_.clock().steady() + patience;
    for (;;) {
        const auto done = docker_.run(words);
        if (done.status == 0 && done.output.find(answer) != std::string::npos) return;
        const auto found = docker_.inspect({container});
        if (found.empty() || !found.front().running || docker_.clock().steady() > until) {
            Error error(errors::restore_failed, "a throw-away container doesn't come up");
            const auto logs = docker_.run({"logs", "--tail", "5", container});
            for (auto& line : last_lines(logs.output + logs.errors)) error.because("log: " + line);
            throw error;
        }
        docker_.clock().sleep_for(std::chrono::milliseconds(100), docker_.stop());
    }
}

void ThrowAways::start_postgres(const std::string& service,
                                const std::string& image,
                                const std::string& user) {
    if (postgres_.contains(service)) return;
    // Nobody can reach it, so the password protects nothing; without one the image refuses to start.
    const auto id = start({"--label",
                           "com.docker.compose.project=" + project(),
                           "--label",
                           "com.docker.compose.service=" + service,
                           "--label",
                           "com.docker.compose.oneoff=False",
                           "--shm-size",
                           "256m",
                           "--env",
                           "POSTGRES_PASSWORD=throw-away",
                           "--env",
                           "POSTGRES_USER=" + user,
                           image,
                           "postgres",
                           "-c",
                           "fsync=off",
                           "-c",
                           "full_page_writes=off"});
    // By TCP: while it initialises itself it listens on its socket alone.
    wait_for(id, {"pg_isready", "--quiet", "--host", "127.0.0.1", "--username", user}, "");
    postgres_[service] = id;
}

std::uint64_t ThrowAways::keys_of(const fs::path& rdb, const std::string& image) {
    const auto volume = "kavi-verify-" + run_;
    docker_.must("a throw-away volume can't be made",
                 {"volume", "create", "--label", fmt::format("{}={}", label, run_), volume});
    const auto at = docker_.volume_folder(volume);
    if (!at) throw Error(errors::restore_failed, "a throw-away volume has no folder");
    fs::copy_file(rdb, fs::path(*at) / "dump.rdb");
    fs::permissions(fs::path(*at) / "dump.rdb", fs::perms(0644));
    const auto id = start({"--volume",
                           volume + ":/data",
                           "--entrypoint",
                           "redis-server",
                           image,
                           "--dir",
                           "/data",
                           "--dbfilename",
                           "dump.rdb",
                           "--appendonly",
                           "no",
                           "--save",
                           "",
                           "--port",
                           "6379",
                           "--protected-mode",
                           "no"});
    wait_for(id, {"redis-cli", "ping"}, "PONG");
    const auto keys = redis_keys(docker_.must("Redis doesn't say how many keys it has",
                                              {"exec", id, "redis-cli", "INFO", "keyspace"}));
    docker_.must("a throw-away container can't be removed", {"rm", "--force", "--volumes", id});
    docker_.must("a throw-away volume can't be removed", {"volume", "rm", "--force", volume});
    if (!keys) throw Error(errors::restore_failed, "Redis doesn't say how many keys it has");
    return *keys;
}

fs::path ThrowAways::folder(std::uint64_t bytes) {
    std::error_code problem;
    fs::remove_all(folder_, problem);
    fs::create_directories(folder_, problem);
    if (problem)
        throw Error(errors::restore_failed, folder_.string() + " can't be made").because(problem.message());
    fs::permissions(folder_, fs::perms::owner_all);

    struct statvfs room {};

    if (::statvfs(folder_.c_str(), &room) == 0)
        if (const auto free = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
            free < bytes + bytes / 10)
            throw Error(
                errors::restore_failed,
                fmt::format("{} bytes don't fit into {}, which has {}", bytes, folder_.string(), free))
                .fix("free some space: kavi server clean");
    return folder_;
}

}  // namespace kavi::ops

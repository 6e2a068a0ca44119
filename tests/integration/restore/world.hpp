#pragma once

#include "support/catch.hpp"
#include "support/memory_store.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/restore.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/store/store.hpp>

#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/// A real engine, real PostgreSQL and Redis, and artefacts made by the stock pipe: pg_dump | zstd | age.
namespace kavi::restore_test {

inline Finished sh(const std::string& script, const std::string& input = {}) {
    return run_command({.arguments = {"bash", "-o", "pipefail", "-c", script}, .input = input});
}

inline std::string must(const std::string& script, const std::string& input = {}) {
    const auto done = sh(script, input);
    if (done.status != 0) throw std::runtime_error(script + ": " + done.errors);
    return std::string(trim(done.output));
}

/// The lab's engine where it runs, else the system's. False: there is none.
inline bool have_docker() {
    if (::access("/run/kavi-lab/docker.sock", W_OK) == 0)
        ::setenv("DOCKER_HOST", "unix:///run/kavi-lab/docker.sock", 0);
    return ::geteuid() == 0 && sh("docker version").status == 0 &&
           sh("command -v age zstd mmdebstrap").status == 0;
}

inline void skipped() {
    WARN("SKIPPED: no docker, age, zstd or mmdebstrap here, or not root");
}

inline std::string image(int version) {
    return must(fmt::format("{} {}", RESTORE_IMAGE_SCRIPT, version));
}

/// Passes everything to another store, which outlives it.
class BorrowedStore final : public store::Store {
  public:
    explicit BorrowedStore(store::Store& inner) : inner_(inner) {}

    const std::string& name() const override { return inner_.name(); }

    std::vector<store::StoredFile> list(const std::string& folder) override { return inner_.list(folder); }

    std::vector<store::StoredFile> unfinished(const std::string& folder) override {
        return inner_.unfinished(folder);
    }

    std::unique_ptr<store::Upload> create(const std::string& path) override { return inner_.create(path); }

    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override {
        inner_.read(path, on_bytes, offset, limit);
    }

    std::optional<std::string> sha256(const std::string& path) override { return inner_.sha256(path); }

    void remove(const std::string& path) override { inner_.remove(path); }

    std::optional<store::Space> space() override { return inner_.space(); }

  private:
    store::Store& inner_;
};

/// A store with artefacts, and a request for the agent.
class World {
  public:
    static constexpr auto project = "kavi-restore-test";

    World() : identity_(seal::X25519Identity::generate()) {}

    test::MemoryStore store;
    std::vector<std::string> events;

    /// Runs `producer` (a command whose output is the content) through zstd and age, and stores it. Gives the
    /// entry of a request.
    Json artefact(const std::string& producer,
                  const std::string& kind,
                  const std::string& part,
                  Json details,
                  Json target) {
        const auto plain = folder_.path() / "plain", sealed = folder_.path() / "sealed";
        must(fmt::format("{} | tee {} | zstd -q -3 | age -r {} >{}",
                         producer,
                         plain.string(),
                         identity_.recipient(),
                         sealed.string()));
        return entry(read_file(sealed), read_file(plain), kind, part, std::move(details), std::move(target));
    }

    Json entry(const std::string& sealed,
               const std::string& plain,
               const std::string& kind,
               const std::string& part,
               Json details,
               Json target) {
        const auto file = fmt::format("20261125T060000Z-4f2a/{}.{}.zst.age", kind, ++count_);
        store.files["kavi/bruno/" + file] = sealed;
        const std::vector<seal::Identity> identities{identity_};
        const auto header = seal::unwrap_header(std::string_view(sealed).substr(0, 65536), identities);
        target["kind"] = kind;
        return {{"artefact",
                 {{"item", "item"},
                  {"kind", kind},
                  {"part", part},
                  {"file", file},
                  {"bytes", sealed.size()},
                  {"sha256", hex(sha256(sealed))},
                  {"plain_bytes", plain.size()},
                  {"plain_sha256", hex(sha256(plain))},
                  {"details", std::move(details)}}},
                {"header_size", header.header_size},
                {"file_key", base64(header.file_key.reveal())},
                {"target", std::move(target)}};
    }

    std::string stored_path(const Json& entry) const {
        return "kavi/bruno/" + entry["artefact"]["file"].get<std::string>();
    }

    Json request(Json artefacts, const std::string& run) const {
        return {{"kavi.agent", 1},
                {"estate", "kavi"},
                {"server", "bruno"},
                {"run", run},
                {"store", Json::object()},
                {"artefacts", std::move(artefacts)}};
    }

    Json restore(Json artefacts, const std::string& run = "20261125T070000Z-0001") {
        return call(
            &ops::run_restore, request(std::move(artefacts), run), [](std::string_view) {})["artefacts"];
    }

    Json verify(Json artefacts, int level) {
        auto asked = request(std::move(artefacts), "20261125T070000Z-0001");
        asked["level"] = level;
        return call(&ops::run_verify, asked, [](std::string_view) {})["artefacts"];
    }

    /// Kills itself at that point, in a process of its own. True: it got there.
    bool killed_at(const std::string& point, Json artefacts, const std::string& run) {
        const auto child = ::fork();
        if (child == 0) {
            try {
                call(&ops::run_restore, request(std::move(artefacts), run), [&](std::string_view here) {
                    if (here == point) ::raise(SIGKILL);
                });
            } catch (...) {
            }
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }

    std::filesystem::path state() const { return folder_.path() / "state"; }

  private:
    template <typename Entry>
    Json call(Entry what, const Json& request, std::function<void(std::string_view)> reached) {
        const ops::RestoreAgent agent{
            .open_store = [&](const Json&) { return std::make_unique<BorrowedStore>(store); },
            .on_event = [&](const Json& event) { events.push_back(event.dump()); },
            .clock = clock_,
            .folder = state().string(),
            .reached = std::move(reached),
            .stop = {}};
        return what(request, agent);
    }

    TemporaryFolder folder_;
    SystemClock clock_;
    seal::X25519Identity identity_;
    int count_ = 0;
};

/// A container with Compose's labels, removed with its volumes when this goes.
class Container {
  public:
    Container(const std::string& service,
              const std::string& image,
              const std::string& options,
              const std::string& command = {}) {
        name = fmt::format("kavi-restore-test-{}-{}", ::getpid(), service);
        sh("docker rm -fv " + name);
        must(
            fmt::format("docker run -d --name {} --label com.docker.compose.project={} --label "
                        "com.docker.compose.service={} "
                        "--label com.docker.compose.oneoff=False {} {} {}",
                        name,
                        World::project,
                        service,
                        options,
                        image,
                        command));
    }

    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;

    ~Container() { sh("docker rm -fv " + name); }

    std::string name;

    std::string exec(const std::string& command, const std::string& input = {}) const {
        return must(fmt::format("docker exec -i {} {}", name, command), input);
    }

    void wait_until(const std::string& command) const {
        must(
            fmt::format("for i in $(seq 300); do docker exec {} {} >/dev/null 2>&1 && exit 0; read -t 0.1 <> "
                        "<(:) || true; done; docker logs {} >&2; exit 1",
                        name,
                        command,
                        name));
    }
};

class Postgres : public Container {
  public:
    explicit Postgres(int version,
                      const std::string& service = "postgres",
                      const std::string& options = "--network none")
        : Container(service,
                    image(version),
                    "-e POSTGRES_PASSWORD=kavi --tmpfs /var/lib/postgresql/data " + options,
                    "postgres -c fsync=off") {
        wait_until("pg_isready -q -h 127.0.0.1 -U postgres");
    }

    std::string sql(const std::string& database, const std::string& script) const {
        return exec(
            fmt::format("psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres -d {}", shell_quote(database)),
            script);
    }

    std::string dump(const std::string& database) const {
        return fmt::format("docker exec {} pg_dump -Fc -Z0 -U postgres {}", name, shell_quote(database));
    }

    std::string dump_globals() const {
        return fmt::format("docker exec {} pg_dumpall --globals-only -U postgres", name);
    }
};

}  // namespace kavi::restore_test

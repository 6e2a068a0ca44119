#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/files_restore_folder.hpp>
#include <kavi/ops/agent/postgres_restore_text.hpp>
#include <kavi/ops/agent/restore.hpp>
#include <kavi/ops/agent/verify_throwaway.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include <fcntl.h>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

struct Verified {
    std::uint64_t entries = 0;  ///< of a dump's or archive's table of contents; roles; keys
    std::uint64_t rows = 0;
    std::vector<std::string> warnings;
};

/// A program that lists what it is given, and the lines that it wrote.
class Lister {
  public:
    explicit Lister(std::unique_ptr<Child> child)
        : child_(std::move(child)), counting_([this] { count(); }) {}

    Lister(const Lister&) = delete;
    Lister& operator=(const Lister&) = delete;

    ~Lister() { child_->end_input(); }

    /// It may end before it has read all: a table of contents stands at a dump's beginning.
    void write(std::string_view bytes) {
        if (!full_) full_ = !child_->write(bytes);
    }

    std::uint64_t finish(std::string_view what) {
        child_->end_input();
        counting_.join();
        if (child_->finish() == 0 && said_something_) return lines_;
        Error error(errors::integrity, std::string(what));
        for (auto& line : last_lines(child_->errors())) error.because(std::move(line));
        if (error.causes().empty()) error.because("it lists nothing");
        throw error;
    }

  private:
    void count() {
        char buffer[65536];
        bool at_start = true, comment = false;
        try {
            for (std::size_t size = 0; (size = child_->read(buffer)) > 0;)
                for (const char c : std::string_view(buffer, size)) {
                    said_something_ = true;
                    if (at_start)
                        comment = c == ';';  // pg_restore's remarks: all there is of an empty database
                    at_start = c == '\n';
                    if (at_start && !comment) ++lines_;
                }
        } catch (const Error&) {  // interrupted: the writer is too
        }
    }

    std::unique_ptr<Child> child_;
    bool full_ = false;
    std::uint64_t lines_ = 0;
    bool said_something_ = false;
    std::jthread counting_;
};

class Verifying {
  public:
    Verifying(RestoreAgentRequest request, const RestoreAgent& agent)
        : request_(std::move(request)),
          agent_(agent),
          docker_(agent.clock, agent.stop),
          store_(agent.open_store(request_.store)),
          away_(docker_, agent.folder + "/verify", request_.run) {
        if (request_.level != 2 && request_.level != 3)
            throw Error(errors::json_invalid, "the agent verifies at level 2 or 3");
    }

    Json run() {
        auto results = Json::array();
        for (const auto& one : request_.artefacts) results.push_back(attempt(one));
        return {{"artefacts", std::move(results)}};
    }

  private:
    Json attempt(const RequestedArtefact& one) {
        const auto began = agent_.clock.steady();
        Json result{{"file", one.sealed.artefact.file}};
        try {
            if (agent_.stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
            const auto verified = verify(one);
            result.update({{"bytes", one.sealed.artefact.plain_bytes},
                           {"entries", verified.entries},
                           {"rows", verified.rows},
                           {"warnings", verified.warnings}});
        } catch (const Error& error) {
            result["failure"] = failure_json(error);
        }
        result["seconds"] = std::chrono::duration<double>(agent_.clock.steady() - began).count();
        return result;
    }

    Verified verify(const RequestedArtefact& one) {
        const auto& kind = one.sealed.artefact.kind;
        const bool deep = request_.level == 3;
        if (kind == "postgres") return deep ? restore_database(one) : list_dump(one);
        if (kind == "postgres-globals") return deep ? restore_globals(one) : read_globals(one);
        if (kind == "redis") return look_at_rdb(one, deep);
        if (kind == "files" || kind == "images" || kind == "estate")
            return deep && kind == "files" ? unpack_files(one) : list_archive(one);
        throw Error(errors::restore_failed,
                    fmt::format("nothing verifies what is of kind '{}'", printable(kind)));
    }

    RestoreJob job(const RequestedArtefact& one, const Json& target) {
        const auto& artefact = one.sealed.artefact;
        return {
            .docker = docker_,
            .store = *store_,
            .path = fmt::format("{}/{}", backup_folder(request_.estate, request_.server), artefact.file),
            .sealed = one.sealed,
            .target = target,
            .run = request_.run,
            .note = agent_.folder + "/restore/stopped.json",
            .on_progress =
                [this, subject = artefact.part.empty() ? artefact.item : artefact.item + "/" + artefact.part](
                    std::string_view text, std::uint64_t bytes, std::uint64_t total) {
                    say(subject, text, bytes, total);
                },
            .reached =
                [this, kind = artefact.kind](std::string_view point) {
                    agent_.reached("verify-" + kind + ":" + std::string(point));
                },
            .stop = agent_.stop};
    }

    void say(const std::string& subject, std::string_view text, std::uint64_t bytes, std::uint64_t total) {
        Json event{{"event", "progress"}, {"subject", subject}, {"text", text}};
        if (total > 0) event.update({{"bytes", bytes}, {"total", total}});
        const std::lock_guard lock(saying_);
        agent_.on_event(event);
    }

    /// What the live service runs, else what the estate file says.
    std::string image_of(const Json& target) {
        for (const auto& container :
             docker_.of_service(string_or(target, "project"), string_or(target, "service")))
            return container.image;
        auto image = string_or(target, "image");
        if (image.empty())
            throw Error(errors::restore_failed, "the target has neither a service nor an image");
        return image;
    }

    std::string superuser_of(const Json& target) {
        for (const auto& container :
             docker_.of_service(string_or(target, "project"), string_or(target, "service")))
            if (const auto user = container.environment.find("POSTGRES_USER");
                user != container.environment.end() && !user->second.empty())
                return user->second;
        return "postgres";
    }

    Verified list_dump(const RequestedArtefact& one) {
        Lister lister(docker_.start({"run",
                                     "--rm",
                                     "--interactive",
                                     "--network",
                                     "none",
                                     "--entrypoint",
                                     "pg_restore",
                                     image_of(one.target),
                                     "--list"}));
        job(one, one.target).fetch([&](std::string_view bytes) { lister.write(bytes); });
        return {.entries = lister.finish(
                    fmt::format("pg_restore can't list the dump of {}", one.sealed.artefact.part)),
                .warnings = {}};
    }

    Verified list_archive(const RequestedArtefact& one) {
        Lister lister(std::make_unique<Child>(
            Command{.arguments = {"tar", "--list", "--file=-"}, .environment = {{"LC_ALL", "C.UTF-8"}}},
            agent_.stop));
        job(one, one.target).fetch([&](std::string_view bytes) { lister.write(bytes); });
        const auto entries =
            lister.finish(fmt::format("tar can't list the backup of {}", one.sealed.artefact.item));
        compare_entries(one, entries);
        return {.entries = entries, .warnings = {}};
    }

    static void compare_entries(const RequestedArtefact& one, std::uint64_t entries) {
        const auto& wanted = member_or_null(one.sealed.artefact.details, "entries");
        if (wanted.is_number_integer() && wanted != entries)
            throw Error(errors::integrity,
                        fmt::format("the backup of {} has {} entries, not {}",
                                    one.sealed.artefact.item,
                                    entries,
                                    wanted.dump()));
    }

    Verified read_globals(const RequestedArtefact& one) {
        std::string script;
        job(one, one.target).fetch([&](std::string_view bytes) { script += bytes; });
        const auto globals = globals_to_run(script, {}, {});
        wipe(script);
        if (globals.new_roles.empty()) throw Error(errors::integrity, "the script of roles makes none");
        return {.entries = globals.new_roles.size(), .warnings = {}};
    }

    Json throw_away_target(const RequestedArtefact& one) {
        const auto service = string_or(one.target, "service", "postgres");
        away_.start_postgres(service, image_of(one.target), superuser_of(one.target));
        return {{"kind", one.sealed.artefact.kind},
                {"project", away_.project()},
                {"service", service},
                {"database", one.sealed.artefact.part}};
    }

    Verified restore_globals(const RequestedArtefact& one) {
        const auto target = throw_away_target(one);
        auto restored = restore_postgres_globals(job(one, target));
        return {.warnings = std::move(restored.warnings)};
    }

    Verified restore_database(const RequestedArtefact& one) {
        const auto target = throw_away_target(one);
        auto restored = restore_postgres(job(one, target));
        return {.rows = restored.rows, .warnings = std::move(restored.warnings)};
    }

    /// "REDIS" and a version at the beginning, the end mark and a checksum at the end.
    Verified look_at_rdb(const RequestedArtefact& one, bool deep) {
        const auto folder = away_.folder(deep ? one.sealed.artefact.plain_bytes * 2 : 0);
        const auto path = folder / "dump.rdb";
        FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        std::string head, tail;
        job(one, one.target).fetch([&](std::string_view bytes) {
            if (head.size() < 9) head += bytes.substr(0, 9 - head.size());
            tail += bytes.substr(bytes.size() - std::min<std::size_t>(9, bytes.size()));
            if (tail.size() > 9) tail.erase(0, tail.size() - 9);
            if (deep) write_all(file.get(), bytes, path);
        });
        if (!head.starts_with("REDIS") || tail.size() < 9 || tail.front() != '\xFF')
            throw Error(errors::integrity,
                        fmt::format("the backup of {} is no whole RDB", one.sealed.artefact.item));
        if (!deep) return {.entries = 1, .warnings = {}};
        const auto keys = away_.keys_of(path, image_of(one.target));
        compare_keys(one, keys);
        return {.entries = keys, .warnings = {}};
    }

    static void compare_keys(const RequestedArtefact& one, std::uint64_t found) {
        const auto& details = one.sealed.artefact.details;
        const auto& keys = member_or_null(details, "keys");
        if (!keys.is_number_integer()) return;
        const auto& expires = member_or_null(details, "expires");
        const auto wanted = keys.get<std::uint64_t>();
        const auto may_miss = expires.is_number_integer() ? expires.get<std::uint64_t>() : 0;
        if (found > wanted || found + may_miss < wanted)
            throw Error(
                errors::integrity,
                fmt::format("the backup of {} has {} keys, not {}", one.sealed.artefact.item, found, wanted));
    }

    Verified unpack_files(const RequestedArtefact& one) {
        const auto folder = away_.folder(one.sealed.artefact.plain_bytes);
        Untar tar(folder, {}, agent_.stop);
        job(one, one.target).fetch([&](std::string_view bytes) { tar.write(bytes); });
        const auto entries = tar.finish();
        compare_entries(one, entries);
        return {.entries = entries, .warnings = {}};
    }

    RestoreAgentRequest request_;
    const RestoreAgent& agent_;
    RestoreDocker docker_;
    std::unique_ptr<store::Store> store_;
    ThrowAways away_;
    std::mutex saying_;
};

}  // namespace

Json run_verify(const Json& request, const RestoreAgent& agent) {
    return Verifying(read_restore_request(request), agent).run();
}

}  // namespace kavi::ops

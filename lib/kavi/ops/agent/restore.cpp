#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/restore.hpp>
#include <kavi/ops/agent/restore_kept.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace kavi::ops {

namespace {

using Restore = Restored (*)(const RestoreJob&);

Restore restore_of(const std::string& kind) {
    static const std::map<std::string, Restore, std::less<>> all{
        {"postgres", &restore_postgres},
        {"postgres-globals", &restore_postgres_globals},
        {"redis", &restore_redis},
        {"files", &restore_files},
        {"images", &restore_images}};
    const auto found = all.find(kind);
    if (found == all.end())
        throw Error(errors::restore_failed,
                    fmt::format("nothing restores what is of kind '{}'", printable(kind)));
    return found->second;
}

[[noreturn]] void lacks(std::string_view what) {
    throw Error(errors::json_invalid, fmt::format("the request has no {}", what));
}

std::uint64_t number(const Json& object, std::string_view key) {
    const auto& value = member_or_null(object, key);
    if (!value.is_number_integer()) lacks(key);
    return value.get<std::uint64_t>();
}

std::string text(const Json& object, std::string_view key) {
    auto value = string_or(object, key);
    if (value.empty()) lacks(key);
    return value;
}

RequestedArtefact read_artefact(const Json& entry) {
    const auto& one = member_or_null(entry, "artefact");
    RequestedArtefact requested{
        .sealed = {.artefact = {.item = text(one, "item"),
                                .kind = text(one, "kind"),
                                .part = string_or(one, "part"),
                                .file = text(one, "file"),
                                .bytes = number(one, "bytes"),
                                .sha256 = text(one, "sha256"),
                                .plain_bytes = number(one, "plain_bytes"),
                                .plain_sha256 = text(one, "plain_sha256"),
                                .details = member_or_null(one, "details")},
                   .header_size = static_cast<std::size_t>(number(entry, "header_size")),
                   .file_key = {}},
        .target = member_or_null(entry, "target")};
    auto key = decode_base64(string_or(entry, "file_key"));
    if (!key || key->size() != 16) lacks("file_key");
    requested.sealed.file_key = Secret::take(*key);
    return requested;
}

std::string subject_of(const Artefact& artefact) {
    return artefact.part.empty() ? artefact.item : artefact.item + "/" + artefact.part;
}

/// Restores what is asked for, one after the other.
class Restoring {
  public:
    Restoring(RestoreAgentRequest request, const RestoreAgent& agent)
        : request_(std::move(request)),
          agent_(agent),
          docker_(agent.clock, agent.stop),
          store_(agent.open_store(request_.store)) {}

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
            result.update(to_json(restore(one)));
            result["bytes"] = one.sealed.artefact.plain_bytes;
        } catch (const Error& error) {
            result["failure"] = failure_json(error);
        }
        result["seconds"] = std::chrono::duration<double>(agent_.clock.steady() - began).count();
        return result;
    }

    Restored restore(const RequestedArtefact& one) {
        const auto& artefact = one.sealed.artefact;
        const auto subject = subject_of(artefact);
        const RestoreJob job{
            .docker = docker_,
            .store = *store_,
            .path = fmt::format("{}/{}", backup_folder(request_.estate, request_.server), artefact.file),
            .sealed = one.sealed,
            .target = one.target,
            .run = request_.run,
            .note = agent_.folder + "/restore/stopped.json",
            .on_progress = [&](std::string_view doing,
                               std::uint64_t bytes,
                               std::uint64_t total) { say(subject, doing, bytes, total); },
            .reached =
                [&](std::string_view point) { agent_.reached(artefact.kind + ":" + std::string(point)); },
            .stop = agent_.stop};
        return restore_of(string_or(one.target, "kind", artefact.kind))(job);
    }

    /// By several threads.
    void say(const std::string& subject, std::string_view doing, std::uint64_t bytes, std::uint64_t total) {
        Json event{{"event", "progress"}, {"subject", subject}, {"text", doing}};
        if (total > 0) event.update({{"bytes", bytes}, {"total", total}});
        const std::lock_guard lock(saying_);
        agent_.on_event(event);
    }

    RestoreAgentRequest request_;
    const RestoreAgent& agent_;
    RestoreDocker docker_;
    std::unique_ptr<store::Store> store_;
    std::mutex saying_;
};

}  // namespace

void RestoreJob::fetch(const seal::WriteBytes& consume) const {
    const auto total = sealed.artefact.bytes;
    std::uint64_t told = 0;
    unpack(
        store,
        path,
        sealed,
        consume,
        [&](std::uint64_t bytes) {
            if (bytes < told + (4u << 20) && bytes != total) return;
            told = bytes;
            on_progress("fetching", bytes, total);
        },
        stop);
}

Json to_json(const Restored& restored) {
    return {{"rows", restored.rows},
            {"kept", restored.kept},
            {"restarted", restored.restarted},
            {"warnings", restored.warnings}};
}

Json failure_json(const Error& error) {
    return {{"code", error.code().id},
            {"message", error.message()},
            {"causes", error.causes()},
            {"fix", error.advice()}};
}

RestoreAgentRequest read_restore_request(const Json& request) {
    if (member_or_null(request, "kavi.agent") != 1)
        throw Error(errors::json_invalid, "the request isn't for this agent");
    RestoreAgentRequest read{.estate = text(request, "estate"),
                             .server = text(request, "server"),
                             .run = text(request, "run"),
                             .store = member_or_null(request, "store"),
                             .artefacts = {}};
    // Names of databases and folders are made with it.
    if (!run_time(read.run)) lacks("run");
    if (const auto& level = member_or_null(request, "level"); level.is_number_integer())
        read.level = level.get<int>();
    for (const auto& entry : member_or_null(request, "artefacts"))
        read.artefacts.push_back(read_artefact(entry));
    return read;
}

Json run_restore(const Json& request, const RestoreAgent& agent) {
    if (const auto& kept = member_or_null(request, "kept"); kept.is_object()) {
        RestoreDocker docker(agent.clock, agent.stop);
        return handle_kept(docker, kept);
    }
    return Restoring(read_restore_request(request), agent).run();
}

}  // namespace kavi::ops

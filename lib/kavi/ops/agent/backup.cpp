#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/backup.hpp>
#include <kavi/ops/agent/backup_pipeline.hpp>
#include <kavi/ops/agent/backup_progress.hpp>
#include <kavi/ops/agent/backup_stores.hpp>
#include <kavi/ops/agent/items.hpp>
#include <kavi/ops/agent/restore.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/seal/sshsig.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::ops {

namespace {

constexpr std::uint64_t small_enough = 1u << 20;  // below it any size is plausible

using ItemKind = void (*)(const ItemJob&);

ItemKind kind_of(const std::string& name) {
    static const std::map<std::string, ItemKind, std::less<>> all{{"postgres", &backup_postgres},
                                                                  {"redis", &backup_redis},
                                                                  {"files", &backup_files},
                                                                  {"images", &backup_images}};
    const auto found = all.find(name);
    if (found == all.end())
        throw Error(errors::backup_failed,
                    fmt::format("nothing backs up what is of kind '{}'", printable(name)));
    return found->second;
}

seal::SshPrivateKey signing_key(const std::string& path) {
    const auto text = read_file_if_there(path);
    if (!text)
        throw Error(errors::backup_failed, "this server has no key to sign with")
            .because(path + " isn't there")
            .fix("kavi deploy");
    return seal::read_ssh_private_key(*text, path);
}

std::string message_of(const Error& error) {
    auto text = error.message();
    for (const auto& cause : error.causes()) text += ": " + cause;
    return printable(text);
}

/// One run, from what is stored to the manifest.
class BackupRun {
  public:
    BackupRun(BackupRequest request, const BackupAgent& agent)
        : request_(std::move(request)),
          agent_(agent),
          docker_(agent.clock, agent.stop),
          key_(signing_key(request_.signing_key)),
          progress_(agent.clock, agent.on_event) {
        manifest_ = {.estate = request_.estate,
                     .server = request_.server,
                     .started = iso8601(agent.clock.now()),
                     .kavi = request_.kavi};
        manifest_.sealed_sequence = request_.sealed_sequence;
        manifest_.encryption_key = request_.encryption_key;
        if (request_.run.empty())
            request_.run =
                fmt::format("{}-{}",
                            time_stamp(std::chrono::floor<std::chrono::seconds>(agent.clock.now())),
                            hex(random_bytes(2)));
        manifest_.run = request_.run;
    }

    Json run() {
        stores_ = open_run_stores(request_.stores, agent_);
        past_ = read_past(stores_, request_, key_.public_key);
        require_space(stores_, past_);
        manifest_.sequence = past_.sequence + 1;
        manifest_.previous = past_.digest;
        try {
            for (const auto& item : request_.items) attempt(item);
            if (manifest_.artefacts.empty()) throw nothing_stored();
            write_manifest_files();
        } catch (...) {
            sweep();
            throw;
        }
        sweep();
        return result();
    }

  private:
    /// What this run has put into a store that then failed is no backup there, and would fill a full one. One
    /// that can't be reached isn't tried again: the pruning takes it away.
    void sweep() {
        for (auto& store : stores_) {
            if (store.lives() || !store.store || store.failure->code() == errors::network_failed) continue;
            try {
                for (const auto& path : store.paths) store.store->remove(path);
            } catch (const Error&) {  // as for one that can't be reached
            }
        }
    }

    void attempt(const BackupItemRequest& item) {
        const ItemJob job{
            .item = item,
            .docker = docker_,
            .store = [&](const NewArtefact& what) { store_or_note(item.name, what); },
            .fail = [&](std::string part, const Error& why) { note(item.name, std::move(part), why); },
            .warn =
                [&](std::string text) {
                    manifest_.warnings.push_back(fmt::format("{}: {}", item.name, printable(text)));
                },
            .keep_last = [&](const std::string& beginning) { return keep_last(beginning); },
            .is_taken = [&](const std::string& file) { return past_.is_taken(file); },
            .run = request_.run,
            .stop = agent_.stop};
        try {
            kind_of(item.kind)(job);
        } catch (const Error& error) {
            note(item.name, "", error);
        }
    }

    /// What ends the whole run flies on.
    void note(const std::string& item, std::string part, const Error& why) {
        if (why.code() == errors::interrupted) throw why;
        if (!any_lives(stores_)) throw *stores_.back().failure;
        manifest_.failures.push_back({item, std::move(part), message_of(why)});
        progress_.say(subject(item, manifest_.failures.back().part), "failed: " + why.message());
    }

    void store_or_note(const std::string& item, const NewArtefact& what) {
        try {
            store_artefact(item, what);
        } catch (const Error& error) {
            note(item, what.part, error);
        }
    }

    void store_artefact(const std::string& item, const NewArtefact& what) {
        Artefact artefact{.item = item,
                          .kind = what.kind,
                          .part = what.part,
                          .file = what.file.empty() ? file_of(item, what) : what.file};
        const auto last = past_.last(item, what.part, what.kind);
        progress_.begin(subject(item, what.part), last);
        ArtefactWriter writer(
            fmt::format("{}/{}", backup_folder(request_.estate, request_.server), artefact.file),
            request_.recipients,
            stores_);
        artefact.details = what.source([&](std::string_view bytes) {
            writer.write(bytes);
            progress_.add(bytes.size());
        });
        require_plausible(writer.plain_bytes(), last);
        agent_.reached("sent");
        const auto stored = writer.finish();
        artefact.bytes = stored.bytes;
        artefact.sha256 = stored.sha256;
        artefact.plain_bytes = stored.plain_bytes;
        artefact.plain_sha256 = stored.plain_sha256;
        progress_.done();
        agent_.reached("stored");
        manifest_.artefacts.push_back(std::move(artefact));
    }

    void require_plausible(std::uint64_t bytes, std::uint64_t last) const {
        if (bytes == 0) throw Error(errors::backup_failed, "nothing came");
        if (request_.accept_smaller || last <= small_enough || bytes >= last / 2) return;
        throw Error(errors::backup_failed,
                    fmt::format("it is {} where the last one was {}", size_text(bytes), size_text(last)))
            .fix("if that is right: kavi backup --accept-smaller");
    }

    bool keep_last(const std::string& beginning) {
        const auto* artefact = past_.everywhere(beginning, stores_);
        if (artefact == nullptr) return false;
        const auto same = std::ranges::find(manifest_.artefacts, artefact->file, &Artefact::file);
        if (same == manifest_.artefacts.end()) manifest_.artefacts.push_back(*artefact);
        return true;
    }

    /// In the run's folder; two names that are written alike get different files.
    std::string file_of(const std::string& item, const NewArtefact& what) {
        auto stem = file_name_of(item);
        if (!what.part.empty()) stem += "." + file_name_of(what.part);
        if (!names_.insert(stem + "." + what.form).second) stem += "." + hex(sha256(what.part)).substr(0, 8);
        return fmt::format("{}/{}.{}.zst.age", request_.run, stem, what.form);
    }

    static std::string subject(const std::string& item, const std::string& part) {
        return part.empty() ? item : item + "/" + part;
    }

    /// The signature first: a manifest is never there without one.
    void write_manifest_files() {
        manifest_.finished = iso8601(agent_.clock.now());
        const auto bytes = write_manifest(manifest_);
        const auto signature = seal::sign_sshsig(key_, backup_namespace, bytes);
        const auto folder =
            fmt::format("{}/{}", backup_folder(request_.estate, request_.server), request_.run);
        agent_.reached("unsigned");
        write_in_each(stores_, folder + "/manifest.json.sig", signature);
        agent_.reached("signed");
        write_in_each(stores_, folder + "/manifest.json", bytes);
        agent_.reached("whole");
        if (!any_lives(stores_)) throw *stores_.back().failure;
    }

    Error nothing_stored() const {
        Error error(errors::backup_failed, "nothing could be backed up");
        for (const auto& failure : manifest_.failures)
            error.because(fmt::format("{}: {}", subject(failure.item, failure.part), failure.message));
        return error;
    }

    Json result() const {
        auto stores = Json::object();
        for (const auto& store : stores_)
            stores[store.name] = store.failure ? Json{{"failure", ops::failure_json(*store.failure)}}
                                               : Json{{"bytes", store.bytes}};
        return {{"run", request_.run},
                {"manifest", Json::parse(write_manifest(manifest_))},
                {"stores", std::move(stores)}};
    }

    BackupRequest request_;
    const BackupAgent& agent_;
    RestoreDocker docker_;
    seal::SshPrivateKey key_;
    BackupProgress progress_;
    std::vector<RunStore> stores_;
    StoredPast past_;
    Manifest manifest_;
    std::set<std::string> names_;
};

}  // namespace

Json run_backup(const Json& request, const BackupAgent& agent) {
    return BackupRun(read_backup_request(request), agent).run();
}

std::vector<std::string> backup_problems(const Json& result) {
    std::vector<std::string> problems;
    for (const auto& failure : member_or_null(member_or_null(result, "manifest"), "failures")) {
        const auto part = string_or(failure, "part");
        problems.push_back(printable(fmt::format("{}{}{}: {}",
                                                 string_or(failure, "item"),
                                                 part.empty() ? "" : "/",
                                                 part,
                                                 string_or(failure, "message"))));
    }
    const auto& stores = member_or_null(result, "stores");
    if (stores.is_object())
        for (const auto& [name, said] : stores.items())
            if (const auto& failure = member_or_null(said, "failure"); failure.is_object())
                problems.push_back(
                    printable(fmt::format("store {}: {}", name, string_or(failure, "message"))));
    return problems;
}

}  // namespace kavi::ops

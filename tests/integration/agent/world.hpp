#pragma once

#include "../restore/world.hpp"

#include <kavi/ops/agent/backup.hpp>
#include <kavi/ops/backup/catalog.hpp>
#include <kavi/seal/ssh_key.hpp>
#include <kavi/store/local_store.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <sys/resource.h>

/// Backups of real programs into real folders, opened by stock tools alone.
namespace kavi::backup_test {

using restore_test::BorrowedStore;
using restore_test::Container;
using restore_test::have_docker;
using restore_test::must;
using restore_test::Postgres;
using restore_test::sh;
using restore_test::skipped;

/// A store that stops the process (or fails) once so many bytes have been written to it.
class LimitedStore final : public store::Store {
  public:
    LimitedStore(std::unique_ptr<store::Store> inner, std::uint64_t limit, std::function<void()> beyond)
        : inner_(std::move(inner)), left_(limit), beyond_(std::move(beyond)) {}

    const std::string& name() const override { return inner_->name(); }

    std::vector<store::StoredFile> list(const std::string& folder) override { return inner_->list(folder); }

    std::vector<store::StoredFile> unfinished(const std::string& folder) override { return inner_->unfinished(folder); }

    std::unique_ptr<store::Upload> create(const std::string& path) override {
        return std::make_unique<LimitedUpload>(*this, inner_->create(path));
    }

    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override {
        inner_->read(path, on_bytes, offset, limit);
    }

    std::optional<std::string> sha256(const std::string& path) override { return inner_->sha256(path); }

    void remove(const std::string& path) override { inner_->remove(path); }

    std::optional<store::Space> space() override { return inner_->space(); }

  private:
    class LimitedUpload final : public store::Upload {
      public:
        LimitedUpload(LimitedStore& store, std::unique_ptr<store::Upload> inner) : store_(store), inner_(std::move(inner)) {}

        void write(std::string_view bytes) override {
            inner_->write(bytes);
            store_.left_ -= std::min<std::uint64_t>(store_.left_, bytes.size());
            if (store_.left_ == 0) store_.beyond_();
        }

        bool finish() override { return inner_->finish(); }

      private:
        LimitedStore& store_;
        std::unique_ptr<store::Upload> inner_;
    };

    std::unique_ptr<store::Store> inner_;
    std::uint64_t left_;
    std::function<void()> beyond_;
};

/// A server's keys and folders that are stores.
class World {
  public:
    World() : identity_(seal::X25519Identity::generate()) {
        const auto key = seal::generate_ssh_key("bruno");
        signer = key.public_key;
        write_file_atomic(path("signing_ed25519"), write_ssh_private_key(key).reveal(), 0600);
        write_file_atomic(path("age.txt"), identity_.text().reveal(), 0600);
        write_file_atomic(path("signers"), "bruno " + signer.line() + "\n", 0600);
    }

  private:
    TemporaryFolder folder_;
    SystemClock clock_;
    seal::X25519Identity identity_;
    int runs_ = 0;

  public:
    seal::SshPublicKey signer;
    std::vector<std::string> stores{"box"};
    std::vector<Json> events;
    bool accept_smaller = false;
    std::function<std::unique_ptr<store::Store>(const std::string& name, std::unique_ptr<store::Store>)> wrap = {};
    std::function<void(std::string_view point)> reached = [](std::string_view) {};

    std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

    std::filesystem::path box(const std::string& below = {}) const { return path("box") / "kavi/bruno" / below; }

    /// The name that the next run gets.
    std::string next_run() const { return fmt::format("20261125T{:02}0000Z-{:04x}", runs_ + 1, runs_ + 1); }

    Json request(Json items) {
        auto request = Json{{"kavi.agent", 1}, {"estate", "kavi"}, {"server", "bruno"}, {"run", next_run()}, {"kavi", "0.1.0"},
                            {"recipients", {identity_.recipient()}}, {"signing_key", path("signing_ed25519").string()},
                            {"items", std::move(items)}, {"sealed_sequence", 5}, {"encryption_key", "k:1"}, {"accept_smaller", accept_smaller}};
        for (const auto& name : stores) request["stores"].push_back({{"name", name}});
        ++runs_;
        return request;
    }

    Json run(Json items) { return ops::run_backup(request(std::move(items)), agent()); }

    /// run() in a process of its own. Its memory in KiB at most; 0 where SIGKILL ended it.
    long run_apart(Json items) {
        const auto asked = request(std::move(items));
        const auto child = ::fork();
        if (child == 0) {
            bool good = false;
            try {
                good = ops::backup_problems(ops::run_backup(asked, agent())).empty();
            } catch (...) {
            }
            ::_exit(good ? 0 : 1);
        }
        int status = 0;
        rusage used{};
        ::wait4(child, &status, 0, &used);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return 0;
        REQUIRE(status == 0);
        return used.ru_maxrss;
    }

    ops::Catalog catalog(const std::string& name = "box") {
        store::LocalStore store(name, path(name), {});
        return ops::read_catalog(store, {.estate = "kavi", .server = "bruno", .signers = {signer}});
    }

    /// The content of a stored file by stock tools, as a file.
    std::filesystem::path opened(const std::string& file) const {
        const auto plain = path("opened");
        must(fmt::format("age -d -i {} {} | zstd -d -q -f -o {}", path("age.txt").string(), box(file).string(), plain.string()));
        return plain;
    }

    /// Opens every artefact of a manifest and compares sizes and hashes, inside and outside, and its signature.
    void check_manifest(const Json& manifest) const {
        const auto run = manifest["run"].get<std::string>();
        must(fmt::format("ssh-keygen -Y verify -f {} -I bruno -n kavi.backup@kua.cl -s {} <{}", path("signers").string(),
                         box(run + "/manifest.json.sig").string(), box(run + "/manifest.json").string()));
        CHECK(Json::parse(read_file(box(run + "/manifest.json"))) == manifest);
        for (const auto& artefact : manifest["artefacts"]) {
            const auto file = artefact["file"].get<std::string>();
            CAPTURE(file);
            CHECK(seen(box(file)) == std::pair(artefact["bytes"].get<std::uint64_t>(), artefact["sha256"].get<std::string>()));
            CHECK(seen(opened(file)) == std::pair(artefact["plain_bytes"].get<std::uint64_t>(), artefact["plain_sha256"].get<std::string>()));
        }
    }

    /// Everything below the server's folder, parts too.
    std::set<std::string> files(const std::string& below = {}) const {
        std::set<std::string> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(box(below)))
            if (entry.is_regular_file()) found.insert(entry.path().lexically_relative(box()).string());
        return found;
    }

  private:
    static std::pair<std::uint64_t, std::string> seen(const std::filesystem::path& file) {
        return {std::filesystem::file_size(file), must("sha256sum <" + file.string()).substr(0, 64)};
    }

    ops::BackupAgent agent() {
        return {.open_store =
                    [this](const Json& asked) -> std::unique_ptr<store::Store> {
                        const auto name = asked["name"].get<std::string>();
                        auto store = std::make_unique<store::LocalStore>(name, path(name), std::stop_token());
                        return wrap ? wrap(name, std::move(store)) : std::move(store);
                    },
                .on_event = [this](const Json& event) { events.push_back(event); },
                .clock = clock_,
                .reached = reached,
                .stop = {}};
    }
};

/// {"databases": …} as the manifest's entries: by "item/part" (globals: "item/globals").
inline std::map<std::string, Json> artefacts_of(const Json& result) {
    std::map<std::string, Json> all;
    for (const auto& one : result["manifest"]["artefacts"]) {
        const auto part = one["kind"] == "postgres-globals" ? std::string("globals") : one["part"].get<std::string>();
        all[one["item"].get<std::string>() + (part.empty() ? "" : "/" + part)] = one;
    }
    return all;
}

inline std::map<std::string, std::string> failures_of(const Json& result) {
    std::map<std::string, std::string> all;
    for (const auto& one : result["manifest"]["failures"]) {
        const auto part = string_or(one, "part");
        all[one["item"].get<std::string>() + (part.empty() ? "" : "/" + part)] = one["message"];
    }
    return all;
}

inline Json postgres_item() {
    return {{"name", "databases"}, {"kind", "postgres"}, {"project", restore_test::World::project}, {"service", "postgres"}};
}

}  // namespace kavi::backup_test

#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/catalog.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/seal/sshsig.hpp>

#include <support/memory_store.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace kavi::test {

struct StoredItem {
    std::string item, part;
    std::string bytes;      ///< as stored
    std::string file = {};  ///< empty: RUN/ITEM[.PART].tar.zst.age
};

/// Stores runs of bruno as the agent would: artefacts, signature, manifest; each names the one before it.
class BackupWriter {
  public:
    explicit BackupWriter(MemoryStore& store) : store_(store) {}

    seal::SshPrivateKey key = seal::generate_ssh_key("bruno backups");
    std::string estate = "kavi", server = "bruno";

    ops::ManifestSigners signers() const { return {key.public_key}; }

    std::string folder() const { return ops::backup_folder(estate, server); }

    ops::Catalog catalog(std::optional<std::size_t> newest = std::nullopt) const {
        return ops::read_catalog(
            store_, {.estate = estate, .server = server, .signers = signers(), .newest = newest});
    }

    ops::Manifest write(const std::string& run,
                        const std::vector<StoredItem>& items,
                        std::vector<ops::ItemFailure> failures = {}) {
        ops::Manifest manifest{.estate = estate,
                               .server = server,
                               .run = run,
                               .sequence = ++sequence_,
                               .previous = previous_,
                               .started = iso8601(*ops::run_time(run)),
                               .finished = iso8601(*ops::run_time(run) + std::chrono::seconds(90)),
                               .kavi = "0.1.0",
                               .failures = std::move(failures)};
        for (const auto& item : items) manifest.artefacts.push_back(store_artefact(run, item));
        write_manifest(manifest);
        return manifest;
    }

    /// Signs with `key` and writes over what is there.
    void write_manifest(const ops::Manifest& manifest) {
        const auto bytes = ops::write_manifest(manifest);
        const auto at = ops::run_folder(estate, server, manifest.run);
        store_.files[at + "/manifest.json.sig"] = seal::sign_sshsig(key, ops::backup_namespace, bytes);
        store_.files[at + "/manifest.json"] = bytes;
        previous_ = ops::manifest_digest(bytes);
    }

  private:
    ops::Artefact store_artefact(const std::string& run, const StoredItem& item) {
        const auto dot = item.part.empty() ? "" : ".";
        const auto file =
            item.file.empty() ? run + "/" + item.item + dot + item.part + ".tar.zst.age" : item.file;
        store_.files[folder() + "/" + file] = item.bytes;
        return {.item = item.item,
                .kind = "files",
                .part = item.part,
                .file = file,
                .bytes = item.bytes.size(),
                .sha256 = hex(sha256(item.bytes)),
                .plain_bytes = item.bytes.size(),
                .plain_sha256 = hex(sha256(item.bytes))};
    }

    MemoryStore& store_;
    std::int64_t sequence_ = 0;
    std::string previous_;
};

}  // namespace kavi::test

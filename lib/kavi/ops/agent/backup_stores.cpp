#include <kavi/base/error_codes.hpp>
#include <kavi/ops/agent/backup_stores.hpp>
#include <kavi/ops/backup/catalog.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

constexpr std::size_t manifests_read = 5, manifests_at_most = 100;
constexpr std::int64_t largest_claim = 1'000'000'000;

template <typename Work>
void at_each(std::span<RunStore> stores, Work work) {
    for (auto& store : stores) {
        if (!store.lives()) continue;
        try {
            work(store);
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            store.failure = error;
        }
    }
    if (!any_lives(stores)) throw *stores.back().failure;
}

/// Manifests that another key signed: this server was made anew. The chain goes on behind them, nothing else
/// of them is believed.
void follow_refused(StoredPast& past, store::Store& store, const Catalog& catalog) {
    for (const auto& refused : catalog.refused) {
        if (refused.why.code() != errors::backup_untrusted) continue;
        try {
            const auto bytes = store::read_small(
                store, run_folder(catalog.estate, catalog.server, refused.run) + "/manifest.json");
            const auto manifest = read_manifest(bytes, refused.run);
            if (manifest.sequence <= past.sequence || manifest.sequence > largest_claim) continue;
            past.sequence = manifest.sequence;
            past.digest = manifest_digest(bytes);
        } catch (const Error& error) {
            if (error.code() != errors::integrity) throw;
        }
    }
}

void learn(StoredPast& past, const Catalog& catalog) {
    const auto folder = backup_folder(catalog.estate, catalog.server) + "/";
    auto& files = past.files[catalog.store];
    for (const auto& file : catalog.files)
        files[file.path.substr(std::min(folder.size(), file.path.size()))] = file.bytes;
    for (const auto& run : catalog.runs) {
        if (run.manifest.sequence > past.sequence) {
            past.sequence = run.manifest.sequence;
            past.digest = run.digest;
            past.total = 0;
            for (const auto& artefact : run.manifest.artefacts)
                if (artefact.file.starts_with(run.run + "/"))
                    past.total += artefact.bytes;  // images stay where they are
        }
        for (const auto& artefact : run.manifest.artefacts) past.artefacts.push_back(artefact);
    }
}

bool knows(const Catalog& catalog, const BackupItemRequest& item) {
    return std::ranges::any_of(catalog.runs, [&](const StoredRun& run) {
        return std::ranges::find(run.manifest.artefacts, item.name, &Artefact::item) !=
               run.manifest.artefacts.end();
    });
}

/// The newest manifests; many of them where the last runs were of other items.
Catalog newest_runs(store::Store& store, const BackupRequest& request, const seal::SshPublicKey& signer) {
    CatalogRequest wanted{
        .estate = request.estate, .server = request.server, .signers = {signer}, .newest = manifests_read};
    auto catalog = read_catalog(store, wanted);
    if (catalog.unread.empty() ||
        std::ranges::all_of(request.items, [&](const auto& item) { return knows(catalog, item); }))
        return catalog;
    wanted.newest = manifests_at_most;
    return read_catalog(store, wanted);
}

}  // namespace

std::uint64_t StoredPast::last(std::string_view item, std::string_view part, std::string_view kind) const {
    for (const auto& artefact : artefacts)
        if (artefact.item == item && artefact.part == part && artefact.kind == kind)
            return artefact.plain_bytes;
    return 0;
}

const Artefact* StoredPast::everywhere(const std::string& beginning, std::span<const RunStore> stores) const {
    const auto lies_in = [&](const Artefact& artefact, const RunStore& store) {
        const auto listed = files.find(store.name);
        if (listed == files.end()) return false;
        const auto there = listed->second.find(artefact.file);
        return there != listed->second.end() && there->second == artefact.bytes;
    };
    for (const auto& artefact : artefacts)
        if (artefact.file.starts_with(beginning) && std::ranges::all_of(stores, [&](const RunStore& store) {
                return !store.lives() || lies_in(artefact, store);
            }))
            return &artefact;
    return nullptr;
}

bool StoredPast::is_taken(const std::string& file) const {
    return std::ranges::any_of(files, [&](const auto& listed) { return listed.second.contains(file); });
}

std::vector<RunStore> open_run_stores(const std::vector<Json>& requests, const BackupAgent& agent) {
    std::vector<RunStore> stores;
    for (const auto& request : requests) {
        RunStore store{.name = string_or(request, "name"), .store = nullptr, .failure = {}};
        try {
            store.store = agent.open_store(request);
        } catch (const Error& error) {
            store.failure = error;
        }
        stores.push_back(std::move(store));
    }
    if (!any_lives(stores)) throw *stores.back().failure;
    return stores;
}

StoredPast read_past(std::span<RunStore> stores,
                     const BackupRequest& request,
                     const seal::SshPublicKey& signer) {
    StoredPast past;
    at_each(stores, [&](RunStore& store) {
        const auto catalog = newest_runs(*store.store, request, signer);
        learn(past, catalog);
        if (catalog.runs.empty()) follow_refused(past, *store.store, catalog);
    });
    // The file's name begins with its run, but for images, of which any is as good.
    std::ranges::stable_sort(past.artefacts, std::greater<>(), &Artefact::file);
    return past;
}

void require_space(std::span<RunStore> stores, const StoredPast& past) {
    const auto needed = past.total + past.total / 5;
    at_each(stores, [&](RunStore& store) {
        const auto space = store.store->space();
        if (!space || space->free >= needed) return;
        throw Error(errors::store_full, fmt::format("{} has {} free", store.name, size_text(space->free)))
            .because(fmt::format("the last run took {}", size_text(past.total)))
            .fix("kavi backup prune");
    });
}

void write_in_each(std::span<RunStore> stores, const std::string& path, std::string_view bytes) {
    at_each(stores, [&](RunStore& store) { store::write_small(*store.store, path, bytes); });
}

}  // namespace kavi::ops

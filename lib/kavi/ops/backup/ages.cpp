#include <kavi/ops/backup/ages.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

/// What the newest run of all says of an item that it hasn't got whole.
std::string trouble_of(const Catalog& catalog, const std::string& item) {
    const auto runs = catalog.all_runs();
    if (runs.empty()) return "there is no backup";
    const auto refused = std::ranges::find(catalog.refused, runs.front(), &RefusedRun::run);
    if (refused != catalog.refused.end()) return refused->why.message();
    const auto* run = catalog.find(runs.front());
    if (!run || run->has_whole(item)) return {};
    for (const auto& failure : run->manifest.failures)
        if (failure.item == item)
            return fmt::format(
                "{}{}{}: {}", item, failure.part.empty() ? "" : "/", failure.part, failure.message);
    for (const auto& artefact : run->manifest.artefacts)
        if (const auto flaw = run->flaws.find(artefact.file);
            artefact.item == item && flaw != run->flaws.end())
            return fmt::format("{} {}", artefact.file, flaw->second);
    return fmt::format("run {} hasn't got it", run->run);
}

}  // namespace

std::vector<BackupAge> backup_ages(const Catalog& catalog, const std::vector<std::string>& items) {
    std::vector<BackupAge> ages;
    for (const auto& item : items) {
        BackupAge age{.item = item, .store = catalog.store, .trouble = trouble_of(catalog, item)};
        const auto newest =
            std::ranges::find_if(catalog.runs, [&](const StoredRun& run) { return run.has_whole(item); });
        if (newest != catalog.runs.end()) age.newest = newest->time;
        for (const auto& note : catalog.verified) {
            if (note.item != item) continue;
            if (note.ok) age.verified[note.level] = note.at;
            age.failed = note.ok ? std::nullopt : std::optional(note.level);
        }
        ages.push_back(std::move(age));
    }
    return ages;
}

}  // namespace kavi::ops

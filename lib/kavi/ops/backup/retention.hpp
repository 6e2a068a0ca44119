#pragma once

#include <kavi/ops/backup/catalog.hpp>
#include <kavi/ops/backup/when.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Which backups stay, and why. Pure.
namespace kavi::ops {

/// Each rule keeps the newest run of so many hours, days, weeks (from Monday), months, years that have one;
/// what any rule keeps stays.
struct KeepRules {
    int last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
    std::optional<std::chrono::seconds> within = {};  ///< before the newest run

    bool empty() const;

    /// Of the estate file's [backup] keep.
    static KeepRules of(const std::map<std::string, int>& keep);
};

struct RunFate {
    std::string run;
    bool kept = false;
    std::vector<std::string> why;  ///< "daily 2026-11-24", "last", "newest of redis"; empty where it goes
};

struct Retention {
    std::vector<RunFate> runs;  ///< newest first: those with a good signature
    std::vector<std::string>
        unfinished;  ///< folders of runs that never came to a manifest, older than a day: they go
    std::vector<std::string>
        files;  ///< whole paths: files that no manifest names any more, and notes of runs that are gone
    std::vector<store::StoredFile> parts;  ///< cut off more than a day ago
    std::vector<std::string> notes;        ///< what stays though no rule keeps it, and why
    /// Why nothing should be pruned now: "run 2026… failed: redis: …"; empty: the last run was good.
    std::string last_failed;

    std::size_t going() const;
    bool nothing_goes() const;
};

/// Rules hold for each item by itself, on the zone's days, over the runs that have it whole: a run in which
/// an item failed takes no other run's place. Never goes: the newest run, the newest whole one of each item
/// and part, what can't be read or isn't trusted (noted), and with no rule at all, any. The catalog must have
/// been read whole.
Retention decide_retention(const Catalog& catalog,
                           const KeepRules& rules,
                           const TimeZone& zone,
                           std::chrono::sys_seconds now);

/// Throws errors::prune_refused where the last run failed, more than half of the runs would go at once, or
/// all that there is of an item. To be left out once the person has confirmed.
void guard_retention(const Catalog& catalog, const Retention& retention);

/// The files of a run, in the order in which they go: its manifest first, so that a cut leaves nothing that
/// looks whole.
std::vector<std::string> files_of_run(const Catalog& catalog, std::string_view run);

}  // namespace kavi::ops

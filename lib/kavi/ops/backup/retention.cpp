#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/retention.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>
#include <utility>

namespace kavi::ops {

namespace {

using namespace std::chrono;

using Reasons = std::map<std::string, std::set<std::string>>;  // reason → the items that it holds for

/// The day, week, … that a local time lies in, as it is called.
using Bucket = std::string (*)(local_seconds);

std::string date_text(local_days day) {
    const year_month_day date(day);
    return fmt::format("{:04}-{:02}-{:02}",
                       static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

std::string hour_of(local_seconds time) {
    const auto day = floor<days>(time);
    return fmt::format("hourly {} {:02}:00", date_text(day), floor<hours>(time - day).count());
}

std::string day_of(local_seconds time) {
    return "daily " + date_text(floor<days>(time));
}

std::string week_of(local_seconds time) {
    const auto day = floor<days>(time);
    return "weekly from " + date_text(day - (weekday(day) - Monday));
}

std::string month_of(local_seconds time) {
    return "monthly " + date_text(floor<days>(time)).substr(0, 7);
}

std::string year_of(local_seconds time) {
    return "yearly " + date_text(floor<days>(time)).substr(0, 4);
}

std::set<std::string> items_of(const Manifest& manifest) {
    std::set<std::string> items;
    for (const auto& artefact : manifest.artefacts) items.insert(artefact.item);
    return items;
}

std::string first_failure(const StoredRun& run) {
    if (!run.manifest.failures.empty()) {
        const auto& failure = run.manifest.failures.front();
        return fmt::format(
            "{}{}{}: {}", failure.item, failure.part.empty() ? "" : "/", failure.part, failure.message);
    }
    if (!run.flaws.empty()) return fmt::format("{} {}", run.flaws.begin()->first, run.flaws.begin()->second);
    return {};
}

class Decider {
  public:
    Decider(const Catalog& catalog, const KeepRules& rules, const TimeZone& zone, sys_seconds now)
        : catalog_(catalog), rules_(rules), zone_(zone), now_(now) {}

    Retention decide() {
        if (!catalog_.unread.empty()) throw Error(errors::internal, "the catalog wasn't read whole");
        for (const auto& run : catalog_.runs) items_.merge(items_of(run.manifest));
        keep_newest();
        for (const auto& item : items_) apply_rules(item);
        tell_fates();
        result_.last_failed = last_failed();
        sweep_unfinished();
        sweep_files();
        sweep_notes();
        sweep_parts();
        for (const auto& run : catalog_.refused)
            result_.notes.push_back(fmt::format("run {} stays: {}", run.run, run.why.message()));
        return std::move(result_);
    }

  private:
    void keep(const std::string& run, const std::string& why, const std::string& item = {}) {
        reasons_[run][why].insert(item);
    }

    void keep_newest() {
        if (!catalog_.runs.empty()) keep(catalog_.runs.front().run, "newest");
        std::set<std::pair<std::string, std::string>> parts;
        for (const auto& run : catalog_.runs)
            for (const auto& artefact : run.manifest.artefacts) {
                parts.emplace(artefact.item, artefact.part);
                parts.emplace(artefact.item, "");
            }
        for (const auto& [item, part] : parts) {
            const auto newest = std::ranges::find_if(
                catalog_.runs, [&](const StoredRun& run) { return run.has_whole(item, part); });
            if (newest != catalog_.runs.end() && newest != catalog_.runs.begin())
                keep(newest->run, fmt::format("newest of {}{}{}", item, part.empty() ? "" : "/", part));
        }
    }

    void apply_rules(const std::string& item) {
        std::vector<const StoredRun*> whole;  // newest first
        for (const auto& run : catalog_.runs)
            if (run.has_whole(item)) whole.push_back(&run);
        if (whole.empty()) return;
        for (std::size_t i = 0; i < whole.size(); ++i) {
            if (static_cast<int>(i) < rules_.last)
                keep(whole[i]->run, fmt::format("last {}", rules_.last), item);
            if (rules_.within && whole.front()->time - whole[i]->time <= *rules_.within)
                keep(whole[i]->run, fmt::format("within {}", age_text(*rules_.within)), item);
        }
        keep_one_of_each(whole, rules_.hourly, hour_of, item);
        keep_one_of_each(whole, rules_.daily, day_of, item);
        keep_one_of_each(whole, rules_.weekly, week_of, item);
        keep_one_of_each(whole, rules_.monthly, month_of, item);
        keep_one_of_each(whole, rules_.yearly, year_of, item);
    }

    void keep_one_of_each(const std::vector<const StoredRun*>& whole,
                          int count,
                          Bucket bucket,
                          const std::string& item) {
        std::string present;
        for (const auto* run : whole) {
            auto name = bucket(zone_.to_local(run->time));
            if (name == present) continue;
            if (count-- <= 0) return;
            keep(run->run, name, item);
            present = std::move(name);
        }
    }

    void tell_fates() {
        for (const auto& run : catalog_.runs) {
            RunFate fate{.run = run.run, .kept = reasons_.contains(run.run) || rules_.empty(), .why = {}};
            if (rules_.empty()) fate.why.push_back("no rule in [backup] keep");
            const auto reasons = reasons_.find(run.run);
            if (fate.kept && reasons != reasons_.end()) {
                for (const auto& [why, items] : reasons->second)
                    fate.why.push_back(reason_text(run, why, items));
                kept_.insert(run.run);
            } else if (fate.kept) {
                kept_.insert(run.run);
            }
            result_.runs.push_back(std::move(fate));
        }
    }

    /// "daily 2026-11-24", or with the items where it isn't all of the run's.
    static std::string reason_text(const StoredRun& run,
                                   const std::string& why,
                                   const std::set<std::string>& items) {
        auto whole = items_of(run.manifest);
        std::erase_if(whole, [&](const std::string& item) { return !run.has_whole(item); });
        if (items.contains("") || items == whole) return why;
        return fmt::format("{} ({})", why, fmt::join(items, ", "));
    }

    bool is_old(std::string_view run) const {
        const auto time = run_time(run);
        return time && now_ - *time > days(1);
    }

    /// The last run of all that came to an end, or should have.
    std::string last_failed() const {
        std::string newest, why;
        const auto look = [&](const std::string& run, const std::function<std::string()>& failure) {
            if (run <= newest) return;
            newest = run;
            why = failure();
        };
        if (!catalog_.runs.empty())
            look(catalog_.runs.front().run, [&] { return first_failure(catalog_.runs.front()); });
        if (!catalog_.refused.empty())
            look(catalog_.refused.front().run, [&] { return catalog_.refused.front().why.message(); });
        for (const auto& run : catalog_.unfinished)
            if (is_old(run)) look(run, [] { return std::string("it was cut off"); });
        return why.empty() ? why : fmt::format("run {}: {}", newest, why);
    }

    void sweep_unfinished() {
        for (const auto& run : catalog_.unfinished)
            if (is_old(run)) result_.unfinished.push_back(run);
    }

    bool may_be_writing() const {
        return std::ranges::any_of(catalog_.unfinished, [&](const auto& run) { return !is_old(run); });
    }

    void sweep_files() {
        const auto folder = backup_folder(catalog_.estate, catalog_.server) + "/";
        std::set<std::string> named, leaving;
        for (const auto& run : catalog_.runs)
            for (const auto& artefact : run.manifest.artefacts)
                if (!artefact.file.starts_with(run.run + "/"))
                    (kept_.contains(run.run) ? named : leaving).insert(folder + artefact.file);
        for (const auto& path : catalog_.unnamed) {
            const auto run = path.substr(folder.size(), path.find('/', folder.size()) - folder.size());
            if (path.starts_with(folder + "images/"))
                leaving.insert(path);
            else if (is_old(run)) {
                if (kept_.contains(run))
                    result_.files.push_back(path);  // a run that goes takes its own along
            } else {
                result_.notes.push_back(fmt::format("{} stays: no manifest names it", path));
            }
        }
        std::erase_if(leaving, [&](const std::string& path) { return named.contains(path); });
        if (catalog_.refused.empty() && !may_be_writing())
            result_.files.insert(result_.files.end(), leaving.begin(), leaving.end());
        else if (!leaving.empty())
            result_.notes.push_back(
                fmt::format("{} shared files stay: a run that {} may need them",
                            leaving.size(),
                            catalog_.refused.empty() ? "is being written" : "can't be read"));
    }

    /// Of each run, item and level the last note stays as long as the run; for its age, the last success of
    /// each item and level stays longer.
    void sweep_notes() {
        std::map<std::tuple<std::string, int>, const VerifiedNote*> successes;
        std::map<std::tuple<std::string, std::string, int>, const VerifiedNote*> last;
        for (const auto& note : catalog_.verified) {
            if (note.ok) successes[{note.item, note.level}] = &note;
            if (kept_.contains(note.run)) last[{note.run, note.item, note.level}] = &note;
        }
        const auto folder = backup_folder(catalog_.estate, catalog_.server);
        const auto stays = [](const auto& notes, const auto& key, const VerifiedNote& note) {
            const auto found = notes.find(key);
            return found != notes.end() && found->second == &note;
        };
        for (const auto& note : catalog_.verified)
            if (!stays(successes, std::tuple(note.item, note.level), note) &&
                !stays(last, std::tuple(note.run, note.item, note.level), note))
                result_.files.push_back(fmt::format("{}/{}", folder, note_file(note)));
    }

    /// A part says nothing of its age but by its run's folder; others wait until nothing is being written.
    void sweep_parts() {
        const auto folder = backup_folder(catalog_.estate, catalog_.server) + "/";
        for (const auto& part : catalog_.parts) {
            const auto top =
                part.path.substr(folder.size(), part.path.find('/', folder.size()) - folder.size());
            if (run_time(top) ? is_old(top) : !may_be_writing()) result_.parts.push_back(part);
        }
    }

    const Catalog& catalog_;
    const KeepRules& rules_;
    const TimeZone& zone_;
    sys_seconds now_;
    std::set<std::string> items_, kept_;
    std::map<std::string, Reasons> reasons_;  // by run
    Retention result_;
};

}  // namespace

bool KeepRules::empty() const {
    return last <= 0 && hourly <= 0 && daily <= 0 && weekly <= 0 && monthly <= 0 && yearly <= 0 && !within;
}

KeepRules KeepRules::of(const std::map<std::string, int>& keep) {
    const auto count = [&](const char* rule) {
        const auto found = keep.find(rule);
        return found == keep.end() ? 0 : found->second;
    };
    return {.last = count("last"),
            .hourly = count("hourly"),
            .daily = count("daily"),
            .weekly = count("weekly"),
            .monthly = count("monthly"),
            .yearly = count("yearly")};
}

std::size_t Retention::going() const {
    return static_cast<std::size_t>(std::ranges::count(runs, false, &RunFate::kept));
}

bool Retention::nothing_goes() const {
    return going() == 0 && unfinished.empty() && files.empty() && parts.empty();
}

Retention decide_retention(const Catalog& catalog,
                           const KeepRules& rules,
                           const TimeZone& zone,
                           sys_seconds now) {
    return Decider(catalog, rules, zone, now).decide();
}

void guard_retention(const Catalog& catalog, const Retention& retention) {
    const auto refuse = [&](std::string why) {
        throw Error(errors::prune_refused,
                    fmt::format("the backups of {} in {} aren't pruned", catalog.server, catalog.store))
            .because(std::move(why))
            .fix(fmt::format(
                "look at the plan (kavi backup prune --dry-run); if it is right, add --confirm {}",
                catalog.server));
    };
    if (!retention.last_failed.empty())
        refuse(fmt::format("the last run wasn't good: {}", retention.last_failed));
    if (retention.going() * 2 > retention.runs.size())
        refuse(fmt::format("{} of {} runs would go at once", retention.going(), retention.runs.size()));
    std::set<std::string> before, after;
    for (const auto& run : catalog.runs) {
        const auto fate = std::ranges::find(retention.runs, run.run, &RunFate::run);
        before.merge(items_of(run.manifest));
        if (fate != retention.runs.end() && fate->kept) after.merge(items_of(run.manifest));
    }
    for (const auto& item : before)
        if (!after.contains(item)) refuse(fmt::format("all that there is of {} would go", item));
}

std::vector<std::string> files_of_run(const Catalog& catalog, std::string_view run) {
    const auto folder = run_folder(catalog.estate, catalog.server, run) + "/";
    std::vector<std::string> files;
    for (const auto& file : catalog.files)
        if (file.path.starts_with(folder)) files.push_back(file.path);
    const auto rank = [&](const std::string& path) {
        const auto name = std::string_view(path).substr(folder.size());
        return name == "manifest.json" ? 0 : name == "manifest.json.sig" ? 1 : 2;
    };
    std::ranges::stable_sort(files, {}, rank);
    return files;
}

}  // namespace kavi::ops

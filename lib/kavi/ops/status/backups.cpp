#include <kavi/ops/backup/when.hpp>
#include <kavi/ops/status/backups.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

std::string verified_text(const std::vector<const BackupAge*>& ages, std::chrono::sys_seconds now) {
    std::map<int, std::chrono::sys_seconds> last;
    for (const auto* age : ages) {
        if (age->failed)
            return fmt::format("verifying it at level {} found damage in {}", *age->failed, age->store);
        for (const auto& [level, at] : age->verified)
            last[level] = last.contains(level) ? std::max(last[level], at) : at;
    }
    std::string text;
    for (auto level = last.rbegin(); level != last.rend(); ++level)
        text += fmt::format("{}{} {} ago",
                            text.empty() ? "verified at level " : ", ",
                            level->first,
                            age_text(now - level->second));
    return text.empty() ? "never verified" : text;
}

class ItemJudge {
  public:
    ItemJudge(const model::BackupItem& item, const model::Estate& estate, const StatusObservation& seen)
        : seen_(seen),
          rpo_(estate.backup.rpo),
          check_{.kind = "backup", .name = item.name, .verdict = Verdict::ok} {
        for (const auto& age : seen.backups)
            if (age.item == item.name) ages_.push_back(&age);
    }

    Check check() {
        for (const auto* age : ages_) judge(*age);
        for (const auto& [store, error] : seen_.silent_stores) {
            say(Verdict::unknown, fmt::format("{}: {}", store, error.message()), error.advice());
        }
        if (!ages_.empty()) {
            const auto verified = verified_text(ages_, seen_.now);
            const bool damaged =
                std::ranges::any_of(ages_, [](const auto* age) { return age->failed.has_value(); });
            say(damaged ? Verdict::degraded : Verdict::ok,
                verified,
                damaged ? "kavi backup verify " + check_.name : "");
        }
        return std::move(check_);
    }

  private:
    /// The worst verdict counts, and its advice.
    void say(Verdict verdict, const std::string& text, const std::string& next) {
        check_.text += fmt::format("{}{}", check_.text.empty() ? "" : "; ", text);
        const bool worse = check_.verdict == Verdict::ok || verdict == Verdict::unknown;
        if (verdict == Verdict::ok || !worse) return;
        check_.verdict = verdict;
        check_.next = next;
    }

    void judge(const BackupAge& age) {
        const auto in = ages_.size() > 1 ? fmt::format(" in {}", age.store) : std::string();
        const auto next = "kavi backup " + check_.name;
        if (!age.newest) return say(Verdict::degraded, fmt::format("no backup{}{}", in, because(age)), next);
        const auto old = seen_.now - *age.newest;
        const bool late = old > rpo_;
        say(late || !age.trouble.empty() ? Verdict::degraded : Verdict::ok,
            fmt::format("{} old{}{}{}",
                        age_text(old),
                        in,
                        late ? fmt::format(", more than {}", age_text(rpo_)) : "",
                        because(age)),
            next);
    }

    static std::string because(const BackupAge& age) {
        if (age.trouble.empty() || age.trouble == "there is no backup") return {};
        return fmt::format(" ({})", age.trouble);
    }

    const StatusObservation& seen_;
    std::chrono::seconds rpo_;
    Check check_;
    std::vector<const BackupAge*> ages_;
};

}  // namespace

std::vector<Check> backup_checks(const model::LoadedEstate& loaded, const StatusObservation& seen) {
    std::vector<Check> checks;
    for (const auto& [name, item] : loaded.estate.backup.items) {
        const bool looked_for = std::ranges::find(seen.backups, name, &BackupAge::item) != seen.backups.end();
        // Repositories are mirrored to the operator's machine: no store has them.
        if (item.kind == model::BackupItem::Kind::git || (!looked_for && seen.silent_stores.empty()))
            continue;
        checks.push_back(ItemJudge(item, loaded.estate, seen).check());
    }
    return checks;
}

}  // namespace kavi::ops

#include "decision.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/undo.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

namespace kavi::ops {
namespace {

using Kind = DnsChange::Kind;

bool same(const model::Record& a, const model::Record& b) {
    return a == b;
}

class ZoneUndo {
  public:
    ZoneUndo(const ZoneObservation& seen, DnsPlan& plan) : seen_(seen), plan_(plan) {
        decision_.seen = &seen;
        for (const auto& live : seen.records) {
            by_id_.emplace(live.id, &live);
            by_name_.emplace(live.record.name, &live);
        }
    }

    void take_back(const RecordImage& image) {
        if (!image.before)
            remove(*image.after);
        else if (!image.after)
            bring_back(*image.before);
        else
            change_back(*image.before, *image.after);
    }

    ZoneDecision decision() { return std::move(decision_); }

  private:
    const LiveRecord* find(const LiveRecord& record) const {
        if (!record.id.empty()) {
            const auto found = by_id_.find(record.id);
            return found == by_id_.end() ? nullptr : found->second;
        }
        return find_equal(record.record);
    }

    const LiveRecord* find_equal(const model::Record& record) const {
        const auto [begin, end] = by_name_.equal_range(record.name);
        const auto is_it = [&](const auto& one) {
            return one.second->record.type == record.type && one.second->record.value == record.value;
        };
        const auto found = std::find_if(begin, end, is_it);
        return found == end ? nullptr : found->second;
    }

    void remove(const LiveRecord& made) {
        const auto* live = find(made);
        if (!live) {
            if (!made.id.empty()) refuse(made.record, "it was deleted since");
            return;
        }
        if (!same(live->record, made.record)) return refuse(made.record, "it was changed since");
        decision_.changes.push_back(
            {.kind = Kind::remove, .before = live, .after = {}, .why = "made by that run"});
    }

    void bring_back(const LiveRecord& gone) {
        if (by_id_.contains(gone.id)) return;  // it was never deleted
        if (const auto* live = find_equal(gone.record)) {
            if (!same(live->record, gone.record))
                refuse(gone.record, "it was made anew since, and otherwise");
            return;
        }
        RecordChange change{.kind = Kind::create, .after = gone.record, .why = "deleted by that run"};
        change.tags = gone.tags;
        change.settings = gone.settings;
        decision_.changes.push_back(std::move(change));
    }

    void change_back(const LiveRecord& before, const LiveRecord& after) {
        const auto* live = find(after);
        if (!live) return refuse(after.record, "it was deleted since");
        if (same(live->record, before.record)) return;  // never changed, or changed back already
        if (!same(live->record, after.record)) return refuse(after.record, "it was changed since");
        decision_.changes.push_back(
            {.kind = Kind::update, .before = live, .after = before.record, .why = "as before"});
    }

    void refuse(const model::Record& record, const char* why) {
        Error error(errors::dns_refused,
                    fmt::format("{} {} isn't what that run left", record.type, printable(record.name)));
        error.because(why).fix("change it in kavi.toml and run kavi dns sync");
        plan_.refusals.push_back(std::move(error));
    }

    const ZoneObservation& seen_;
    DnsPlan& plan_;
    std::unordered_map<std::string_view, const LiveRecord*> by_id_;
    std::unordered_multimap<std::string_view, const LiveRecord*> by_name_;
    ZoneDecision decision_;
};

/// What is brought back mustn't meet what came since.
void guard_neighbours(const ZoneDecision& decision, DnsPlan& plan) {
    std::set<std::string_view> going;
    for (const auto& one : decision.changes)
        if (one.kind == Kind::remove) going.insert(one.before->id);
    for (const auto& one : decision.changes) {
        if (one.kind != Kind::create || !model::can_be_proxied(one.after.type)) continue;
        for (const auto& live : decision.seen->records) {
            const bool meets =
                live.record.name == one.after.name && model::can_be_proxied(live.record.type) &&
                (live.record.type == "CNAME" || one.after.type == "CNAME") && !going.contains(live.id);
            if (!meets) continue;
            Error error(errors::dns_refused,
                        fmt::format("{} {} can't come back", one.after.type, one.after.name));
            error.because(fmt::format("a {} record has its name since", live.record.type));
            plan.refusals.push_back(std::move(error.fix("delete that one first")));
        }
    }
}

}  // namespace

std::vector<ZoneQuestion> zones_of(std::span<const RecordImage> images) {
    std::set<std::string> names;
    for (const auto& image : images) names.insert(image.zone);
    std::vector<ZoneQuestion> questions;
    for (const auto& name : names) questions.push_back({.name = name, .settings = {}});
    return questions;
}

DnsPlan plan_undo(std::span<const RecordImage> images, const DnsObservation& observation) {
    DnsPlan plan;
    for (const auto& [name, seen] : observation) {
        ZoneUndo undo(seen, plan);
        for (const auto& image : images)
            if (image.zone == name) undo.take_back(image);
        auto decision = undo.decision();
        settle(decision);
        guard_neighbours(decision, plan);
        append_actions(std::move(decision), plan);
    }
    std::erase_if(plan.plan.unchanged, [](const auto& one) { return one.second == 0; });
    return plan;
}

}  // namespace kavi::ops

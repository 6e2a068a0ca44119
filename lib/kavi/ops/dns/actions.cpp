#include "chunks.hpp"
#include "decision.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace kavi::ops {
namespace {

using Kind = DnsChange::Kind;

constexpr std::size_t longest_shown = 60;

/// A value for a table: without control characters, and not longer than a line.
std::string brief(std::string_view type, std::string_view value) {
    auto text = printable(model::shown_value(type, value));
    if (text.size() <= longest_shown) return text;
    auto end = longest_shown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
    return text.substr(0, end) + "…";
}

/// One line that says all of a record: what a digest is made of.
std::string line_of(const model::Record& record, std::string_view value) {
    return fmt::format("{} {} {} {} {} ; {}",
                       record.name,
                       record.ttl,
                       record.type,
                       record.proxied ? "proxied" : "dns-only",
                       value,
                       record.comment);
}

std::string line_of(const LiveRecord& live) {
    return fmt::format(
        "{} {}", live.id, line_of(live.record, model::shown_value(live.record.type, live.record.value)));
}

/// Is the value that will stand there another than now?
bool changes_value(const RecordChange& change) {
    if (!change.before || change.kind == Kind::remove) return true;
    return !change.reference.empty() || change.before->record.value != change.after.value;
}

std::string shown_after(const RecordChange& change) {
    return change.reference.empty() ? brief(change.after.type, change.after.value) : change.reference;
}

std::string expected_line(const RecordChange& change) {
    const auto& after = change.after;
    return line_of(after,
                   change.reference.empty() ? model::shown_value(after.type, after.value) : change.reference);
}

std::vector<plan::Change> changes_of(const RecordChange& change) {
    std::vector<plan::Change> changes;
    const bool update = change.kind == Kind::update, gone = change.kind == Kind::remove;
    const auto* before = change.before ? &change.before->record : nullptr;
    const auto shown = [](const model::Record& record) {
        return printable(model::shown_value(record.type, record.value));
    };
    const auto add = [&](const char* field, Json from, Json to) {
        if (from != to) changes.push_back({field, std::move(from), std::move(to)});
    };
    if (changes_value(change)) {
        const auto to = change.reference.empty() ? shown(change.after) : change.reference;
        add("content", before ? Json(shown(*before)) : Json(), gone ? Json() : Json(to));
    }
    if (update && before->ttl != change.after.ttl) add("ttl", before->ttl, change.after.ttl);
    if (update && before->proxied != change.after.proxied)
        add("proxied", before->proxied, change.after.proxied);
    if (update && before->comment != change.after.comment)
        add("comment", before->comment, change.after.comment);
    if (!before && model::can_be_proxied(change.after.type)) add("proxied", nullptr, change.after.proxied);
    if (!before && change.after.ttl != 1) add("ttl", nullptr, change.after.ttl);
    return changes;
}

std::string reason_of(const RecordChange& change) {
    if (change.kind == Kind::remove) return brief(change.type(), change.before->record.value);
    const auto proxied = change.after.proxied ? ", proxied" : "";
    if (change.kind == Kind::create) return shown_after(change) + proxied;
    const auto& before = change.before->record;
    std::vector<std::string> parts;
    if (changes_value(change))
        parts.push_back(fmt::format("{} → {}", brief(before.type, before.value), shown_after(change)));
    if (before.proxied != change.after.proxied)
        parts.emplace_back(change.after.proxied ? "proxied" : "no longer proxied");
    if (before.ttl != change.after.ttl)
        parts.push_back(fmt::format("ttl {} → {}", before.ttl, change.after.ttl));
    if (parts.empty()) parts.emplace_back(change.why.empty() ? "comment" : brief(before.type, before.value));
    return join(parts, ", ");
}

DnsRole role_of(const RecordChange& change) {
    if (change.replaces) return DnsRole::move;
    if (change.kind == Kind::create) return DnsRole::creation;
    return change.kind == Kind::update && change.changes_answers() ? DnsRole::move : DnsRole::other;
}

plan::Verb verb_of(Kind kind) {
    switch (kind) {
        case Kind::create:
            return plan::Verb::create;
        case Kind::remove:
            return plan::Verb::remove;
        case Kind::update:
        case Kind::setting:
            return plan::Verb::update;
    }
    return plan::Verb::run;
}

/// Deletes, patches, posts: the order in which a batch is carried out.
int turn_of(const RecordChange& change) {
    return change.kind == Kind::remove ? 0 : change.kind == Kind::update ? 1 : 2;
}

/// Indices of changes that have to share a batch.
using Groups = std::vector<std::vector<std::size_t>>;

Groups groups_of(const std::vector<RecordChange>& changes) {
    Groups groups;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const bool joins = changes[i].together && !groups.empty() &&
                           changes[groups.back().front()].together &&
                           changes[groups.back().front()].name() == changes[i].name();
        if (joins)
            groups.back().push_back(i);
        else
            groups.push_back({i});
    }
    for (auto& group : groups)
        std::ranges::stable_sort(group, {}, [&](auto i) { return turn_of(changes[i]); });
    return groups;
}

class Builder {
  public:
    Builder(ZoneDecision decision, DnsPlan& plan)
        : decision_(std::move(decision)),
          zone_(decision_.seen->zone),
          plan_(plan),
          lane_("dns/" + zone_.name) {}

    void build() {
        const auto first = plan_.plan.actions.size();
        const auto& changes = decision_.changes;
        plan_.plan.actions.reserve(first + changes.size() + decision_.settings.size());
        for (const auto& change : changes) add(change);
        assign_batches(first);
        for (const auto& setting : decision_.settings) add(setting);
        if (plan_.plan.actions.size() > first) plan_.plan.actions[first].before["zone"] = fingerprint();
    }

  private:
    void add(const RecordChange& change) {
        const auto& type = change.type();
        const auto name = model::short_name(change.name(), zone_.name);
        plan::Action action;
        action.id = numbered(fmt::format("{}/{}/{}", lane_, type, name));
        action.verb = verb_of(change.kind);
        action.subject = fmt::format("{:<5} {}", type, name);
        action.reason = reason_of(change);
        action.effect = change.why;
        action.changes = changes_of(change);
        if (change.kind == Kind::remove) action.question = plan::Question::yes_no;
        action.before = {{"record", change.before ? Json(line_of(*change.before)) : Json(nullptr)}};
        if (change.kind != Kind::remove) action.expected_after = expected_line(change);
        count(change.kind);
        auto payload = payload_of(change);
        take(std::move(action), std::move(payload), {.role = role_of(change), .service = change.service});
    }

    void add(const SettingChange& setting) {
        plan::Action action;
        action.id = fmt::format("{}/setting/{}", lane_, setting.name);
        action.verb = plan::Verb::update;
        action.subject = fmt::format("zone  {}", setting.name);
        action.reason = fmt::format("{} → {}", printable(setting.from), setting.to);
        action.changes.push_back({setting.name, setting.from, setting.to});
        action.before = {{"value", setting.from}};
        action.expected_after = setting.to;
        DnsChange payload;
        payload.kind = Kind::setting;
        payload.setting = setting.name;
        payload.value = setting.to;
        take(std::move(action), std::move(payload), {});
    }

    void take(plan::Action action, DnsChange payload, DnsStep step) {
        payload.zone = zone_.name;
        payload.zone_id = zone_.id;
        action.kind = "dns";
        action.group = zone_.name;
        action.lane = lane_;
        action.payload = std::make_shared<DnsChange>(std::move(payload));
        step.id = action.id;
        plan_.steps.push_back(std::move(step));
        plan_.plan.actions.push_back(std::move(action));
    }

    static DnsChange payload_of(const RecordChange& change) {
        DnsChange payload;
        payload.kind = change.kind;
        if (change.before) payload.before = *change.before;
        payload.after = change.after;
        payload.reference = change.reference;
        payload.tags = change.tags;
        payload.record_settings = change.settings;
        return payload;
    }

    /// The first keeps its id, the next of the same type and name get "/2", "/3". Equal ids are neighbours.
    std::string numbered(std::string id) {
        if (id == last_id_) return fmt::format("{}/{}", id, ++repeats_);
        repeats_ = 1;
        last_id_ = id;
        return id;
    }

    void count(Kind kind) {
        if (kind == Kind::create) ++plan_.creations[zone_.name];
        if (kind == Kind::remove) ++plan_.removals[zone_.name];
    }

    void assign_batches(std::size_t first) {
        const auto limit = api::cloudflare_batch_limit(zone_.plan);
        const auto groups = groups_of(decision_.changes);
        std::vector<std::size_t> sizes;
        for (const auto& group : groups) sizes.push_back(group.size());
        const auto seats = pack(sizes, limit);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            for (std::size_t k = 0; k < groups[g].size(); ++k) {
                auto& action = plan_.plan.actions[first + groups[g][k]];
                action.batch = fmt::format("{}/{}", lane_, seats[g].chunk + k / limit);
                // A group larger than a batch: each part after the one before it.
                if (k >= limit)
                    action.after.push_back(plan_.plan.actions[first + groups[g][k / limit * limit - 1]].id);
            }
        }
    }

    /// Of what a change could collide with: our records, and all that have a name which changes.
    std::string fingerprint() const {
        std::unordered_set<std::string_view> names;
        for (const auto& change : decision_.changes) names.insert(change.name());
        std::vector<std::string> lines{
            fmt::format("{} {} {} {}", zone_.id, zone_.plan, zone_.status, zone_.paused)};
        for (const auto& live : decision_.seen->records) {
            const bool counts =
                names.contains(live.record.name) || live.record.comment.find("kavi:") != std::string::npos;
            if (counts) lines.push_back(line_of(live));
        }
        std::ranges::sort(lines);
        return sha256_tag(join(lines, "\n"));
    }

    ZoneDecision decision_;
    const api::CloudflareZone& zone_;
    DnsPlan& plan_;
    std::string lane_, last_id_;
    int repeats_ = 1;
};

/// Marks the changes of one name.
void relate(std::span<RecordChange> changes) {
    const auto any = [&](auto test) { return std::ranges::any_of(changes, test); };
    const bool replaces = any([](const RecordChange& one) { return one.kind == Kind::remove; }) &&
                          any([](const RecordChange& one) { return one.kind == Kind::create; });
    const bool delegation = any([](const RecordChange& one) { return one.type() == "NS"; }) &&
                            any([](const RecordChange& one) { return one.type() == "DS"; });
    if (!replaces && !delegation) return;
    const auto served = std::ranges::find_if(changes, [](const auto& one) { return !one.service.empty(); });
    const auto service = served == changes.end() ? std::string() : served->service;
    for (auto& one : changes) {
        one.together = true;
        one.replaces = replaces;
        one.service = service;
    }
}

}  // namespace

void settle(ZoneDecision& decision) {
    auto& changes = decision.changes;
    const auto value_of = [](const RecordChange& one) -> const std::string& {
        return one.before ? one.before->record.value : one.after.value;
    };
    std::ranges::stable_sort(changes, [&](const RecordChange& a, const RecordChange& b) {
        return std::tie(a.name(), a.type(), value_of(a)) < std::tie(b.name(), b.type(), value_of(b));
    });
    for (auto begin = changes.begin(); begin != changes.end();) {
        const auto end =
            std::find_if(begin, changes.end(), [&](const auto& one) { return one.name() != begin->name(); });
        if (end - begin > 1) relate({begin, end});
        begin = end;
    }
}

void append_actions(ZoneDecision decision, DnsPlan& plan) {
    auto& unchanged = plan.plan.unchanged;
    const auto records = std::ranges::find(unchanged, "record", &std::pair<std::string, int>::first);
    if (records == unchanged.end())
        unchanged.emplace_back("record", decision.unchanged);
    else
        records->second += decision.unchanged;
    Builder(std::move(decision), plan).build();
}

}  // namespace kavi::ops

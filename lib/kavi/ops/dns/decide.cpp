#include "decision.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace kavi::ops {
namespace {

using model::DesiredRecord;
using model::Record;

auto key_of(const Record& record) {
    return std::tie(record.name, record.type, record.value);
}

bool is_alias_or_address(std::string_view type) {
    return model::can_be_proxied(type);
}

/// The lesser of what stands at the heads of two sorted lists; null: that list is at its end.
const std::string& lesser(const std::string* a, const std::string* b) {
    if (!a || !b) return a ? *a : *b;
    return *b < *a ? *b : *a;
}

/// What kavi may do with a record that is there.
enum class Owner { ours, nobody, other_estate, cloudflare, unsupported };

class ZoneDecider {
  public:
    ZoneDecider(const std::string& estate, const ZoneObservation& seen, DnsPlan& plan)
        : estate_(estate), seen_(seen), plan_(plan), limit_(api::cloudflare_comment_limit(seen.zone.plan)) {
        decision_.seen = &seen;
    }

    ZoneDecision decide(std::span<const DesiredRecord> desired) {
        std::vector<const LiveRecord*> live;
        live.reserve(seen_.records.size());
        for (const auto& one : seen_.records) live.push_back(&one);
        std::ranges::sort(live, {}, [](const LiveRecord* one) { return key_of(one->record); });
        auto wanted = desired.begin();
        auto there = live.begin();
        while (wanted != desired.end() || there != live.end()) {
            const auto& name = lesser(wanted == desired.end() ? nullptr : &wanted->record.name,
                                      there == live.end() ? nullptr : &(*there)->record.name);
            const auto wanted_end =
                std::find_if(wanted, desired.end(), [&](const auto& one) { return one.record.name != name; });
            const auto there_end =
                std::find_if(there, live.end(), [&](const auto* one) { return one->record.name != name; });
            decide_name({wanted, wanted_end}, {there, there_end});
            wanted = wanted_end;
            there = there_end;
        }
        return std::move(decision_);
    }

  private:
    using Wanted = std::span<const DesiredRecord>;
    using There = std::span<const LiveRecord* const>;

    Owner owner_of(const LiveRecord& live) const {
        const auto& record = live.record;
        if (live.read_only) return Owner::cloudflare;
        if (!model::is_managed_type(record.type)) return Owner::unsupported;
        if (record.type == "NS" && record.name == seen_.zone.name) return Owner::cloudflare;
        const auto owner = model::parse_comment(record.comment).owner;
        if (owner == estate_) return Owner::ours;
        return owner.empty() ? Owner::nobody : Owner::other_estate;
    }

    static std::string why_not_ours(Owner owner, const LiveRecord& live) {
        switch (owner) {
            case Owner::cloudflare:
                return "read-only";
            case Owner::unsupported:
                return fmt::format("type {}", printable(live.record.type));
            case Owner::other_estate:
                return "kavi:" + printable(model::parse_comment(live.record.comment).owner);
            case Owner::nobody:
            case Owner::ours:
                return {};
        }
        return {};
    }

    /// Records of one name: type by type. Both are sorted by type and value.
    void decide_name(Wanted wanted, There there) {
        kept_.clear();
        auto want = wanted.begin();
        auto have = there.begin();
        while (want != wanted.end() || have != there.end()) {
            const auto& type = lesser(want == wanted.end() ? nullptr : &want->record.type,
                                      have == there.end() ? nullptr : &(*have)->record.type);
            const auto want_end =
                std::find_if(want, wanted.end(), [&](const auto& one) { return one.record.type != type; });
            const auto have_end =
                std::find_if(have, there.end(), [&](const auto* one) { return one->record.type != type; });
            decide_set({want, want_end}, {have, have_end});
            want = want_end;
            have = have_end;
        }
        if (!wanted.empty() && !kept_.empty()) check_neighbours(wanted);
    }

    /// Records of one name and type.
    void decide_set(Wanted wanted, There there) {
        std::vector<const DesiredRecord*> missing;
        std::vector<const LiveRecord*> ours_left;
        bool any_ours = false, any_kept = false;
        auto have = there.begin();
        const auto leave_or_keep = [&](const LiveRecord& live) {
            const auto owner = owner_of(live);
            if (owner == Owner::ours) {
                ours_left.push_back(&live);
                any_ours = true;
            } else {
                keep(live, owner);
                any_kept = true;
            }
        };
        for (const auto& want : wanted) {
            while (have != there.end() &&
                   (want.reference.empty() && (*have)->record.value < want.record.value))
                leave_or_keep(**have++);
            const bool same =
                want.reference.empty() && have != there.end() && (*have)->record.value == want.record.value;
            if (same) {
                any_ours = true;
                match(want, **have++);
            } else {
                missing.push_back(&want);
            }
        }
        while (have != there.end()) leave_or_keep(**have++);
        const bool intrudes =
            !missing.empty() && any_kept && !any_ours && is_alias_or_address(missing.front()->record.type);
        if (intrudes) return refuse_beside(*missing.front());
        pair(missing, ours_left);
    }

    /// The record is there; perhaps it isn't ours yet, or has another TTL.
    void match(const DesiredRecord& want, const LiveRecord& live) {
        const auto owner = owner_of(live);
        const bool same = live.record.ttl == want.record.ttl && live.record.proxied == want.record.proxied;
        if (owner == Owner::cloudflare || owner == Owner::other_estate) {
            if (!same) return refuse_foreign(live, owner);
            keep(live, owner);
            return;
        }
        auto after = want.record;
        after.comment = comment_for(want, &live);
        if (same && after.comment == live.record.comment) {
            ++decision_.unchanged;
            return;
        }
        RecordChange change{.kind = DnsChange::Kind::update, .before = &live, .after = std::move(after)};
        change.service = want.service;
        if (owner == Owner::nobody) change.why = "adopted";
        decision_.changes.push_back(std::move(change));
    }

    /// What is left over of one name and type is changed in place; then comes what is too few or too many.
    void pair(const std::vector<const DesiredRecord*>& missing, const std::vector<const LiveRecord*>& left) {
        for (std::size_t i = 0; i < std::max(missing.size(), left.size()); ++i) {
            RecordChange change;
            if (i < left.size()) change.before = left[i];
            if (i < missing.size()) {
                change.after = missing[i]->record;
                change.after.comment = comment_for(*missing[i], change.before);
                change.reference = missing[i]->reference;
                change.service = missing[i]->service;
            }
            change.kind = !change.before       ? DnsChange::Kind::create
                          : i < missing.size() ? DnsChange::Kind::update
                                               : DnsChange::Kind::remove;
            if (change.kind == DnsChange::Kind::create)
                change.why = change.service.empty() ? "new record" : "new domain";
            if (change.kind == DnsChange::Kind::remove) change.why = "no longer declared";
            decision_.changes.push_back(std::move(change));
        }
    }

    std::string comment_for(const DesiredRecord& want, const LiveRecord* live) {
        const auto words = want.comment_declared || !live ? want.record.comment
                                                          : model::parse_comment(live->record.comment).words;
        auto comment = model::owned_comment(words, estate_);
        if (const auto length = model::comment_length(comment); length > limit_) {
            Error error(
                errors::dns_refused,
                fmt::format("the comment of {} {} would be too long", want.record.type, want.record.name));
            error.because(fmt::format("with kavi's mark it has {} characters; {} are allowed on the {} plan",
                                      length,
                                      limit_,
                                      printable(seen_.zone.plan)));
            error.fix("shorten it at Cloudflare, or declare a shorter one in kavi.toml");
            plan_.refusals.push_back(std::move(error));
        }
        return comment;
    }

    void keep(const LiveRecord& live, Owner owner) {
        kept_.push_back(&live);
        plan_.unmanaged.push_back({seen_.zone.name, live, why_not_ours(owner, live)});
    }

    /// Records that stay and ours, at one name: what Cloudflare doesn't allow beside each other.
    void check_neighbours(Wanted wanted) {
        const auto& name = wanted.front().record.name;
        const auto wants = [&](auto test) {
            return std::ranges::any_of(wanted, [&](const auto& one) { return test(one.record.type); });
        };
        for (const auto* live : kept_) {
            const auto& type = live->record.type;
            const bool alias =
                type == "CNAME" && wants([](auto& one) { return one == "A" || one == "AAAA"; });
            const bool address =
                (type == "A" || type == "AAAA") && wants([](auto& one) { return one == "CNAME"; });
            const bool delegated = type == "NS" && name != seen_.zone.name &&
                                   wants([](auto& one) { return one != "NS" && one != "DS"; });
            const bool delegates =
                type != "NS" && type != "DS" && wants([](auto& one) { return one == "NS"; });
            if (alias || address || delegated || delegates) return refuse_beside(wanted.front(), live);
        }
    }

    void refuse_foreign(const LiveRecord& live, Owner owner) {
        const auto& record = live.record;
        Error error(errors::foreign_owner,
                    fmt::format("{} {} isn't kavi's to change", record.type, record.name));
        error.because(owner == Owner::cloudflare
                          ? std::string("it belongs to another of Cloudflare's products (read-only)")
                          : fmt::format("its comment says that {} owns it", why_not_ours(owner, live)));
        error.fix("take it out of one of the two estates, or declare it as it is");
        plan_.refusals.push_back(std::move(error));
    }

    void refuse_beside(const DesiredRecord& want, const LiveRecord* live = nullptr) {
        if (!live) live = kept_.back();
        const auto owner = why_not_ours(owner_of(*live), *live);
        Error error(errors::foreign_owner,
                    fmt::format("{} {} stands in the way", live->record.type, live->record.name));
        error.because(fmt::format("it is {}, {}",
                                  printable(model::shown_value(live->record.type, live->record.value)),
                                  owner.empty() ? "and nobody's of kavi's" : owner));
        error.because(fmt::format("{} is to get a record of type {}", want.record.name, want.record.type));
        error.fix("delete it at Cloudflare if nobody needs it, or declare it as it is: then kavi adopts it");
        plan_.refusals.push_back(std::move(error));
    }

    const std::string& estate_;
    const ZoneObservation& seen_;
    DnsPlan& plan_;
    std::size_t limit_;
    ZoneDecision decision_;
    std::vector<const LiveRecord*> kept_;  ///< of the present name
};

void decide_settings(const model::Zone& zone, ZoneDecision& decision) {
    const auto decide = [&](const char* name, const std::optional<std::string>& wanted) {
        const auto found = decision.seen->settings.find(name);
        if (!wanted || found == decision.seen->settings.end() || found->second == *wanted) return;
        decision.settings.push_back({name, found->second, *wanted});
    };
    std::optional<std::string> https;
    if (zone.always_use_https) https = *zone.always_use_https ? "on" : "off";
    decide("ssl", zone.ssl);
    decide("always_use_https", https);
    decide("min_tls_version", zone.min_tls_version);
}

}  // namespace

bool RecordChange::changes_answers() const {
    if (!before || kind == DnsChange::Kind::remove) return true;
    return before->record.value != after.value || before->record.proxied != after.proxied;
}

ZoneDecision decide_zone(const std::string& estate,
                         const model::Zone& zone,
                         const ZoneObservation& seen,
                         std::span<const DesiredRecord> desired,
                         DnsPlan& plan) {
    auto decision = ZoneDecider(estate, seen, plan).decide(desired);
    decide_settings(zone, decision);
    return decision;
}

}  // namespace kavi::ops

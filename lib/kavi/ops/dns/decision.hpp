#pragma once

#include <kavi/ops/dns/plan.hpp>

#include <span>
#include <string>
#include <vector>

/// What lies between looking at a zone and its actions. Used within ops/dns only.
namespace kavi::ops {

/// One record that will be otherwise.
struct RecordChange {
    DnsChange::Kind kind = DnsChange::Kind::create;
    const LiveRecord* before = nullptr;  ///< update, remove
    model::Record after;                 ///< create, update; its whole comment
    std::string reference;
    std::string service;
    std::string why;                ///< "new domain", "adopted"
    std::vector<std::string> tags;  ///< create: what an undo brings back
    Json settings = nullptr;
    bool together = false;  ///< goes in one batch with the other changes of its name
    bool replaces = false;  ///< its name loses a record and gets another

    const std::string& type() const { return before ? before->record.type : after.type; }

    const std::string& name() const { return before ? before->record.name : after.name; }

    /// Will other answers be given, not only other comments?
    bool changes_answers() const;
};

struct SettingChange {
    std::string name, from, to;
};

struct ZoneDecision {
    const ZoneObservation* seen = nullptr;
    std::vector<RecordChange> changes;
    std::vector<SettingChange> settings;
    int unchanged = 0;
};

/// Matches what is with what is to be. Unmanaged records, refusals and notes go to `plan`.
ZoneDecision decide_zone(const std::string& estate,
                         const model::Zone& zone,
                         const ZoneObservation& seen,
                         std::span<const model::DesiredRecord> desired,
                         DnsPlan& plan);

/// Marks changes that need each other, and orders changes by name, type and value.
void settle(ZoneDecision& decision);

/// What deletes too much, touches a protected name, or can't be changed. The decision is settled.
void guard_zone(const model::Zone& zone, const ZoneDecision& decision, DnsPlan& plan);

/// What should be known: published origins, names without a certificate, zones that aren't live.
void note_risks(std::span<const model::DesiredRecord> desired, const DnsObservation& seen, DnsPlan& plan);

/// Turns it into actions, steps and batches.
void append_actions(ZoneDecision decision, DnsPlan& plan);

}  // namespace kavi::ops

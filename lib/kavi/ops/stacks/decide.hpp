#pragma once

#include <kavi/ops/stacks/steps.hpp>

#include <string>
#include <vector>

namespace kavi::ops {

/// What one service needs.
struct ServiceDecision {
    enum class What { nothing, note_down, bring_up } what = What::nothing;
    plan::Verb verb = plan::Verb::run;
    std::string reason;
    std::vector<plan::Change> changes;
    bool recreate = false;
    bool adopted = false;  ///< note_down: the container is another's work
    std::string note;      ///< for people; may be empty
};

/// Pure. A container is left alone while it runs well and its record, bound to its id, has the wanted image
/// and fingerprints.
ServiceDecision decide_service(const WantedService& wanted, const StackSeen& seen, const std::string& key_id);

}  // namespace kavi::ops

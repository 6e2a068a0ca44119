#pragma once

#include <kavi/base/json.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::plan {

enum class Verb { create, update, replace, remove, run };

std::string_view name_of(Verb verb);  ///< "create", "update", "replace", "delete", "run"

/// One field that will differ, for people and for --json. Secret values never stand here: a keyed fingerprint does.
struct Change {
    std::string field;
    Json from;
    Json to;
};

/// What must be asked before an action may run: nothing, y/N, or the thing's name typed out.
enum class Question { none, yes_no, type_name };

/// What an action does, for the handler that carries it out. Each handler derives its own; never part of a digest.
struct Payload {
    virtual ~Payload() = default;
};

/// One step of a plan. Its meaning is the move from `before` to `expected_after`, both as the handler's `look`
/// reports them.
struct Action {
    std::string id;  ///< "dns/kua.cl/A/git": unique in a plan, the same in each run
    Verb verb = Verb::run;
    std::string kind;     ///< which handler carries it out: "dns", "server", "service", …
    std::string group;    ///< what it belongs to on the screen: "bruno", "kua.cl"
    std::string subject;  ///< "A  git"
    std::string reason;   ///< "new domain", "image 11.0.3 → 11.0.4"
    std::string effect;   ///< what it means for users: "restarts, about 8 s"; may be empty
    std::vector<Change> changes;
    bool destroys = false;  ///< data or a machine is gone afterwards
    Question question = Question::none;
    std::string confirm_name;  ///< what must be typed (or given to --confirm) for Question::type_name
    Json before = nullptr;
    Json expected_after = nullptr;
    std::vector<std::string> after;  ///< ids that must be done first
    /// Actions that share a lane run one after the other, in plan order ("bruno", "hetzner", "dns/kua.cl").
    std::string lane;
    /// Ready actions of one lane with the same non-empty batch go to the handler in one call ("dns/kua.cl/1").
    std::string batch;
    std::shared_ptr<const Payload> payload;
};

/// What will be done. A value: deciding it had no effect, and nothing but it is applied.
struct Plan {
    std::vector<Action> actions;
    /// What was looked at and is as declared, for the line "unchanged: 7 services, 8 records".
    std::vector<std::pair<std::string, int>> unchanged;
    /// Facts to show beside the plan (drift that isn't acted on, costs); not part of the digest.
    std::vector<std::string> notes;

    bool empty() const noexcept { return actions.empty(); }

    const Action* find(std::string_view id) const;
};

/// Orders actions so that each stands behind those it needs, otherwise as they came. Throws errors::internal for a
/// cycle, an unknown edge or a repeated id.
void sort_by_needs(Plan& plan);

/// "sha256:…" over a schema version and each action's id, verb, subject, before, expected_after and edges.
/// No durations, no fresh key material, no secrets, no payloads: two runs that decide the same agree.
std::string digest(const Plan& plan);

/// {"digest", "actions": [{"id", "verb", "subject", "reason", "changes", "destroys", "after"}]} as docs/cli.md has it.
OrderedJson to_json(const Plan& plan);

}  // namespace kavi::plan

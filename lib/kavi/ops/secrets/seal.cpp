#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/secrets/seal.hpp>
#include <kavi/ops/secrets/seal_steps.hpp>
#include <kavi/secrets/generate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::ops {

using model::SecretRef;
using secrets::SealedBundle;

namespace {

using Provider = model::SecretsConfig::Provider;

bool is_sealed(const SecretRef& ref) {
    return ref.source == SecretRef::Source::sealed;
}

model::NamedSecrets& shelf(SealedBundle& bundle, const SecretRef& ref) {
    return is_sealed(ref) ? bundle.sealed : bundle.folders[ref.folder];
}

bool holds(const SealedBundle& bundle, const SecretRef& ref) {
    if (is_sealed(ref)) return bundle.sealed.contains(ref.name);
    const auto folder = bundle.folders.find(ref.folder);
    return folder != bundle.folders.end() && folder->second.contains(ref.name);
}

/// Names only: "+ A, ~ B, - C".
struct NameChanges {
    std::vector<std::string> added, changed, removed;

    void compare(std::string_view where,
                 const model::NamedSecrets& before,
                 const model::NamedSecrets& after) {
        for (const auto& [name, value] : after) {
            const auto old = before.find(name);
            if (old == before.end())
                added.push_back(fmt::format("{}{}", where, name));
            else if (!(old->second == value))
                changed.push_back(fmt::format("{}{}", where, name));
        }
        for (const auto& [name, value] : before)
            if (!after.contains(name)) removed.push_back(fmt::format("{}{}", where, name));
    }

    std::string text() const {
        std::vector<std::string> parts;
        if (!added.empty()) parts.push_back(fmt::format("{} new", added.size()));
        if (!changed.empty()) parts.push_back(fmt::format("{} changed", changed.size()));
        if (!removed.empty()) parts.push_back(fmt::format("{} gone", removed.size()));
        return join(parts, ", ");
    }
};

NameChanges compared(const SealedBundle& before, const SealedBundle& after) {
    static const model::NamedSecrets none;
    NameChanges changes;
    changes.compare("sealed:/", before.sealed, after.sealed);
    for (const auto& [folder, secrets] : after.folders) {
        const auto old = before.folders.find(folder);
        changes.compare(folder + "/", old == before.folders.end() ? none : old->second, secrets);
    }
    for (const auto& [folder, secrets] : before.folders)
        if (!after.folders.contains(folder)) changes.compare(folder + "/", secrets, none);
    return changes;
}

/// Plans one new sealed copy.
class Planner {
  public:
    Planner(const model::Estate& estate, const SealObservation& seen, const SealedEdit& edit)
        : estate_(estate), seen_(seen), edit_(edit) {
        if (seen.copies.best) before_ = seen.copies.best->bundle;
        after_ = before_;
    }

    SealPlan plan(std::chrono::system_clock::time_point now) {
        refuse_to_lose();
        take_in_estate();
        take_in_edit();
        new_signers_ = add_backup_signers(after_, seen_.backup_signers);
        make_fingerprint_key();
        make_missing();
        note_missing();
        const bool fresh = !seen_.copies.best || !same_content(before_, after_);
        if (fresh) {
            after_.sequence = before_.sequence + 1;
            after_.created = iso8601(now);
        }
        plan_places(fresh);
        put_made_behind_copy();
        plan_mirror();
        plan::sort_by_needs(result_.plan);
        result_.seals_anew = fresh;
        result_.warnings.insert(
            result_.warnings.begin(), seen_.copies.warnings.begin(), seen_.copies.warnings.end());
        return std::move(result_);
    }

  private:
    void refuse_to_lose() const {
        if (seen_.copies.best || !seen_.copies.unopened) return;
        Error error(errors::sealed_unreadable,
                    "a sealed copy is there that can't be opened, and a new one would lose what is in it");
        error.because(seen_.copies.why_not);
        throw error.fix("set KAVI_IDENTITY to the file of an identity that opens it");
    }

    void take_in_estate() {
        after_.estate = estate_.name;
        after_.operators = secrets::operators_of(estate_);
        if (seen_.folders) {
            after_.folders = *seen_.folders;
            after_.source = seen_.source;
            take_out_mirror();
        } else if (estate_.secrets.provider == Provider::sealed) {
            after_.source.clear();
        }
        if (seen_.why_down)
            result_.warnings.push_back(fmt::format("{}: {}",
                                                   seen_.why_down->message(),
                                                   before_.folders.empty()
                                                       ? "the copy goes without its folders"
                                                       : "the copy keeps its folders as they were"));
    }

    /// The copy has the fingerprint key already; with its mirror it would change by being mirrored.
    void take_out_mirror() {
        const auto& ref = secrets::mirrored_fingerprint_key;
        const auto folder = after_.folders.find(ref.folder);
        if (folder == after_.folders.end()) return;
        if (const auto key = folder->second.find(ref.name); key != folder->second.end()) {
            mirrored_ = std::move(key->second);
            folder->second.erase(key);
        }
        if (folder->second.empty()) after_.folders.erase(folder);
    }

    void take_in_edit() {
        for (const auto& [ref, value] : edit_.set) shelf(after_, ref).insert_or_assign(ref.name, value);
        for (const auto& ref : edit_.unset) shelf(after_, ref).erase(ref.name);
    }

    void make_fingerprint_key() {
        const auto& ref = secrets::sealed_fingerprint_key;
        if (holds(after_, ref)) return;
        if (mirrored_) {  // another operator made it
            after_.sealed.emplace(ref.name, *mirrored_);
            return;
        }
        make(ref, "every digest and fingerprint is keyed with it", seen_.why_down.has_value());
    }

    void make_missing() {
        const bool all = estate_.secrets.provider == Provider::sealed;
        for (const auto& use : secrets::uses_of(estate_)) {
            const auto& ref = use.ref;
            if (ref.name.empty() || (!is_sealed(ref) && !all) || holds(after_, ref)) continue;
            const auto recipe = secrets::recipe_of(ref.name);
            const bool from_file_name = use.where.starts_with("stacks.");
            if (recipe == secrets::Recipe::none || !from_file_name) continue;
            const bool infisicals = ref.name.starts_with("INFISICAL_");
            make(ref,
                 infisicals ? "for an Infisical that is new: one that runs already has its own" : use.where,
                 infisicals);
        }
    }

    void make(const SecretRef& ref, std::string reason, bool ask) {
        shelf(after_, ref).emplace(ref.name, secrets::generate(secrets::recipe_of(ref.name)));
        plan::Action action{.id = "secret/" + ref.text(), .verb = plan::Verb::create};
        action.kind = SealHandler::kind;
        action.group = "sealed copy";
        action.subject = ref.text();
        action.reason = "missing, made at random: " + std::move(reason);
        action.question = ask ? plan::Question::yes_no : plan::Question::none;
        action.expected_after = "made";
        action.lane = "sealed";
        made_.push_back(action.id);
        result_.plan.actions.push_back(std::move(action));
    }

    void note_missing() {
        std::set<std::string> said;
        const bool all = estate_.secrets.provider == Provider::sealed;
        for (const auto& use : secrets::uses_of(estate_)) {
            if (use.ref.name.empty() || (!is_sealed(use.ref) && !all && !seen_.folders)) continue;
            if (holds(after_, use.ref) || !said.insert(use.ref.text()).second) continue;
            const bool sealed = is_sealed(use.ref) || all;
            const auto name =
                is_sealed(use.ref)
                    ? use.ref.name
                    : fmt::format("{}/{}", use.ref.folder == "/" ? "" : use.ref.folder, use.ref.name);
            result_.plan.notes.push_back(fmt::format("still missing: {} ({}): kavi secrets set {}{}",
                                                     use.ref.text(),
                                                     use.where,
                                                     sealed ? "--sealed " : "",
                                                     name));
        }
    }

    /// "+ bo, - carla"; empty where the operators are those of the copy before.
    std::string operators_changed() const {
        if (!seen_.copies.best) return {};
        std::vector<std::string> parts;
        for (const auto& one : after_.operators)
            if (std::ranges::find(before_.operators, one) == before_.operators.end())
                parts.push_back("+ " + one.name);
        for (const auto& one : before_.operators)
            if (std::ranges::find(after_.operators, one) == after_.operators.end())
                parts.push_back("- " + one.name);
        return join(parts, ", ");
    }

    void note_removed_operators() {
        for (const auto& one : before_.operators) {
            const auto still = std::ranges::find(after_.operators, one.name, &secrets::SealedOperator::name);
            if (one.age.empty() || (still != after_.operators.end() && still->age == one.age)) continue;
            std::size_t count = before_.sealed.size();
            for (const auto& [folder, secrets] : before_.folders) count += secrets.size();
            result_.plan.notes.push_back(
                fmt::format("{} could read all {} secrets of the copies until now, and every older copy "
                            "stays readable: what matters "
                            "must be changed where it is used, and set anew",
                            one.name,
                            count));
        }
    }

    std::string reason(bool fresh, const std::string& operators) const {
        if (!fresh) return fmt::format("as in {}", seen_.copies.best_place);
        std::vector<std::string> parts;
        if (auto names = compared(before_, after_).text(); !names.empty())
            parts.push_back("secrets: " + names);
        if (!operators.empty()) parts.push_back("operators: " + operators);
        if (new_signers_) parts.emplace_back("keys that sign backups");
        if (parts.empty()) parts.emplace_back(seen_.copies.best ? "another source" : "the first copy");
        return join(parts, "; ");
    }

    /// A keyed fingerprint of what stays readable in a digest: not of values that were made in this run.
    Json content_mark(const SealedBundle& bundle) const {
        const auto key = before_.sealed.find(secrets::sealed_fingerprint_key.name);
        if (key == before_.sealed.end()) return nullptr;
        const auto purpose = secrets::derive_purpose_key(key->second, "sealed");
        std::string marks;
        const auto add = [&](const SecretRef& ref, const Secret& value) {
            const bool made = std::ranges::find(made_, "secret/" + ref.text()) != made_.end();
            marks += ref.text() + "=" + (made ? "made" : purpose.fingerprint(value.reveal())) + "\n";
        };
        for (const auto& [name, value] : bundle.sealed) add({SecretRef::Source::sealed, "/", name}, value);
        for (const auto& [folder, secrets] : bundle.folders)
            for (const auto& [name, value] : secrets) add({SecretRef::Source::secret, folder, name}, value);
        if (!bundle.backup_signers.empty()) marks += "signers=" + canonical_json(bundle.backup_signers) + "\n";
        return purpose.fingerprint(marks);
    }

    void plan_places(bool fresh) {
        const auto bundle = fresh ? std::make_shared<const SealedBundle>(after_) : nullptr;
        const auto operators = operators_changed();
        if (!operators.empty()) note_removed_operators();
        for (const auto& place : estate_.secrets.sealed) {
            const auto name = place.text();
            const auto in = [&](const std::vector<std::string>& names) {
                return std::ranges::find(names, name) != names.end();
            };
            if (in(seen_.copies.unreachable) || (!fresh && in(seen_.copies.up_to_date))) continue;
            auto step = std::make_shared<PlaceStep>();
            step->place = place;
            step->bundle = bundle;
            if (!fresh) step->bytes = seen_.copies.best_bytes;
            plan::Action action{.id = "sealed-copy/" + name,
                                .verb = seen_.copies.best ? plan::Verb::update : plan::Verb::create};
            action.kind = SealHandler::kind;
            action.group = "sealed copy";
            action.subject = name;
            action.reason = reason(fresh, operators);
            if (!operators.empty()) {
                action.question = plan::Question::type_name;
                action.confirm_name = "operators";
            }
            action.changes = {{"number", before_.sequence, after_.sequence}};
            action.before = {{"number", before_.sequence}, {"content", content_mark(before_)}};
            action.expected_after = {
                {"number", after_.sequence}, {"content", content_mark(after_)}, {"operators", operators}};
            action.lane = "sealed";
            action.payload = std::move(step);
            result_.plan.actions.push_back(std::move(action));
        }
    }

    /// What was made is there once a copy holds it.
    void put_made_behind_copy() {
        const auto is_made = [&](const plan::Action& one) {
            return std::ranges::find(made_, one.id) != made_.end();
        };
        const auto copy = std::ranges::find_if_not(result_.plan.actions, is_made);
        if (copy == result_.plan.actions.end()) return;
        for (auto& action : result_.plan.actions)
            if (is_made(action)) action.after = {copy->id};
    }

    void plan_mirror() {
        if (!seen_.folders || estate_.secrets.provider != Provider::infisical) return;
        const auto& mirror = secrets::mirrored_fingerprint_key;
        const auto& key = after_.sealed.at(secrets::sealed_fingerprint_key.name);
        const bool there = mirrored_.has_value();
        if (there && *mirrored_ == key) return;
        auto step = std::make_shared<MirrorStep>();
        step->key = key;
        plan::Action action{.id = "secret/" + mirror.text(),
                            .verb = there ? plan::Verb::update : plan::Verb::create};
        action.kind = SealHandler::kind;
        action.group = "Infisical";
        action.subject = mirror.text();
        action.reason = there ? "isn't the sealed one" : "CI computes the same fingerprints with it";
        action.expected_after = "mirrored";
        for (const auto& earlier : result_.plan.actions) action.after.push_back(earlier.id);
        action.lane = "sealed";
        action.payload = std::move(step);
        result_.plan.actions.push_back(std::move(action));
    }

    const model::Estate& estate_;
    const SealObservation& seen_;
    const SealedEdit& edit_;
    SealedBundle before_, after_;
    bool new_signers_ = false;
    std::optional<Secret> mirrored_;  // the fingerprint key as Infisical has it
    std::vector<std::string> made_;
    SealPlan result_;
};

}  // namespace

SealObservation observe_seal(const model::Estate& estate,
                             secrets::InfisicalSource* infisical,
                             secrets::SealedCopies copies,
                             std::stop_token stop) {
    SealObservation seen{.copies = std::move(copies), .folders = {}, .source = {}, .why_down = {}};
    if (!infisical) return seen;
    seen.source = infisical->description();
    try {
        seen.folders = infisical->folders(secrets::folders_needed(secrets::uses_of(estate)), std::move(stop));
    } catch (const Error& error) {
        if (error.code() != errors::secrets_unavailable) throw;
        seen.why_down = error;
    }
    return seen;
}

SealPlan plan_seal(const model::Estate& estate,
                   const SealObservation& seen,
                   const SealedEdit& edit,
                   std::chrono::system_clock::time_point now) {
    return Planner(estate, seen, edit).plan(now);
}

void SealHandler::write_place(const plan::Action& action, std::stop_token stop) {
    const auto& step = dynamic_cast<const PlaceStep&>(*action.payload);
    if (step.bundle && sealed_file_.empty())
        sealed_file_ = secrets::seal_bundle(*step.bundle, *tools_.signer(), stop);
    try {
        tools_.places.write(step.place, step.bundle ? sealed_file_ : step.bytes, stop);
    } catch (const Error& error) {
        if (step.place.local() || error.code() == errors::interrupted) throw;
        warnings_.push_back(
            fmt::format("{} didn't get the new copy: {}", step.place.text(), error.message()));
    }
}

void SealHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        if (dynamic_cast<const PlaceStep*>(action->payload.get())) write_place(*action, stop);
        if (const auto* mirror = dynamic_cast<const MirrorStep*>(action->payload.get())) {
            const auto& ref = secrets::mirrored_fingerprint_key;
            tools_.infisical->set(
                tools_.project_id, tools_.environment, ref.folder, {{ref.name, mirror->key}}, stop);
        }
    }
}

}  // namespace kavi::ops

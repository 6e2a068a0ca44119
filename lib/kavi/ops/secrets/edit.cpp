#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/secrets/edit.hpp>

#include <fmt/format.h>

#include <utility>

namespace kavi::ops {

namespace {

struct EditStep final : plan::Payload {
    std::string folder, name;
    std::optional<Secret> value;  // absent: deleted
};

std::string path_of(const std::string& folder, const std::string& name) {
    return fmt::format("{}/{}", folder == "/" ? "" : folder, name);
}

Json mark(const FolderEdit& edit, const Secret* value) {
    if (!value) return nullptr;
    return edit.key ? Json(edit.key->id + ":" + edit.key->fingerprint(value->reveal()))
                    : Json("another value");
}

plan::Action action_for(const FolderEdit& edit,
                        const std::string& name,
                        const Secret* before,
                        const Secret* after) {
    auto step = std::make_shared<EditStep>();
    step->folder = edit.folder;
    step->name = name;
    if (after) step->value = *after;
    plan::Action action{.id = "secret/" + path_of(edit.folder, name),
                        .verb = !after   ? plan::Verb::remove
                                : before ? plan::Verb::update
                                         : plan::Verb::create};
    action.kind = EditHandler::kind;
    action.group = edit.where;
    action.subject = path_of(edit.folder, name);
    action.reason = !after ? "to be deleted" : before ? "another value" : "new";
    action.changes = {{"value", mark(edit, before), mark(edit, after)}};
    action.destroys = !after;
    action.question = after ? plan::Question::none : plan::Question::yes_no;
    action.before = mark(edit, before);
    action.expected_after = mark(edit, after);
    action.lane = "infisical";
    action.batch = after ? "set" : "unset";
    action.payload = std::move(step);
    return action;
}

Error not_there(const FolderEdit& edit, const std::string& name) {
    std::vector<std::string> names;
    for (const auto& [one, value] : edit.present) names.push_back(one);
    Error error(errors::secret_missing,
                fmt::format("the secret {} isn't in {} in {}", name, edit.folder, edit.where));
    if (const auto near = nearest(name, names)) error.because(fmt::format("did you mean {}?", *near));
    return error.fix("nothing was deleted");
}

}  // namespace

plan::Plan plan_edit(const FolderEdit& edit) {
    plan::Plan plan;
    for (const auto& [name, value] : edit.set) {
        const auto present = edit.present.find(name);
        const auto* before = present == edit.present.end() ? nullptr : &present->second;
        if (before && before->reveal() == api::stored_form(value.reveal())) continue;
        plan.actions.push_back(action_for(edit, name, before, &value));
    }
    for (const auto& name : edit.unset) {
        const auto present = edit.present.find(name);
        if (present == edit.present.end()) throw not_there(edit, name);
        plan.actions.push_back(action_for(edit, name, &present->second, nullptr));
    }
    return plan;
}

void EditHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    std::map<std::string, Secret> set;
    std::vector<std::string> unset;
    std::string folder;
    for (const auto* action : batch) {
        const auto& step = dynamic_cast<const EditStep&>(*action->payload);
        folder = step.folder;
        if (step.value)
            set.emplace(step.name, *step.value);
        else
            unset.push_back(step.name);
    }
    if (!set.empty()) infisical_.set(project_id_, environment_, folder, set, stop);
    if (!unset.empty()) infisical_.unset(project_id_, environment_, folder, unset, std::move(stop));
}

}  // namespace kavi::ops

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/stacks/work.hpp>

#include <fmt/format.h>

namespace kavi::ops {

StackWork::State& StackWork::state(const StackStep& step) {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = states_.try_emplace(step.stack->name);
    if (fresh) place->second.record = step.seen->record;
    return place->second;
}

StackRecord& StackWork::record(const StackStep& step, std::stop_token stop) {
    auto& state = this->state(step);
    if (!state.sure) make_sure(step, std::move(stop));
    state.sure = true;
    return state.record;
}

void StackWork::make_sure(const StackStep& step, std::stop_token stop) {
    // Pulling nothing changes nothing, but takes the server's lock, under which the record is read again.
    call(step, {.name = "image/pull", .parameters = {{"images", Json::array()}}}, {}, stop);
    const auto facts =
        call(step, {.name = "facts", .parameters = {{"parts", {{"records", Json::object()}}}}}, {}, stop);
    Json now;
    if (const auto records = facts.find("records"); records != facts.end() && records->is_object())
        if (const auto stacks = records->find("stacks"); stacks != records->end() && stacks->is_object())
            now = stacks->value(step.stack->name, Json());
    if (now == step.seen->raw_record) return;
    Error error(errors::state_unexpected,
                fmt::format("the stack {} changed while kavi was planning", step.stack->name));
    throw error.because("another run has written its record")
        .fix("run the command again: it plans from what is there now");
}

StackRecord& StackWork::begin(const StackStep& step, std::stop_token stop) {
    auto& record = this->record(step, std::move(stop));
    if (record.release_open && record.release == step.release) return record;
    if (!record.release_open) record.release_before = record.release;
    const bool adopting = step.seen->raw_record.is_null() && !step.seen->containers.empty();
    if (record.release.empty() && adopting) record.release_before = adopted_release;
    record.release = step.release;
    record.release_open = true;
    return record;
}

void StackWork::write_record(const StackStep& step, std::stop_token stop) {
    call(step,
         {.name = "record/write",
          .parameters = {{"path", fmt::format("stacks/{}.json", step.stack->name)},
                         {"value", to_json(state(step).record)}}},
         {},
         std::move(stop));
}

Json StackWork::call(const StackStep& step,
                     const host::Operation& operation,
                     std::span<const plan::Action* const> actions,
                     std::stop_token stop) {
    const auto hear = [&](const Json& event) {
        if (!tools_.on_progress) return;
        const auto subject = string_or(event, "subject");
        for (const auto* action : actions)
            if (action->subject == subject) tools_.on_progress(*action, string_or(event, "text"));
    };
    return tools_.host_at(step.stack->server, stop).call(operation, hear, stop);
}

std::string StackWork::kept_folder(const StackStep& step, const std::string& release) {
    return fmt::format("/var/lib/kavi/previous/{}/{}", step.stack->name, release);
}

Made made_of(const ServiceStep& step, const ServiceRecord* recorded) {
    Made made{.image = step.service.image, .inputs = {}, .key = step.stack->key_id, .release = step.release};
    const bool comparable = recorded != nullptr && recorded->made.key == made.key;
    for (const auto& [key, input] : step.service.inputs) {
        auto& digest = made.inputs[key] = input.digest.value_or("");
        if (input.digest || !comparable) continue;
        if (const auto old = recorded->made.inputs.find(key); old != recorded->made.inputs.end())
            digest = old->second;
    }
    return made;
}

}  // namespace kavi::ops

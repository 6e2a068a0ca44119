#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/when.hpp>
#include <kavi/ops/restore/handler.hpp>
#include <kavi/seal/age.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

constexpr std::size_t longest_header = 65536;

const RestoreStep& step_of(const plan::Action& action) {
    return dynamic_cast<const RestoreStep&>(*action.payload);
}

std::string doing_of(const Json& event) {
    auto text = string_or(event, "text");
    const auto& bytes = member_or_null(event, "bytes");
    const auto& total = member_or_null(event, "total");
    if (bytes.is_number_integer() && total.is_number_integer())
        text += fmt::format(
            ", {} of {}", size_text(bytes.get<std::uint64_t>()), size_text(total.get<std::uint64_t>()));
    return text;
}

std::vector<std::string> texts_of(const Json& list) {
    std::vector<std::string> all;
    if (list.is_array())
        for (const auto& one : list)
            if (one.is_string()) all.push_back(printable(one.get<std::string>()));
    return all;
}

std::uint64_t number_or_zero(const Json& object, std::string_view key) {
    const auto& value = member_or_null(object, key);
    return value.is_number_integer() ? value.get<std::uint64_t>() : 0;
}

RestoreResult result_of(const Json& said) {
    const auto& seconds = member_or_null(said, "seconds");
    return {.bytes = number_or_zero(said, "bytes"),
            .seconds = seconds.is_number() ? seconds.get<double>() : 0,
            .rows = number_or_zero(said, "rows"),
            .kept = printable(string_or(said, "kept")),
            .restarted = texts_of(member_or_null(said, "restarted")),
            .warnings = texts_of(member_or_null(said, "warnings"))};
}

}  // namespace

UnwrappedArtefact unwrap_artefact(store::Store& store,
                                  const std::string& path,
                                  std::span<const seal::Identity> identities) {
    std::string beginning;
    store.read(
        path, [&](std::string_view bytes) { beginning += bytes; }, 0, longest_header);
    return while_doing(fmt::format("{} can't be opened", path), [&] {
        auto header = seal::unwrap_header(beginning, identities);
        return UnwrappedArtefact{.file_key = std::move(header.file_key), .header_size = header.header_size};
    });
}

AgentAnswer ask_agent(const RestoreTools& tools,
                      const AgentQuestion& question,
                      const host::EventSink& on_event,
                      std::stop_token stop) {
    const auto store = tools.open_store(question.store);
    auto request = Json{{"kavi.agent", 1},
                        {"estate", tools.estate},
                        {"server", question.owner},
                        {"run", tools.run},
                        {"store", tools.store_for(question.server, question.store)},
                        {"artefacts", Json::array()}};
    if (question.level > 0) request["level"] = question.level;
    for (const auto& part : question.parts) {
        const auto path =
            fmt::format("{}/{}", backup_folder(tools.estate, question.owner), part.artefact.file);
        const auto unwrapped = unwrap_artefact(*store, path, tools.identities());
        request["artefacts"].push_back({{"artefact", artefact_json(part.artefact)},
                                        {"header_size", unwrapped.header_size},
                                        {"file_key", base64(unwrapped.file_key.reveal())},
                                        {"target", part.target}});
    }
    // The request holds file keys: it goes as a frame, which is never written down.
    auto text = canonical_json(request);
    host::Operation operation{.name = "agent/run",
                              .parameters = {{"command", question.level > 0 ? "verify" : "restore"}},
                              .frames = {}};
    operation.frames.push_back({"agent-request", Secret::take(text)});
    for (auto& entry : request["artefacts"]) wipe(entry["file_key"].get_ref<std::string&>());
    const auto answer = tools.host_at(question.server, stop).call(operation, on_event, stop);
    AgentAnswer all;
    for (const auto& one : member_or_null(answer, "artefacts")) all[string_or(one, "file")] = one;
    return all;
}

void RestoreHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    const auto& first = step_of(*batch.front());
    AgentQuestion question{.server = first.server, .owner = first.owner, .store = first.store, .parts = {}};
    for (const auto* action : batch) question.parts.push_back(step_of(*action).part);
    const auto answer = ask_agent(
        tools_, question, [&](const Json& event) { tell(batch, event); }, stop);
    run::BatchFailure failure;
    for (const auto* action : batch) {
        const auto found = answer.find(step_of(*action).part.artefact.file);
        if (found == answer.end())
            failure.failed.emplace(
                action->id,
                Error(errors::restore_failed, fmt::format("the agent says nothing of {}", action->subject)));
        else if (const auto& why = member_or_null(found->second, "failure"); why.is_object())
            failure.failed.emplace(action->id, host::error_of(why));
        else
            remember(action->id, result_of(found->second));
    }
    if (!failure.failed.empty()) throw failure;
}

void RestoreHandler::tell(std::span<const plan::Action* const> batch, const Json& event) const {
    if (!tools_.on_progress) return;
    const auto subject = string_or(event, "subject");
    for (const auto* action : batch) {
        const auto& artefact = step_of(*action).part.artefact;
        if (subject == (artefact.part.empty() ? artefact.item : artefact.item + "/" + artefact.part))
            tools_.on_progress(*action, doing_of(event));
    }
}

void RestoreHandler::remember(const std::string& id, RestoreResult result) {
    const std::lock_guard lock(mutex_);
    results_[id] = std::move(result);
}

std::map<std::string, RestoreResult> RestoreHandler::results() const {
    const std::lock_guard lock(mutex_);
    return results_;
}

}  // namespace kavi::ops

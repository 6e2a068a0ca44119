#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/run.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

namespace kavi::ops {

namespace {

std::uint64_t number(const Json& object, std::string_view key) {
    const auto& value = member_or_null(object, key);
    return value.is_number_integer() && value >= 0 ? value.get<std::uint64_t>() : 0;
}

/// The list `key`; empty where it is none.
const Json& list(const Json& object, std::string_view key) {
    static const Json none = Json::array();
    const auto& value = member_or_null(object, key);
    return value.is_array() ? value : none;
}

std::string subject_of(const Json& object) {
    const auto part = string_or(object, "part");
    return printable(string_or(object, "item") + (part.empty() ? "" : "/") + part);
}

/// How far the agent is, for people: "databases/infisical: 120 MB of 180 MB, 45 MB/s".
class Telling {
  public:
    Telling(const BackupRunTools& tools, const plan::Action& action) : tools_(tools), action_(action) {}

    void hear(const Json& event) {
        if (!tools_.on_progress) return;
        const auto subject = printable(string_or(event, "subject"));
        if (!member_or_null(event, "bytes").is_number())
            return tools_.on_progress(action_, printable(fmt::format("{}: {}", subject, string_or(event, "text"))));
        if (subject != subject_) began_ = tools_.clock.steady();
        subject_ = subject;
        tools_.on_progress(action_, fmt::format("{}: {}{}", subject, amount(event), rate(number(event, "bytes"))));
    }

  private:
    static std::string amount(const Json& event) {
        const auto total = number(event, "total");
        const auto bytes = size_text(number(event, "bytes"));
        return total == 0 ? bytes : fmt::format("{} (last time {})", bytes, size_text(total));
    }

    std::string rate(std::uint64_t bytes) const {
        const auto seconds = std::chrono::duration<double>(tools_.clock.steady() - began_).count();
        return bytes == 0 || seconds < 0.2 ? "" : fmt::format(", {}/s", size_text(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)));
    }

    const BackupRunTools& tools_;
    const plan::Action& action_;
    std::string subject_;
    std::chrono::steady_clock::time_point began_{};
};

Error failure_of(const BackupRunResult& result) {
    Error error(errors::backup_failed, fmt::format("run {} hasn't got everything", result.run));
    for (const auto& problem : result.problems) error.because(problem);
    return error;
}

}  // namespace

plan::Action plan_backup_run(const BackupRunInputs& inputs) {
    auto step = std::make_shared<BackupRunStep>();
    step->server = inputs.server;
    step->request = inputs.request;
    auto& json = step->request.json;
    if (!inputs.items.empty())
        std::erase_if(json["items"].get_ref<Json::array_t&>(), [&](const Json& item) {
            return std::ranges::find(inputs.items, string_or(item, "name")) == inputs.items.end();
        });
    json["accept_smaller"] = inputs.accept_smaller;
    std::vector<std::string> names, stores;
    for (const auto& item : json["items"]) names.push_back(string_or(item, "name"));
    for (const auto& store : json["stores"]) stores.push_back(string_or(store, "name"));
    plan::Action action{.id = fmt::format("backup-run/{}", inputs.server),
                        .verb = plan::Verb::run,
                        .kind = "backup-run",
                        .group = inputs.server,
                        .subject = fmt::format("backup of {} to {}", names.size() > 3 ? fmt::format("{} items", names.size()) : join(names, ", "), join(stores, ", ")),
                        .reason = inputs.reason,
                        .effect = {},
                        .lane = inputs.server};
    action.expected_after = {{"items", std::move(names)}, {"stores", std::move(stores)}};
    action.payload = std::move(step);
    return action;
}

std::uint64_t BackupRunResult::bytes() const {
    return std::accumulate(stored.begin(), stored.end(), std::uint64_t{0}, [](auto sum, const BackedUp& one) { return sum + one.bytes; });
}

BackupRunResult backup_run_result(const Json& said) {
    BackupRunResult result{.run = printable(string_or(said, "run"))};
    const auto& manifest = member_or_null(said, "manifest");
    for (const auto& one : list(manifest, "artefacts"))
        result.stored.push_back(
            {printable(string_or(one, "item")), printable(string_or(one, "part")), number(one, "bytes"), number(one, "plain_bytes")});
    for (const auto& one : list(manifest, "failures"))
        result.problems.push_back(fmt::format("{}: {}", subject_of(one), printable(string_or(one, "message"))));
    for (const auto& one : list(manifest, "warnings"))
        if (one.is_string()) result.warnings.push_back(printable(one.get<std::string>()));
    const auto& stores = member_or_null(said, "stores");
    if (!stores.is_object()) return result;
    for (const auto& [name, store] : stores.items())
        if (const auto& failure = member_or_null(store, "failure"); failure.is_object())
            result.problems.push_back(printable(fmt::format("store {}: {}", name, string_or(failure, "message"))));
    return result;
}

void BackupRunHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) back_up(*action, stop);
}

void BackupRunHandler::back_up(const plan::Action& action, std::stop_token stop) {
    const auto* step = dynamic_cast<const BackupRunStep*>(action.payload.get());
    if (step == nullptr) throw Error(errors::internal, fmt::format("{} carries nothing that its handler knows", action.id));
    host::Operation operation{.name = "agent/run", .parameters = {{"command", "backup"}}, .frames = {}};
    operation.frames.push_back({"agent-request", step->request.text()});
    Telling telling(tools_, action);
    const auto began = tools_.clock.steady();
    const auto said = tools_.host_at(step->server, stop).call(operation, [&](const Json& event) { telling.hear(event); }, stop);
    auto result = backup_run_result(said);
    result.took = std::chrono::duration_cast<std::chrono::milliseconds>(tools_.clock.steady() - began);
    {
        const std::lock_guard lock(mutex_);
        results_.insert_or_assign(step->server, result);
    }
    if (!result.problems.empty()) throw failure_of(result);
}

std::map<std::string, BackupRunResult> BackupRunHandler::results() const {
    const std::lock_guard lock(mutex_);
    return results_;
}

}  // namespace kavi::ops

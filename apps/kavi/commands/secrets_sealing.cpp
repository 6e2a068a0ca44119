#include "secrets_sealing.hpp"

#include "../render/progress.hpp"

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

namespace kavi::app {

namespace {

void require_places(const model::Estate& estate) {
    if (!estate.secrets.sealed.empty()) return;
    throw Error(errors::config_invalid, "the estate file names no place for sealed copies")
        .fix("add one to [secrets]: sealed = [\"secrets.sealed.age\"]");
}

}  // namespace

Result seal_copies(Session& session, const Sealing& sealing) {
    const auto& estate = sealing.context.loaded.estate;
    require_places(estate);
    auto* infisical = sealing.ask_infisical && !session.options.sealed ? sealing.access.source() : nullptr;
    const auto seen = ops::observe_seal(estate, infisical, sealing.access.read_copies(true), session.stop);
    const auto planned = ops::plan_seal(estate, seen, sealing.edit, session.clock.now());
    for (const auto& warning : planned.warnings) session.output.warn(warning);

    ops::SealHandler::Tools tools{.places = sealing.access.places(), .signer = [&] { return sealing.access.signer(); }};
    if (seen.folders) {
        tools.infisical = &sealing.access.infisical();
        tools.project_id = infisical->project(session.stop).id;
        tools.environment = estate.secrets.environment;
    }
    ops::SealHandler handler(std::move(tools));
    const auto progress = make_progress(session.output, session.clock);
    const auto record = make_run_record(session, sealing.command);
    const run::Handlers handlers{{std::string(ops::SealHandler::kind), &handler}};
    auto result = change(session,
                         sealing.change,
                         {.command = "Seal",
                          .headline = fmt::format("estate {} · sealed for its operators", estate.name),
                          .nothing = fmt::format("estate {}: the sealed copies hold everything, in every place that was reached", estate.name),
                          .plan = planned.plan,
                          .handlers = handlers,
                          .listener = *progress,
                          .record = record,
                          .question = sealing.question});
    for (const auto& warning : handler.warnings()) session.output.warn(warning);
    return result;
}

}  // namespace kavi::app

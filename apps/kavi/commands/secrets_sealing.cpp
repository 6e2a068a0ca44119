#include "secrets_sealing.hpp"

#include "../render/progress.hpp"

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

namespace {

void require_places(const model::Estate& estate) {
    if (!estate.secrets.sealed.empty()) return;
    throw Error(errors::config_invalid, "the estate file names no place for sealed copies")
        .fix("add one to [secrets]: sealed = [\"secrets.sealed.age\"]");
}

/// The folders that a copy needs, as this run has read them.
secrets::FolderSecrets folders_read(const model::Estate& estate, const secrets::SecretVault& vault) {
    secrets::FolderSecrets folders;
    const auto there = vault.folders_below("/");
    for (const auto& name : secrets::folders_needed(secrets::uses_of(estate)))
        if (std::ranges::find(there, name) != there.end()) folders.emplace(name, vault.folder(name));
    return folders;
}

std::optional<std::string> refresh(Session& session,
                                   const model::LoadedEstate& loaded,
                                   SecretsAccess& access) {
    const auto& estate = loaded.estate;
    const auto& opened = access.opened();
    const bool wanted = session.output.voice().ci == CiKind::none &&
                        opened.source == secrets::Choice::infisical && opened.vault.sealed_opened() &&
                        !estate.secrets.sealed.empty();
    if (!wanted) return std::nullopt;
    ops::SealObservation seen{.copies = access.read_copies(true),
                              .folders = folders_read(estate, opened.vault),
                              .source = access.source()->description()};
    const auto planned = ops::plan_seal(estate, seen, {}, session.clock.now());
    if (planned.plan.empty()) return std::nullopt;
    const auto asks = [](const plan::Action& action) { return action.question != plan::Question::none; };
    if (std::ranges::any_of(planned.plan.actions, asks))
        return "the sealed copy is out of date: kavi secrets seal";
    ops::SealHandler handler({.places = access.places(),
                              .signer = [&] { return access.signer(); },
                              .infisical = &access.infisical(),
                              .project_id = access.source()->project(session.stop).id,
                              .environment = estate.secrets.environment});
    const run::Handlers handlers{{std::string(ops::SealHandler::kind), &handler}};
    run::NoBoundary boundary;
    run::Listener silent;
    const auto report = run::execute(planned.plan, handlers, boundary, silent, session.clock, session.stop);
    for (const auto& done : report.actions)
        if (done.error) throw *done.error;
    for (const auto& warning : handler.warnings()) session.output.warn(warning);
    return fmt::format("the sealed copy is up to date: {}", planned.plan.actions.front().reason);
}

}  // namespace

std::optional<std::string> refresh_copies(Session& session,
                                          const model::LoadedEstate& loaded,
                                          SecretsAccess& access) {
    try {
        return refresh(session, loaded, access);
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        return fmt::format("the sealed copy couldn't be brought up to date: {}", error.message());
    }
}

Result seal_copies(Session& session, const Sealing& sealing) {
    const auto& estate = sealing.context.loaded.estate;
    require_places(estate);
    auto* infisical = sealing.ask_infisical && !session.options.sealed ? sealing.access.source() : nullptr;
    const auto seen = ops::observe_seal(estate, infisical, sealing.access.read_copies(true), session.stop);
    const auto planned = ops::plan_seal(estate, seen, sealing.edit, session.clock.now());
    if (!infisical && sealing.ask_infisical && !session.options.sealed &&
        estate.secrets.provider == model::SecretsConfig::Provider::infisical)
        session.output.warn(
            "there are no credentials for Infisical: the copy keeps its folders as they were");
    for (const auto& warning : planned.warnings) session.output.warn(warning);

    ops::SealHandler::Tools tools{.places = sealing.access.places(),
                                  .signer = [&] { return sealing.access.signer(); }};
    if (seen.folders) {
        tools.infisical = &sealing.access.infisical();
        tools.project_id = infisical->project(session.stop).id;
        tools.environment = estate.secrets.environment;
    }
    ops::SealHandler handler(std::move(tools));
    const auto progress = make_progress(session.output, session.clock);
    const auto record = make_run_record(session, sealing.command);
    const run::Handlers handlers{{std::string(ops::SealHandler::kind), &handler}};
    auto result = change(
        session,
        sealing.change,
        {.command = "Seal",
         .headline = fmt::format("estate {} · sealed for its operators", estate.name),
         .nothing = fmt::format(
             "estate {}: the sealed copies hold everything, in every place that was reached", estate.name),
         .plan = planned.plan,
         .handlers = handlers,
         .listener = *progress,
         .record = record,
         .before_apply =
             [&] {
                 if (planned.seals_anew) sealing.access.signer();  // without a key nothing is begun
             },
         .question = sealing.question});
    for (const auto& warning : handler.warnings()) session.output.warn(warning);
    return result;
}

}  // namespace kavi::app

#include "secrets_sealing.hpp"

#include "../render/progress.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

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

class Refresher {
  public:
    Refresher(Session& session, const Refreshing& with)
        : session_(session), with_(with), estate_(with.loaded.estate), opened_(with.access.opened()) {}

    std::optional<std::string> refresh() {
        if (estate_.secrets.sealed.empty()) return std::nullopt;
        if (!opened_.vault.sealed_opened()) return unopened();
        const bool from_infisical = estate_.secrets.provider == model::SecretsConfig::Provider::infisical;
        if (from_infisical && opened_.source != secrets::Choice::infisical && with_.backup_signers.empty()) return std::nullopt;
        if (!plan(with_.access).seals_anew) return std::nullopt;
        SecretsAccess wide(session_, with_.loaded, with_.network.http(), {.network = &with_.network});
        const auto planned = plan(wide);
        if (planned.plan.empty()) return std::nullopt;
        const auto asks = [](const plan::Action& action) { return action.question != plan::Question::none; };
        if (std::ranges::any_of(planned.plan.actions, asks)) return "the sealed copy is out of date: kavi secrets seal";
        write(planned.plan, wide);
        return fmt::format("the sealed copy is up to date: {}", planned.plan.actions.front().reason);
    }

  private:
    std::optional<std::string> unopened() const {
        if (with_.backup_signers.empty()) return std::nullopt;
        std::vector<std::string> servers;
        for (const auto& [server, key] : with_.backup_signers) servers.push_back(server);
        return fmt::format("no sealed copy could be opened here: the next deploy by an operator keeps the keys that sign the backups of {}",
                           join(servers, ", "));
    }

    /// By what that access reads: the local copy alone, or all places.
    ops::SealPlan plan(SecretsAccess& access) const {
        const bool everywhere = &access != &with_.access;
        ops::SealObservation seen{.copies = access.read_copies(everywhere), .folders = {}, .source = {}, .why_down = {}};
        if (opened_.source == secrets::Choice::infisical && with_.access.source() != nullptr) {
            seen.folders = folders_read(estate_, opened_.vault);
            seen.source = with_.access.source()->description();
        }
        seen.backup_signers = with_.backup_signers;
        return ops::plan_seal(estate_, seen, {}, session_.clock.now());
    }

    void write(const plan::Plan& plan, SecretsAccess& wide) {
        ops::SealHandler::Tools tools{.places = wide.places(), .signer = [&] { return with_.access.signer(); }};
        if (auto* source = opened_.source == secrets::Choice::infisical ? with_.access.source() : nullptr) {
            tools.infisical = &with_.access.infisical();
            tools.project_id = source->project(session_.stop).id;
            tools.environment = estate_.secrets.environment;
        }
        ops::SealHandler handler(std::move(tools));
        const run::Handlers handlers{{std::string(ops::SealHandler::kind), &handler}};
        run::NoBoundary boundary;
        run::Listener silent;
        const auto report = run::execute(plan, handlers, boundary, silent, session_.clock, session_.stop);
        for (const auto& done : report.actions)
            if (done.error) throw *done.error;
        for (const auto& warning : handler.warnings()) session_.output.warn(warning);
    }

    Session& session_;
    const Refreshing& with_;
    const model::Estate& estate_;
    const secrets::OpenedSecrets& opened_;
};

}  // namespace

std::optional<std::string> refresh_copies(Session& session, const Refreshing& refreshing) {
    try {
        return Refresher(session, refreshing).refresh();
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

#include "../change.hpp"
#include "../estate_context.hpp"
#include "../network.hpp"
#include "../render/progress.hpp"
#include "../secrets_access.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/secrets/escrow.hpp>

#include <fmt/format.h>

#include <memory>

namespace kavi::app {

namespace {

struct EscrowOptions {
    std::string action;
    ChangeOptions change;
};

Result report_result(const ops::EscrowReport& report) {
    Result result{.exit = report.exit(), .data = {{"locations", OrderedJson::array()}}};
    std::string key;
    std::size_t good = 0;
    for (const auto& finding : report.findings) {
        if (finding.key != key) result.text += fmt::format("{}\n", key = finding.key);
        result.text +=
            fmt::format("  {:<20} {:<44} {}\n", name_of(finding.state), finding.location, finding.detail);
        result.data["locations"].push_back({{"key", finding.key},
                                            {"location", finding.location},
                                            {"state", name_of(finding.state)},
                                            {"detail", finding.detail}});
        good += finding.state == ops::EscrowState::good;
    }
    result.text += fmt::format("escrow {}/{}\n", good, report.findings.size());
    result.data["good"] = good;
    return result;
}

Result place(Session& session,
             const EscrowOptions& options,
             const ops::EscrowTools& tools,
             const ops::EscrowReport& report) {
    const auto plan = ops::plan_escrow(tools, report);
    ops::EscrowHandler handler(tools.places);
    const run::Handlers handlers{{std::string(ops::EscrowHandler::kind), &handler}};
    const auto progress = make_progress(session.output, session.clock);
    const auto record = make_run_record(session, "kavi secrets escrow place");
    return change(session,
                  options.change,
                  {.command = "Place",
                   .headline = {},
                   .nothing = "nothing is missing that kavi can place",
                   .plan = plan,
                   .handlers = handlers,
                   .listener = *progress,
                   .record = record});
}

Result escrow(const EscrowOptions& options, Session& session) {
    const auto context = load_estate_context(session);
    const auto& estate = context.loaded.estate;
    if (estate.escrow.empty())
        throw Error(errors::config_invalid, "the estate file has no escrow")
            .fix("add [escrow.NAME] with secret and locations");
    Network network(session);
    SecretsAccess access(
        session, context.loaded, network.http(), {.network = &network, .confirmed = options.change.confirm});
    const auto copies = access.read_copies(true);
    for (const auto& warning : copies.warnings) session.output.warn(warning);
    const auto content = copies.content();
    const secrets::SecretVault vault({.description = content.description,
                                      .folders = content.folders,
                                      .folder_names = {},
                                      .sealed = content.sealed,
                                      .why_not_sealed = content.why_not,
                                      .uses = secrets::uses_of(estate)});
    const ops::EscrowTools tools{estate, vault, access.places(), access.identities()};
    const auto report = ops::verify_escrow(tools, session.clock.now(), session.stop);
    return options.action == "place" ? place(session, options, tools, report) : report_result(report);
}

}  // namespace

Run define_secrets_escrow(Arguments& arguments) {
    auto options = std::make_shared<EscrowOptions>();
    arguments
        .positional(
            "ACTION",
            options->action,
            "verify: open each copy and compare it, without showing the key; place: write what is missing")
        .one_of({"verify", "place"});
    declare(arguments, options->change);
    return [options](Session& session) { return escrow(*options, session); };
}

}  // namespace kavi::app

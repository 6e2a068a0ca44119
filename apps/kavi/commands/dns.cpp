#include "../dns_session.hpp"
#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/handler.hpp>
#include <kavi/ops/dns/undo.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct ZoneOptions {
    std::vector<std::string> zones;
    ChangeOptions change;
};

struct UndoOptions {
    std::string run;
    ChangeOptions change;
};

std::string zones_text(const ops::DnsObservation& seen) {
    std::vector<std::string> names;
    std::size_t records = 0;
    for (const auto& [name, zone] : seen) {
        names.push_back(name);
        records += zone.records.size();
    }
    return fmt::format("{} · {} record{}", join(names, ", "), records, records == 1 ? "" : "s");
}

std::chrono::milliseconds lock_wait(const ChangeOptions& options) {
    return options.lock_wait.value_or(std::chrono::milliseconds(0));
}

/// Shows, asks, applies; a plan that a guard refuses may be looked at, and nothing more.
Result apply(Session& session, EstateSession& estate, const ChangeOptions& options, const DnsPlanned& planned, std::string_view word) {
    const auto& record = estate.record();
    const auto progress = make_progress(session.output, session.clock);
    ops::ImageFile images(record.folder / "dns.jsonl");
    ops::DnsHandler handler(estate.cloudflare(), session.clock, images,
                            [&](std::string_view reference) { return estate.facts().resolve(reference); });
    const run::Handlers handlers{{"dns", &handler}};
    const auto may_go_on = [&] {
        planned.plan.require_allowed();
        ops::check_quota(estate.cloudflare(), planned.plan, planned.seen, session.stop);
    };
    const auto same = unchanged_text(planned.plan.plan);
    auto result = change(session,
                         options,
                         {.command = std::string(word),
                          .headline = fmt::format("{} · observed in {}", zones_text(planned.seen), duration_text(planned.took)),
                          .nothing = fmt::format("{}: {}{} · {}",
                                                 zones_text(planned.seen),
                                                 word == "Sync" ? "everything is as declared" : "nothing to take back",
                                                 same.empty() ? "" : fmt::format(" ({})", same),
                                                 duration_text(planned.took)),
                          .plan = planned.plan.plan,
                          .handlers = handlers,
                          .listener = *progress,
                          .record = record,
                          .before_apply = may_go_on,
                          .next_step = fmt::format("undo: kavi dns undo {}", record.run)});
    if (word == "Sync") result.data["unmanaged"] = unmanaged_json(planned.plan);
    if (options.dry_run && !planned.plan.refusals.empty()) {
        result.exit = planned.plan.refusals.front().code().exit;
        result.errors = planned.plan.refusals;
    }
    return result;
}

Result sync(const ZoneOptions& options, Session& session) {
    std::string line = "kavi dns sync";
    for (const auto& zone : options.zones) line += ' ' + zone;
    EstateSession estate(session, line, lock_wait(options.change));
    const auto planned = plan_zones(estate, options.zones, session);
    return apply(session, estate, options.change, planned, "Sync");
}

Result diff(const ZoneOptions& options, Session& session) {
    EstateSession estate(session, "kavi dns diff");
    const auto planned = plan_zones(estate, options.zones, session);
    const auto& plan = planned.plan.plan;
    Result result{.exit = plan.empty() ? Exit::ok : Exit::changes, .errors = planned.plan.refusals};
    result.data = {{"plan", plan::to_json(plan)}, {"unmanaged", unmanaged_json(planned.plan)}};
    if (!plan.empty()) {
        result.text = plan_text(plan, session.output.out());
        return result;
    }
    result.text = fmt::format("{}: no difference · {}\n", zones_text(planned.seen), duration_text(planned.took));
    for (const auto& note : plan.notes) result.text += fmt::format("  note: {}\n", note);
    return result;
}

/// The images of an earlier run of this operator's.
std::vector<ops::RecordImage> images_of(const std::string& run, const Environment& environment) {
    const auto folder = std::filesystem::path(environment.state_folder()) / "runs";
    const auto file = folder / run / "dns.jsonl";
    const bool plain = !run.empty() && run.find('/') == std::string::npos && run != "." && run != "..";
    std::error_code ignored;
    if (plain && std::filesystem::exists(file, ignored)) return ops::read_images(file);
    std::vector<std::string> known;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
        if (std::filesystem::exists(entry.path() / "dns.jsonl", ignored)) known.push_back(entry.path().filename().string());
    std::ranges::sort(known, std::greater{});
    Error error(errors::unknown_name, fmt::format("no run {} changed DNS records from this machine", printable(run)));
    if (known.empty()) throw error.fix("what a run changed is kept on the machine that it ran on");
    known.resize(std::min<std::size_t>(known.size(), 3));
    throw error.fix(fmt::format("the last ones are {}", join(known, ", ")));
}

Result undo(const UndoOptions& options, Session& session) {
    const auto images = images_of(options.run, session.environment);
    EstateSession estate(session, fmt::format("kavi dns undo {}", options.run), lock_wait(options.change));
    const auto began = session.clock.steady();
    DnsPlanned planned;
    planned.seen = ops::observe_dns(estate.cloudflare(), ops::zones_of(images), session.stop);
    planned.plan = ops::plan_undo(images, planned.seen);
    planned.took = std::chrono::duration_cast<std::chrono::milliseconds>(session.clock.steady() - began);
    if (planned.plan.plan.empty()) planned.plan.require_allowed();
    return apply(session, estate, options.change, planned, "Take it back");
}

}  // namespace

Run define_dns_sync(Arguments& arguments) {
    auto options = std::make_shared<ZoneOptions>();
    arguments.positional("ZONE", options->zones, "zones (default: every declared one)").completes(Names::zone);
    declare(arguments, options->change);
    return [options](Session& session) { return sync(*options, session); };
}

Run define_dns_diff(Arguments& arguments) {
    auto options = std::make_shared<ZoneOptions>();
    arguments.positional("ZONE", options->zones, "zones (default: every declared one)").completes(Names::zone);
    return [options](Session& session) { return diff(*options, session); };
}

Run define_dns_undo(Arguments& arguments) {
    auto options = std::make_shared<UndoOptions>();
    arguments.positional("RUN", options->run, "the run to take back, as `kavi history` names it").completes(Names::run);
    declare(arguments, options->change);
    return [options](Session& session) { return undo(*options, session); };
}

}  // namespace kavi::app

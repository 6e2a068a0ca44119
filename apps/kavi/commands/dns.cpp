#include "../dns_session.hpp"
#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/handler.hpp>
#include <kavi/ops/dns/undo.hpp>
#include <kavi/ops/dns/verify.hpp>

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

std::vector<std::string> carried_out(const Result& result) {
    std::vector<std::string> ids;
    const auto actions = result.data.find("actions");
    if (actions == result.data.end()) return ids;
    for (const auto& action : *actions)
        if (action["outcome"] == "done") ids.push_back(action["id"].get<std::string>());
    return ids;
}

/// How name servers are asked: by KAVI_DOH_URL, else each itself. Null: KAVI_LOOPBACK_ONLY forbids it.
std::unique_ptr<ops::NameAnswers> name_answers(const Environment& environment, Network& network) {
    if (const auto url = environment.find("KAVI_DOH_URL"))
        return std::make_unique<ops::DohAnswers>(network.http(), *url);
    if (environment.is_on("KAVI_LOOPBACK_ONLY")) return nullptr;
    return std::make_unique<ops::AuthoritativeAnswers>();
}

/// Does the world see what was changed? What it doesn't is said; only names that stay as they were fail.
void check_after(Session& session, EstateSession& estate, const DnsPlanned& planned, Result& result) {
    const auto done = carried_out(result);
    if (done.empty() || session.stop.stop_requested()) return;
    const auto answers = name_answers(session.environment, estate.network());
    if (!answers)
        return session.output.talk(
            "  name servers weren't asked: KAVI_LOOPBACK_ONLY is set, KAVI_DOH_URL isn't");
    const auto problems =
        ops::verify_dns(planned.plan.plan,
                        done,
                        planned.seen,
                        {.answers = *answers, .https = estate.network().plain_http(), .clock = session.clock},
                        session.stop);
    auto checks = OrderedJson::array();
    for (const auto& one : problems) {
        checks.push_back({{"what", one.what}, {"problem", one.problem}, {"unknown", one.unknown}});
        const bool wrong = !one.unknown && !one.what.starts_with("https://");
        if (!wrong) {
            session.output.warn(fmt::format("{}: {}", one.what, one.problem));
            continue;
        }
        Error error(errors::dns_failed, fmt::format("{} isn't answered as declared", one.what));
        error.because(one.problem).fix("it may need a minute more: kavi status asks again");
        result.errors.push_back(std::move(error));
        if (result.exit == Exit::ok) result.exit = Exit::partial;
    }
    result.data["checks"] = std::move(checks);
    if (problems.empty()) session.output.talk("  all name servers agree, and every proxied name answers");
}

/// Shows, asks, applies; a plan that a guard refuses may be looked at, and nothing more.
Result apply(Session& session,
             EstateSession& estate,
             const ChangeOptions& options,
             const DnsPlanned& planned,
             std::string_view word) {
    const auto& record = estate.record();
    const auto progress = make_progress(session.output, session.clock);
    ops::ImageFile images(record.folder / "dns.jsonl");
    ops::DnsHandler handler(estate.cloudflare(), session.clock, images, [&](std::string_view reference) {
        return estate.facts().resolve(reference);
    });
    const run::Handlers handlers{{"dns", &handler}};
    const auto may_go_on = [&] {
        planned.plan.require_allowed();
        ops::check_quota(estate.cloudflare(), planned.plan, planned.seen, session.stop);
    };
    const auto same = unchanged_text(planned.plan.plan);
    auto result =
        change(session,
               options,
               {.command = std::string(word),
                .headline =
                    fmt::format("{} · observed in {}", zones_text(planned.seen), duration_text(planned.took)),
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
    check_after(session, estate, planned, result);
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
    result.text =
        fmt::format("{}: no difference · {}\n", zones_text(planned.seen), duration_text(planned.took));
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
        if (std::filesystem::exists(entry.path() / "dns.jsonl", ignored))
            known.push_back(entry.path().filename().string());
    std::ranges::sort(known, std::greater{});
    Error error(errors::unknown_name,
                fmt::format("no run {} changed DNS records from this machine", printable(run)));
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
    arguments.positional("ZONE", options->zones, "zones (default: every declared one)")
        .completes(Names::zone);
    declare(arguments, options->change);
    return [options](Session& session) { return sync(*options, session); };
}

Run define_dns_diff(Arguments& arguments) {
    auto options = std::make_shared<ZoneOptions>();
    arguments.positional("ZONE", options->zones, "zones (default: every declared one)")
        .completes(Names::zone);
    return [options](Session& session) { return diff(*options, session); };
}

Run define_dns_undo(Arguments& arguments) {
    auto options = std::make_shared<UndoOptions>();
    arguments.positional("RUN", options->run, "the run to take back, as `kavi history` names it")
        .completes(Names::run);
    declare(arguments, options->change);
    return [options](Session& session) { return undo(*options, session); };
}

}  // namespace kavi::app

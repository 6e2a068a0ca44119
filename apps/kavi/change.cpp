#include "change.hpp"

#include "render/errors.hpp"
#include "render/plan.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include <fcntl.h>
#include <unistd.h>

namespace kavi::app {

namespace {

std::string read_digest(const std::filesystem::path& file) {
    const auto saved = parse_json(read_file(file), file.string());
    const auto digest = string_or(saved, "digest");
    if (!digest.starts_with("sha256:"))
        throw Error(errors::file_unreadable, fmt::format("{} is no plan of kavi's", file.string()));
    return digest;
}

/// What a saved plan has that this one hasn't, and the other way round.
std::vector<std::string> differences(const OrderedJson& saved, const OrderedJson& now) {
    const auto lines = [](const OrderedJson& plan) {
        std::vector<std::string> all;
        if (const auto actions = plan.find("actions"); actions != plan.end() && actions->is_array())
            for (const auto& action : *actions) all.push_back(action.dump());
        return all;
    };
    const auto id_of = [](const std::string& line) { return string_or(Json::parse(line), "id", "?"); };
    const auto before = lines(saved), after = lines(now);
    std::vector<std::string> found;
    for (const auto& line : before)
        if (std::ranges::find(after, line) == after.end()) found.push_back(fmt::format("saved: {}", id_of(line)));
    for (const auto& line : after)
        if (std::ranges::find(before, line) == before.end()) found.push_back(fmt::format("now: {}", id_of(line)));
    if (found.empty()) found.push_back("the same actions, from another state");
    return found;
}

void require_saved_plan(const std::filesystem::path& file, const plan::Plan& plan) {
    if (read_digest(file) == plan::digest(plan)) return;
    Error error(errors::plan_stale, "the world has moved since the plan was saved");
    for (const auto& line : differences(OrderedJson::parse(read_file(file)), plan::to_json(plan))) error.because(line);
    throw error.fix("look at the new plan (--dry-run), and save it again if it is right");
}

[[noreturn]] void need_answer(std::string_view flag, std::string_view what) {
    Error error(errors::confirmation_required, fmt::format("{} needs an answer, and there is no terminal to ask in", what));
    throw error.fix(fmt::format("give {}", flag));
}

void ask_name(Session& session, const plan::Action& action, const std::vector<std::string>& confirmed) {
    const auto& name = action.confirm_name;
    if (std::ranges::find(confirmed, name) != confirmed.end()) return;
    if (!session.prompt.can_ask()) need_answer(fmt::format("--confirm {}", name), action.subject);
    const auto answer = session.prompt.ask(fmt::format("\n{}: {}. Type its name to go on: ", action.subject, action.reason));
    if (answer != name) throw Error(errors::confirmation_required, "not confirmed; nothing was changed");
}

void ask_yes(Session& session, std::string_view command) {
    if (session.options.yes) return;
    if (!session.prompt.can_ask()) need_answer("--yes", lower(command));
    const auto answer = lower(trim(session.prompt.ask(fmt::format("\n{}? [y/N] ", command)).value_or("")));
    if (answer != "y" && answer != "yes")
        throw Error(errors::confirmation_required, "not confirmed; nothing was changed");
}

void ask(Session& session, const ChangeOptions& options, const Changing& changing) {
    // A saved plan has been looked at; what is typed out is asked all the same.
    for (const auto& action : changing.plan.actions)
        if (action.question == plan::Question::type_name) ask_name(session, action, options.confirm);
    const auto asks = [](const plan::Action& action) { return action.question == plan::Question::yes_no; };
    if (!options.plan && (changing.question || std::ranges::any_of(changing.plan.actions, asks)))
        ask_yes(session, changing.command);
}

/// Appends what happens to the run's journal, for `kavi history`; never read to decide anything.
class Journal final : public run::Listener {
  public:
    Journal(const RunRecord& record, Clock& clock, run::Listener& inner) : clock_(clock), inner_(inner) {
        std::filesystem::create_directories(record.folder);
        file_ = FileDescriptor(::open((record.folder / "journal.jsonl").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    }

    void begin(const RunRecord& record, const plan::Plan& plan) {
        line({{"event", "run"}, {"run", record.run}, {"who", record.who}, {"command", record.command}, {"digest", plan::digest(plan)}});
    }

    void end(Exit exit) { line({{"event", "end"}, {"exit", static_cast<int>(exit)}}); }

    void started(const plan::Action& action) override {
        line({{"event", "started"}, {"id", action.id}});
        inner_.started(action);
    }

    void progress(const plan::Action& action, std::string_view doing) override { inner_.progress(action, doing); }

    void finished(const plan::Action& action, std::chrono::milliseconds took, bool was_so) override {
        line({{"event", "finished"}, {"id", action.id}, {"ms", took.count()}});
        inner_.finished(action, took, was_so);
    }

    void failed(const plan::Action& action, const Error& error, const std::optional<std::string>& put_back) override {
        line({{"event", "failed"}, {"id", action.id}, {"code", error.code().id}, {"message", error.message()}});
        inner_.failed(action, error, put_back);
    }

    void skipped(const plan::Action& action, std::string_view why) override { inner_.skipped(action, why); }

  private:
    void line(OrderedJson value) {
        value["at"] = iso8601(clock_.now());
        const auto text = value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + '\n';
        const std::lock_guard lock(mutex_);
        if (::write(file_.get(), text.data(), text.size()) < 0) return;  // a full disk here mustn't stop a recovery
    }

    Clock& clock_;
    run::Listener& inner_;
    std::mutex mutex_;
    FileDescriptor file_;
};

OrderedJson report_json(const run::Report& report) {
    auto actions = OrderedJson::array();
    for (const auto& done : report.actions) {
        constexpr std::array names{"done", "already", "failed", "not_reached"};
        OrderedJson one{{"id", done.id}, {"outcome", names[static_cast<std::size_t>(done.how)]}, {"ms", done.took.count()}};
        if (done.put_back) one["put_back"] = *done.put_back;
        if (!done.why_not.empty()) one["why_not"] = done.why_not;
        actions.push_back(std::move(one));
    }
    return actions;
}

std::string done_text(const run::Report& report, const Changing& changing, std::chrono::milliseconds took) {
    const auto done = report.count(run::Done::How::done) + report.count(run::Done::How::already);
    const auto failed = report.count(run::Done::How::failed);
    auto text = fmt::format("{} {} · planned {}, done {}",
                            report.interrupted ? "interrupted after" : failed > 0 ? "ended after" : "done in",
                            duration_text(took),
                            report.actions.size(),
                            done);
    if (failed > 0) text += fmt::format(", failed {}", failed);
    if (const auto rest = report.count(run::Done::How::not_reached); rest > 0) text += fmt::format(", not reached {}", rest);
    text += fmt::format(" · plan {}\n", short_digest(plan::digest(changing.plan)));
    if (failed > 0 || report.interrupted) return text + fmt::format("  go on: {}\n", changing.record.command);
    return changing.next_step.empty() ? text : text + fmt::format("  {}\n", changing.next_step);
}

Result apply(Session& session, const Changing& changing) {
    const auto began = session.clock.steady();
    Journal journal(changing.record, session.clock, changing.listener);
    journal.begin(changing.record, changing.plan);
    write_file_atomic(changing.record.folder / "plan.json", plan::to_json(changing.plan).dump(1) + '\n', 0600);
    const auto boundary = run::crash_boundary(session.environment.find("KAVI_CRASH_AT").value_or(""));
    const auto report = run::execute(changing.plan, changing.handlers, *boundary, journal, session.clock, session.stop);
    journal.end(report.exit());
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(session.clock.steady() - began);
    Result result{.exit = report.exit(), .text = "\n" + done_text(report, changing, took)};
    result.data = {{"run", changing.record.run}, {"plan", plan::to_json(changing.plan)}, {"changed", true}, {"actions", report_json(report)}};
    for (const auto& done : report.actions) {
        if (!done.error) continue;
        auto error = *done.error;
        if (done.put_back) error.because(*done.put_back);
        result.errors.push_back(std::move(error));
    }
    return result;
}

}  // namespace

RunRecord make_run_record(const Session& session, std::string_view command) {
    auto stamp = iso8601(session.clock.now());
    std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
    const auto run = fmt::format("{}-{}", stamp, hex(random_bytes(2)));
    char machine[256] = {};
    ::gethostname(machine, sizeof machine - 1);
    const auto user = session.environment.find("KAVI_OPERATOR").value_or(session.environment.find("USER").value_or("root"));
    return {.run = run,
            .who = fmt::format("{}@{}", user, machine),
            .command = std::string(command),
            .folder = std::filesystem::path(session.environment.state_folder()) / "runs" / run};
}

Result change(Session& session, const ChangeOptions& options, const Changing& changing) {
    const auto& plan = changing.plan;
    if (options.plan) require_saved_plan(*options.plan, plan);
    if (options.save_plan) write_file_atomic(*options.save_plan, plan::to_json(plan).dump(2) + '\n', 0600);
    const OrderedJson planned{{"plan", plan::to_json(plan)}, {"changed", false}};
    if (plan.empty()) {
        auto text = changing.nothing + '\n';
        for (const auto& note : plan.notes) text += fmt::format("  note: {}\n", note);
        return {.text = text, .data = planned};
    }
    const auto& out = session.output.out();
    const auto headline = out.terminal ? wrap(changing.headline, out.width, 2) : changing.headline;
    const auto shown = (headline.empty() ? "" : headline + "\n\n") + plan_text(plan, out);
    if (options.dry_run) {
        return {.exit = options.exit_code ? Exit::changes : Exit::ok, .text = shown, .data = planned};
    }
    if (!session.options.json && !session.options.json_events) session.output.data(shown);
    changing.before_apply();
    ask(session, options, changing);
    if (!session.options.json) session.output.talk("");
    return apply(session, changing);
}

}  // namespace kavi::app

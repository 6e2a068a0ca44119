#include "application.hpp"

#include "cli/choose.hpp"
#include "cli/help.hpp"
#include "cli/parse.hpp"
#include "render/errors.hpp"
#include "session.hpp"
#include "version.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

namespace {

bool wants_colour(const std::string& when, bool terminal, const Environment& environment) {
    if (when != "auto") return when == "always";
    if (environment.find("NO_COLOR")) return false;
    if (environment.find("CLICOLOR_FORCE").value_or("0") != "0") return true;
    return terminal && environment.find("TERM").value_or("dumb") != "dumb";
}

CiKind ci_kind(const std::string& option, const Environment& environment) {
    if (option == "github") return CiKind::github;
    if (option == "gitlab") return CiKind::gitlab;
    if (option == "none") return CiKind::none;
    if (environment.find("GITHUB_ACTIONS") == "true") return CiKind::github;
    return environment.find("GITLAB_CI") == "true" ? CiKind::gitlab : CiKind::none;
}

Output make_output(const Surroundings& around, const GlobalOptions& options) {
    const auto stream = [&](const StreamFacts& facts) {
        return Stream{.sink = facts.sink,
                      .terminal = facts.terminal,
                      .width = facts.width,
                      .colour = wants_colour(options.color, facts.terminal, around.environment)};
    };
    return {stream(around.out),
            stream(around.err),
            {.json = options.json,
             .json_events = options.json_events,
             .quiet = options.quiet,
             .verbose = options.verbose,
             .ci = ci_kind(options.ci, around.environment)}};
}

/// "kavi.dns.sync/1".
std::string schema_of(const Command& command) {
    auto path = command.path();
    std::ranges::replace(path, ' ', '.');
    return fmt::format("kavi.{}/1", path);
}

/// One command line on its way: each step fills in what the next one needs, so that a failure at any of them
/// is reported with what is known by then.
class CommandLine {
  public:
    CommandLine(std::span<const std::string> words, const Surroundings& around)
        : words_(words), around_(around) {
        // Until the options are parsed, an error can only go by the bare word.
        const auto end = std::ranges::find(words, "--");
        options_.json = std::find(words.begin(), end, "--json") != end;
    }

    Exit run() {
        try {
            return finish(work());
        } catch (const Error& error) {
            return fail(error);
        } catch (const std::exception& problem) {
            return fail(
                Error(errors::internal, fmt::format("something unexpected: {}", printable(problem.what())))
                    .fix("please report it, with the command and what -vv says"));
        }
    }

  private:
    Result work() {
        const auto choice = choose(words_);
        command_ = choice.command;
        GlobalOptions parsed_options;
        Declared declared;
        declare(declared.global, parsed_options);
        Run run;
        if (command_ != nullptr) {
            schema_ = schema_of(*command_);
            run = command_->define(declared.own);
        }
        const auto path = command_ != nullptr ? command_->path() : choice.group;
        const auto parsed = parse_options(declared, choice.words, path);
        options_ = parsed_options;
        if (options_.version) {
            schema_ = "kavi.version/1";
            return version(options_.json);
        }
        if (options_.help || (command_ == nullptr && choice.group.empty())) return help(choice);
        if (command_ == nullptr) {
            Error error(errors::usage, fmt::format("kavi {} needs to know what to do", choice.group));
            throw error.fix(fmt::format("kavi help {}", choice.group));
        }
        take_from_environment(declared, parsed, around_.environment);
        options_ = parsed_options;
        if (options_.json && options_.json_events)
            throw Error(errors::usage, "--json and --json-events exclude each other");
        store_positionals(declared, parsed, path);
        return call(run);
    }

    Result call(const Run& run) {
        if (options_.timeout) around_.stop_after(*options_.timeout);
        auto output = make_output(around_, options_);
        Session session({.environment = around_.environment,
                         .options = options_,
                         .clock = around_.clock,
                         .output = output,
                         .prompt = around_.prompt,
                         .stop = around_.stop});
        return run(session);
    }

    Result help(const Choice& choice) const {
        const auto width = std::min(around_.out.width, 100);
        auto text = command_ != nullptr    ? command_help(*command_, width)
                    : choice.group.empty() ? overview_help(width)
                                           : group_help(choice.group, width);
        return {.text = text, .data = {{"help", text}}};
    }

    Exit finish(Result result) {
        auto output = make_output(around_, options_);
        result.exit = exit_with_reason(result.exit);
        if (options_.json) {
            print_envelope(result);
        } else {
            for (const auto& error : result.errors) output.error(error);
            output.data(result.text);
        }
        return result.exit;
    }

    Exit fail(const Error& error) {
        if (options_.json) return finish({.exit = error.code().exit, .errors = {error}});
        make_output(around_, options_).error(error);
        return exit_with_reason(error.code().exit);
    }

    void print_envelope(const Result& result) {
        auto errors = OrderedJson::array();
        for (const auto& error : result.errors) errors.push_back(error_json(error));
        const OrderedJson envelope{{"schema", schema_},
                                   {"ok", result.exit == Exit::ok || result.exit == Exit::changes},
                                   {"data", result.data},
                                   {"errors", std::move(errors)}};
        around_.out.sink.write(envelope.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + '\n');
    }

    /// Interrupted has three causes, each with its own exit code.
    Exit exit_with_reason(Exit exit) const {
        if (exit != Exit::interrupted) return exit;
        if (around_.stop_reason() == StopReason::terminate) return Exit::terminated;
        return around_.stop_reason() == StopReason::timeout ? Exit::unreachable : exit;
    }

    std::span<const std::string> words_;
    const Surroundings& around_;
    GlobalOptions options_;
    const Command* command_ = nullptr;
    std::string schema_ = "kavi/1";
};

}  // namespace

Exit run_command_line(std::span<const std::string> words, const Surroundings& surroundings) {
    return CommandLine(words, surroundings).run();
}

}  // namespace kavi::app

#include "options.hpp"

namespace kavi::app {

void declare(Arguments& arguments, GlobalOptions& options) {
    arguments.option("-c,--config", "FILE", options.config, "the estate file")
        .completes(Names::file)
        .from("KAVI_CONFIG")
        .otherwise("kavi.toml here or above");
    arguments.flag("--json", options.json, "one JSON document on standard output, and nothing else there");
    arguments.flag("--json-events", options.json_events, "one JSON line for each event of a long run");
    arguments.flag("-q,--quiet", options.quiet, "say nothing but results, questions and errors");
    arguments.count("-v,--verbose", options.verbose, "say more; twice: the wire too, without secrets");
    arguments.option("--color", "WHEN", options.color, "colour")
        .one_of({"auto", "always", "never"})
        .otherwise("auto");
    arguments.option("--ci", "KIND", options.ci, "groups and annotations for a CI system's log")
        .one_of({"auto", "github", "gitlab", "none"})
        .otherwise("auto");
    arguments.flag("-y,--yes", options.yes, "answer y/N questions with yes");
    arguments.flag("--sealed", options.sealed, "use the sealed secrets, don't ask Infisical")
        .from("KAVI_SEALED");
    arguments.option("--timeout", "DURATION", options.timeout, "stop the run after this long")
        .from("KAVI_TIMEOUT");
    arguments.flag("-h,--help", options.help, "help on the command");
    arguments.flag("--version", options.version, "kavi's version; with --json also its libraries'");
}

void declare(Arguments& arguments, ChangeOptions& options) {
    arguments.flag("-n,--dry-run", options.dry_run, "show the plan and change nothing");
    arguments.flag("--exit-code", options.exit_code, "with --dry-run: exit 6 if something would change");
    arguments.option("--save-plan", "FILE", options.save_plan, "write the plan there as JSON")
        .completes(Names::file);
    arguments.option("--plan", "FILE", options.plan, "go on only if the plan is the one saved there")
        .completes(Names::file);
    arguments.option("--lock-wait", "DURATION", options.lock_wait, "wait this long for another run's lock")
        .from("KAVI_LOCK_WAIT");
    arguments.option(
        "--confirm", "NAME", options.confirm, "agree to what can't be undone, by the thing's name");
    arguments.flag("--older", options.older, "allow a checkout older than what was deployed");
}

}  // namespace kavi::app

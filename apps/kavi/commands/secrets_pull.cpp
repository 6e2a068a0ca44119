#include "commands.hpp"
#include "secrets_selection.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>

#include <fmt/format.h>

#include <memory>

namespace kavi::app {

namespace {

struct PullOptions {
    SecretsSelection selection;
    std::string format = "dotenv";
    std::optional<std::string> to;
    bool show = false;
};

constexpr unsigned private_file = 0600;

void refuse_early(const PullOptions& options, const Session& session) {
    if (session.options.json) {
        Error error(errors::usage, "secrets pull writes secrets, not a report: it has no --json");
        throw error.fix("kavi secrets pull --format json");
    }
    if (!options.to && session.output.out().terminal && !options.show) {
        Error error(errors::usage, "secrets go to a terminal only with --show");
        throw error.fix("--to FILE writes them to a file, a pipe hands them on, --show shows them here");
    }
}

Result pull(const PullOptions& options, Session& session) {
    refuse_early(options, session);
    const auto selected = select_secrets(session, options.selection);
    const auto text = model::write_secrets(*model::secrets_form(options.format), selected.secrets);
    for (const auto& [name, value] : selected.secrets) session.output.mask(value);
    if (!options.to) {
        session.output.data(text.reveal());
        return {};
    }
    write_file_atomic(*options.to, text.reveal(), private_file);
    session.output.talk(
        fmt::format("{} secrets from {} → {}", selected.secrets.size(), selected.description, *options.to));
    return {};
}

}  // namespace

Run define_secrets_pull(Arguments& arguments) {
    auto options = std::make_shared<PullOptions>();
    declare(arguments, options->selection);
    arguments.option("--format", "FORMAT", options->format, "how they are written")
        .one_of({"dotenv", "json", "yaml", "export"})
        .otherwise("dotenv");
    arguments.option("--to", "FILE", options->to, "write them there, for your eyes only (0600)")
        .completes(Names::file);
    arguments.flag("--show", options->show, "show them, even in a terminal");
    return [options](Session& session) { return pull(*options, session); };
}

}  // namespace kavi::app

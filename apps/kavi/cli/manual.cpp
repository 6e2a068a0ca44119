#include "manual.hpp"

#include "../command_table.hpp"
#include "help.hpp"
#include "options.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <kavi_version.hpp>

namespace kavi::app {

namespace {

struct ExitRow {
    std::string_view code, meaning;
};

constexpr std::array exit_rows{
    ExitRow{"0", "done, nothing to do, or all is well"},
    ExitRow{"1", "failed, and nothing else finished"},
    ExitRow{"2", "usage"},
    ExitRow{"3", "configuration invalid"},
    ExitRow{"4", "credentials missing, refused, or without the needed rights"},
    ExitRow{"5", "partial: something finished, something failed; the next run goes on from there"},
    ExitRow{"6", "changes pending (with --exit-code), or a difference was found"},
    ExitRow{"7", "refused by a guard: stale plan, safety threshold, protection, foreign owner"},
    ExitRow{"8", "unhealthy: something is down, unknown or missing"},
    ExitRow{"9", "unreachable or timed out"},
    ExitRow{"10", "confirmation required"},
    ExitRow{"11", "lock held by another run"},
    ExitRow{"12", "integrity: checksum, decryption or signature failed, host key changed"},
    ExitRow{"130, 143", "interrupted, after cleaning up"},
};

/// Markdown: a table row with what would end a cell escaped.
std::string row(std::string_view left, std::string_view right) {
    std::string escaped;
    for (const char c : right) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    return fmt::format("| `{}` | {} |\n", left, escaped);
}

std::string table(const Arguments& arguments) {
    std::string rows;
    for (const auto& argument : arguments.all())
        rows += row(argument.positional() ? argument.value : trim(flags_of(argument)), help_of(argument));
    return rows.empty() ? "" : "\n| argument | meaning |\n| --- | --- |\n" + rows;
}

std::string reference_of(const Command& command) {
    Arguments arguments;
    command.define(arguments);
    auto text = fmt::format("\n## kavi {}\n\n{}.\n", command.path(), command.summary);
    if (!command.details.empty()) text += fmt::format("\n{}\n", command.details);
    text += fmt::format("\n```\n{}\n```\n", usage_line(command, arguments));
    text += table(arguments);
    return text + fmt::format("\nExample: `{}`\n", command.example);
}

/// roff: a backslash, and a dot or quote at a line's start, mean something.
std::string roff(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\')
            escaped += "\\e";
        else if (c == '-')
            escaped += "\\-";
        else
            escaped += c;
    }
    if (escaped.starts_with('.') || escaped.starts_with('\'')) escaped.insert(0, "\\&");
    return escaped;
}

std::string roff_arguments(const Arguments& arguments, bool positional) {
    std::string text;
    for (const auto& argument : arguments.all()) {
        if (argument.positional() != positional) continue;
        const auto name = positional ? argument.value : std::string(trim(flags_of(argument)));
        text += fmt::format(".TP\n.B {}\n{}\n", roff(name), roff(help_of(argument)));
    }
    return text;
}

std::string roff_head(std::string_view name, std::string_view summary) {
    return fmt::format(".TH \"{}\" 1 \"\" \"kavi {}\" \"kavi manual\"\n.SH NAME\n{} \\- {}\n",
                       roff(name),
                       KAVI_VERSION,
                       roff(name),
                       roff(summary));
}

std::string roff_exit_codes() {
    std::string text = ".SH EXIT STATUS\n";
    for (const auto& [code, meaning] : exit_rows)
        text += fmt::format(".TP\n.B {}\n{}\n", code, roff(meaning));
    return text;
}

std::string page_name(const Command& command) {
    auto name = "kavi-" + command.path();
    std::ranges::replace(name, ' ', '-');
    return name;
}

std::string page_of(const Command& command) {
    Arguments arguments;
    command.define(arguments);
    auto text = roff_head(page_name(command), command.summary);
    text += fmt::format(".SH SYNOPSIS\n.B {}\n", roff(usage_line(command, arguments)));
    text += fmt::format(".SH DESCRIPTION\n{}\n",
                        roff(command.details.empty() ? command.summary : command.details));
    text += roff_arguments(arguments, true);
    if (const auto options = roff_arguments(arguments, false); !options.empty())
        text += ".SH OPTIONS\n" + options;
    text += fmt::format(".SH EXAMPLE\n.B {}\n", roff(command.example));
    return text + ".SH SEE ALSO\n.BR kavi (1)\n";
}

std::string overview_page() {
    GlobalOptions options;
    Arguments arguments;
    declare(arguments, options);
    auto text = roff_head("kavi", "runs a small self-hosted estate");
    text += ".SH SYNOPSIS\n.B kavi\n.I COMMAND\n[arguments] [options]\n.SH COMMANDS\n";
    for (const auto& command : command_table())
        text += fmt::format(".TP\n.BR {} (1)\n{}\n", roff(page_name(command)), roff(command.summary));
    return text + ".SH OPTIONS\n" + roff_arguments(arguments, false) + roff_exit_codes();
}

}  // namespace

std::string reference_page() {
    GlobalOptions options;
    Arguments arguments;
    declare(arguments, options);
    std::string text =
        "# The command line\n\nMade by `kavi __reference` from the table of commands; a test keeps it so.\n"
        "Options stand before or after the command. Flag > environment > file.\n\n"
        "## Options of every command\n";
    text += table(arguments);
    for (const auto& command : command_table()) text += reference_of(command);
    text += "\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n";
    for (const auto& [code, meaning] : exit_rows) text += fmt::format("| {} | {} |\n", code, meaning);
    return text;
}

void write_manual(const std::filesystem::path& folder) {
    write_file_atomic(folder / "kavi.1", overview_page(), 0644);
    for (const auto& command : command_table())
        write_file_atomic(folder / (page_name(command) + ".1"), page_of(command), 0644);
}

}  // namespace kavi::app

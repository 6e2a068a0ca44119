#include "../cli/help.hpp"

#include "../cli/choose.hpp"
#include "../session.hpp"
#include "commands.hpp"

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct HelpOptions {
    std::vector<std::string> command;
};

std::string help_text(const HelpOptions& options, int width) {
    const auto choice = choose(options.command);  // refuses what isn't a command
    if (choice.command != nullptr) return command_help(*choice.command, width);
    return choice.group.empty() ? overview_help(width) : group_help(choice.group, width);
}

}  // namespace

Run define_help(Arguments& arguments) {
    auto options = std::make_shared<HelpOptions>();
    arguments.positional("COMMAND", options->command, "the command or group of commands")
        .completes(Names::command);
    return [options](Session& session) -> Result {
        const auto text = help_text(*options, std::min(session.output.out().width, 100));
        return {.text = text, .data = {{"help", text}}};
    };
}

}  // namespace kavi::app

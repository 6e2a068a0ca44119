#include "../session.hpp"
#include "commands.hpp"

#include <embedded/completions.hpp>
#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <memory>

namespace kavi::app {

namespace {

struct CompletionOptions {
    std::string shell;
};

std::string_view script_for(std::string_view shell) {
    const auto name =
        shell == "zsh" ? std::string("completions/_kavi") : fmt::format("completions/kavi.{}", shell);
    for (const auto& file : embedded::completions())
        if (file.name == name) return file.content;
    throw Error(errors::internal, fmt::format("there is no completion script for {}", shell));
}

}  // namespace

Run define_completion(Arguments& arguments) {
    auto options = std::make_shared<CompletionOptions>();
    arguments.positional("SHELL", options->shell, "whose").one_of({"bash", "zsh", "fish"});
    return [options](Session&) -> Result {
        const std::string script(script_for(options->shell));
        return {.text = script, .data = {{"shell", options->shell}, {"script", script}}};
    };
}

}  // namespace kavi::app

#include "errors.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

namespace kavi::app {

namespace {

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

/// Each line of the text behind `indent` spaces.
std::string indented(std::string_view text, int indent) {
    std::string result;
    for (const auto& line : split(trim(text), '\n'))
        result += std::string(static_cast<std::size_t>(indent), ' ') + line + '\n';
    return result;
}

/// A value in a GitHub workflow command: what would end it is percent-encoded.
std::string annotation(const Error& error) {
    auto message = replace_all(printable(error.message()), "%", "%25");
    message = replace_all(std::move(message), "\n", "%0A");
    return fmt::format("::error title=kavi {}::{}\n", error.code().id, message);
}

}  // namespace

std::string ci_safe(std::string_view text, CiKind ci) {
    auto clean = printable(text);
    // GitHub reads "::command" at the start of a line and "##[command]" anywhere in it; GitLab's section
    // marks need control characters, which printable() has taken out.
    if (ci != CiKind::github) return clean;
    auto lines = split(replace_all(std::move(clean), "##[", "## ["), '\n');
    for (auto& line : lines)
        if (trim(line).starts_with("::")) line.replace(line.find("::"), 2, ": :");
    return join(lines, "\n");
}

std::string error_text(const Error& error, const Stream& stream, CiKind ci) {
    std::string text = ci == CiKind::github ? annotation(error) : "";
    text += fmt::format("{} {}\n", paint(Tone::bad, "✘", stream.colour), ci_safe(error.message(), ci));
    for (const auto& cause : error.causes()) text += indented(ci_safe(cause, ci), 4);
    if (!error.advice().empty()) text += indented(ci_safe(error.advice(), ci), 2);
    if (error.code() != errors::usage) text += fmt::format("  more: kavi explain {}\n", error.code().id);
    return text;
}

OrderedJson error_json(const Error& error) {
    return {{"code", error.code().id},
            {"message", error.message()},
            {"cause", error.causes()},
            {"fix", error.advice()}};
}

}  // namespace kavi::app

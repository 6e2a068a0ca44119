#include "../session.hpp"
#include "commands.hpp"

#include <embedded/errors.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct ExplainOptions {
    std::string code;
};

/// "KAVI-E0412", "e0412" and "412" all mean the same.
std::string normal_code(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c >= '0' && c <= '9') digits += c;
    return digits.empty() || digits.size() > 4 ? "" : fmt::format("KAVI-E{:0>4}", digits);
}

const ErrorCode* find_code(std::string_view id) {
    const auto codes = all_error_codes();
    const auto found = std::ranges::find(codes, id, &ErrorCode::id);
    return found == codes.end() ? nullptr : &*found;
}

std::string_view page_of(std::string_view id) {
    for (const auto& file : embedded::errors())
        if (file.name == fmt::format("docs/errors/{}.md", id)) return file.content;
    return {};
}

Result explain(const ExplainOptions& options) {
    const auto* code = find_code(normal_code(options.code));
    if (code == nullptr) {
        Error error(errors::unknown_name,
                    fmt::format("there is no error code '{}'", printable(options.code)));
        throw error.fix("an error's last line names its code; it looks like KAVI-E0101");
    }
    const auto page = page_of(code->id);
    return {.text = std::string(page),
            .data = {{"code", code->id},
                     {"title", code->title},
                     {"exit", static_cast<int>(code->exit)},
                     {"text", page}}};
}

}  // namespace

Run define_explain(Arguments& arguments) {
    auto options = std::make_shared<ExplainOptions>();
    arguments.positional("CODE", options->code, "the code, as an error names it")
        .completes(Names::error_code);
    return [options](Session&) { return explain(*options); };
}

}  // namespace kavi::app

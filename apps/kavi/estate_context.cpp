#include "estate_context.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include <unistd.h>

namespace kavi::app {

namespace {

std::optional<std::filesystem::path> config_home(const Environment& environment) {
    try {
        return std::filesystem::path(environment.config_folder()).parent_path();
    } catch (const Error&) {
        return std::nullopt;  // without HOME there is no user's configuration to look in
    }
}

/// Who may have written the estate file: this user, and under sudo the one who called it.
std::vector<uid_t> owners(const Environment& environment) {
    std::vector<uid_t> users{::geteuid()};
    if (const auto text = environment.find("SUDO_UID"); text && ::geteuid() == 0) {
        uid_t user = 0;
        const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), user);
        if (problem == std::errc() && end == text->data() + text->size()) users.push_back(user);
    }
    return users;
}

}  // namespace

model::FindEstate where_to_look(const std::optional<std::string>& option, const Environment& environment) {
    model::FindEstate where{.working_folder = std::filesystem::current_path(),
                            .config_home = config_home(environment)};
    const auto variable = environment.find("KAVI_CONFIG");
    if (option && option != variable)
        where.option = *option;
    else if (variable)
        where.variable = *variable;
    return where;
}

model::FoundEstate find_estate_file(const Session& session) {
    auto found = model::find_estate(where_to_look(session.options.config, session.environment));
    model::refuse_if_others_can_write(found.file, owners(session.environment));
    return found;
}

EstateContext read_estate_context(const Session& session, bool trust_asked) {
    EstateContext context{.found = find_estate_file(session)};
    context.loaded = model::load_estate(context.found.file, std::filesystem::current_path());
    if (trust_asked && context.found.needs_trust() && context.loaded.valid())
        model::require_trust(context.found,
                             model::TrustStore::load(trust_file(session.environment)),
                             context.loaded.estate.name,
                             trust_endpoint(context.loaded.estate));
    return context;
}

EstateContext load_estate_context(Session& session) {
    auto context = read_estate_context(session);
    model::require_valid(context.loaded);
    for (const auto& warning : context.loaded.problems) session.output.detail(model::render_problem(warning));
    return context;
}

std::string trust_endpoint(const model::Estate& estate) {
    return estate.secrets.url.value_or("sealed");
}

std::string trust_file(const Environment& environment) {
    return environment.state_folder() + "/trust.json";
}

void require_name(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
    if (std::ranges::find(known, name) != known.end()) return;
    Error error(errors::unknown_name,
                fmt::format("there is no {} '{}' in this estate", what, printable(name)));
    if (const auto meant = nearest(name, known)) throw error.fix(fmt::format("did you mean {}?", *meant));
    throw error.fix(known.empty() ? fmt::format("it has no {} at all", what)
                                  : fmt::format("there are: {}", fmt::join(known, ", ")));
}

}  // namespace kavi::app

#include "../estate_context.hpp"
#include "commands.hpp"

#include <kavi/model/placed.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace kavi::app {

namespace {

std::string shown(const std::filesystem::path& file) {
    const auto relative = file.lexically_relative(std::filesystem::current_path()).string();
    return relative.empty() || relative.starts_with("../../../") ? file.string() : relative;
}

std::string count(std::size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string summary(const EstateContext& context) {
    const auto& estate = context.loaded.estate;
    return fmt::format("{}: estate {} is well described: {}, {}, {}, {}, {}\n",
                       shown(context.found.file),
                       estate.name,
                       count(estate.servers.size(), "server"),
                       count(estate.stacks.size(), "stack"),
                       count(model::placed_services(context.loaded).size(), "service"),
                       count(estate.domains.size(), "domain"),
                       count(estate.backup.items.size(), "backup item"));
}

Result check(Session& session) {
    const auto context = read_estate_context(session, false);
    const auto& loaded = context.loaded;
    Result result{.exit = loaded.valid() ? Exit::ok : Exit::config,
                  .text = model::render_problems(loaded.problems),
                  .data = {{"file", context.found.file.string()},
                           {"valid", loaded.valid()},
                           {"problems", model::problems_json(loaded.problems)}}};
    if (loaded.valid()) {
        result.text += summary(context);
    } else if (session.options.json) {
        try {
            model::require_valid(loaded);
        } catch (const Error& error) {
            result.errors.push_back(error);
        }
    }
    return result;
}

struct ShowOptions {
    bool origin = false;
};

/// A variable of the environment that stands in for what the file says, in any of its forms.
std::optional<std::string> set_variable(const Environment& environment, std::string_view name) {
    for (const auto* suffix : {"", "_FILE", "_COMMAND"})
        if (const auto variable = fmt::format("{}{}", name, suffix); environment.find(variable))
            return variable;
    return std::nullopt;
}

/// Flag > environment > file: what the environment says instead, and that it does.
void take_environment(model::LoadedEstate& loaded, const Environment& environment) {
    for (const auto* variable : {"INFISICAL_DOMAIN", "INFISICAL_API_URL"})
        if (const auto url = environment.find(variable)) {
            loaded.estate.secrets.url = *url;
            loaded.origins["secrets.url"].source = fmt::format("the variable {}", variable);
            break;
        }
    constexpr std::array tokens{std::pair{"hetzner.token", "HCLOUD_TOKEN"},
                                std::pair{"cloudflare.token", "CLOUDFLARE_API_TOKEN"}};
    for (const auto& [path, name] : tokens)
        if (const auto variable = set_variable(environment, name); variable && loaded.origins.contains(path))
            loaded.origins[path].source = fmt::format("but the variable {} wins", *variable);
}

std::string services_table(const model::LoadedEstate& loaded) {
    std::string text = "\n# services in their order: tier, name, server, stack\n";
    for (const auto& service : model::placed_services(loaded))
        text += service.stack
                    ? fmt::format("#   {:<3} {:<16} {:<16} {}\n",
                                  service.tier,
                                  service.name,
                                  service.server,
                                  *service.stack)
                    : fmt::format("#   {:<3} {:<16} {:<16} watched\n", "-", service.name, service.server);
    return text;
}

OrderedJson services_json(const model::LoadedEstate& loaded) {
    auto list = OrderedJson::array();
    for (const auto& service : model::placed_services(loaded)) {
        OrderedJson one{
            {"name", service.name}, {"server", service.server}, {"stack", nullptr}, {"tier", nullptr}};
        if (service.stack) one["stack"] = *service.stack, one["tier"] = service.tier;
        list.push_back(std::move(one));
    }
    return list;
}

OrderedJson origins_json(const model::Origins& origins) {
    auto table = OrderedJson::object();
    for (const auto& [path, origin] : origins) {
        if (!origin.source.empty())
            table[path] = {{"source", origin.source}};
        else
            table[path] = {{"line", origin.key.line}, {"column", origin.key.column}};
    }
    return table;
}

Result show(const ShowOptions& options, Session& session) {
    auto context = read_estate_context(session, false);
    model::require_valid(context.loaded);
    take_environment(context.loaded, session.environment);
    const auto& loaded = context.loaded;
    Result result{.text = options.origin
                              ? model::show_toml(loaded.estate, loaded.origins, shown(context.found.file))
                              : model::show_toml(loaded.estate),
                  .data = {{"file", context.found.file.string()},
                           {"estate", model::show_json(loaded.estate)},
                           {"services", services_json(loaded)}}};
    result.text += services_table(loaded);
    if (options.origin) result.data["origins"] = origins_json(loaded.origins);
    return result;
}

Result schema() {
    auto schema = model::estate_schema();
    return {.text = schema.dump(2) + '\n', .data = std::move(schema)};
}

struct TrustOptions {
    bool forget = false;
};

Result trust(const TrustOptions& options, Session& session) {
    const auto store_file = trust_file(session.environment);
    auto store = model::TrustStore::load(store_file);
    if (options.forget) {
        const auto found = model::find_estate(where_to_look(session.options.config, session.environment));
        store.forget(found.file);
        store.save(store_file);
        return {.text = fmt::format("{} isn't trusted any more\n", found.file.string()),
                .data = {{"file", found.file.string()}, {"trusted", false}}};
    }
    const auto context = read_estate_context(session, false);
    model::require_valid(context.loaded);
    const auto& estate = context.loaded.estate;
    const auto endpoint = trust_endpoint(estate);
    store.trust(context.found.file, estate.name, endpoint, session.clock.now());
    store.save(store_file);
    const auto source = endpoint == "sealed" ? "a sealed file" : endpoint;
    return {
        .text = fmt::format(
            "{} is trusted: estate {}, secrets from {}\n", context.found.file.string(), estate.name, source),
        .data = {{"file", context.found.file.string()},
                 {"trusted", true},
                 {"estate", estate.name},
                 {"endpoint", endpoint}}};
}

}  // namespace

Run define_config_check(Arguments&) {
    return check;
}

Run define_config_show(Arguments& arguments) {
    auto options = std::make_shared<ShowOptions>();
    arguments.flag("--origin", options->origin, "say behind each value where it comes from");
    return [options](Session& session) { return show(*options, session); };
}

Run define_config_schema(Arguments&) {
    return [](Session&) { return schema(); };
}

Run define_config_trust(Arguments& arguments) {
    auto options = std::make_shared<TrustOptions>();
    arguments.flag("--forget", options->forget, "take the trust back");
    return [options](Session& session) { return trust(*options, session); };
}

}  // namespace kavi::app

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/deploy/scope.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

std::vector<std::string> known_names(const model::LoadedEstate& loaded) {
    std::vector<std::string> names;
    for (const auto& [name, server] : loaded.estate.servers) names.push_back(name);
    for (const auto& [name, stack] : loaded.estate.stacks) names.push_back(name);
    for (const auto& service : model::placed_services(loaded)) names.push_back(service.name);
    return names;
}

class ScopeReader {
  public:
    explicit ScopeReader(const model::LoadedEstate& loaded) : loaded_(loaded) {}

    void add(const std::string& name) {
        if (loaded_.estate.servers.contains(name)) return add_server(name);
        if (loaded_.estate.stacks.contains(name)) return add_stack(name);
        if (const auto service = model::find_service(loaded_, name)) return add_service(*service);
        Error error(errors::unknown_name, fmt::format("no server, stack or service is called {}", printable(name)));
        if (const auto near = nearest(name, known_names(loaded_))) error.fix(fmt::format("did you mean {}?", *near));
        throw error;
    }

    void add_everything() {
        for (const auto& [name, server] : loaded_.estate.servers)
            if (server.provider == model::Server::Provider::hetzner) add_server(name);
        for (const auto& [name, stack] : loaded_.estate.stacks) add_stack(name);
    }

    Scope scope;

  private:
    void add_server(const std::string& name) {
        scope.servers.insert(name);
        for (const auto& [stack_name, stack] : loaded_.estate.stacks)
            if (stack.server == name) add_stack(stack_name);
    }

    void add_stack(const std::string& name) {
        scope.stacks.insert(name);
        scope.servers.insert(loaded_.estate.stacks.at(name).server);
        if (const auto project = loaded_.stacks.find(name); project != loaded_.stacks.end())
            for (const auto& [service, value] : project->second.services) scope.services.insert(service);
    }

    void add_service(const model::PlacedService& service) {
        if (!service.stack) {
            Error error(errors::unknown_name, fmt::format("{} isn't in a stack of kavi's: it is only watched", service.name));
            throw error.fix(fmt::format("kavi status {}", service.name));
        }
        scope.services.insert(service.name);
        scope.stacks.insert(*service.stack);
        scope.servers.insert(service.server);
    }

    const model::LoadedEstate& loaded_;
};

}  // namespace

Scope deploy_scope(const model::LoadedEstate& loaded, std::span<const std::string> names) {
    ScopeReader reader(loaded);
    for (const auto& name : names) reader.add(name);
    if (names.empty()) reader.add_everything();
    reader.scope.everything = names.empty();
    return reader.scope;
}

}  // namespace kavi::ops

#include <kavi/base/error_codes.hpp>
#include <kavi/base/parallel.hpp>
#include <kavi/ops/status/status.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

/// The probes that are asked on a server: those of 127.0.0.1, and those of its containers.
Json probes_of(const model::LoadedEstate& loaded, const std::string& server) {
    auto list = Json::array();
    for (const auto& service : model::placed_services(loaded)) {
        const auto& probe = service.settings.probe;
        if (service.server != server || !probe || !probe->asked_on_server()) continue;
        Json entry{{"name", service.name},
                   {"kind", probe->kind == model::ProbeKind::tcp ? "tcp" : "http"},
                   {"target", probe->target},
                   {"service", service.name}};
        if (service.stack) entry["project"] = loaded.estate.stacks.at(*service.stack).project;
        list.push_back(std::move(entry));
    }
    return {{"list", std::move(list)}};
}

Json mounts_of(const model::Estate& estate, const model::Server& server) {
    auto places = Json::array();
    for (const auto& name : server.mounts)
        if (const auto storage = estate.storages.find(name); storage != estate.storages.end() && storage->second.mount)
            places.push_back(storage->second.mount->at);
    return {{"places", std::move(places)}};
}

Json facts_request(const model::LoadedEstate& loaded, const std::string& name) {
    Json parts{{"machine", Json::object()},
               {"docker", Json::object()},
               {"records", Json::object()},
               {"probes", probes_of(loaded, name)},
               {"mounts", mounts_of(loaded.estate, loaded.estate.servers.at(name))}};
    return {{"parts", std::move(parts)}};
}

DomainAnswer ask_domain(const std::string& name, net::Transport& http, std::stop_token stop) {
    net::Request request{.url = fmt::format("https://{}/", name), .headers = {}, .body = {}, .timeout = std::chrono::seconds(5)};
    try {
        const auto response = http.send(request, std::move(stop));
        return {.status = response.status, .why_not = {}, .took = response.took};
    } catch (const Error& error) {
        return {.status = {}, .why_not = error.causes().empty() ? error.message() : error.causes().front()};
    }
}

/// One thing to ask; everything is asked at once.
struct Question {
    enum class Of { server, domain } of;
    std::string name;
};

struct Reply {
    Json facts;
    DomainAnswer answer;
};

}  // namespace

StatusObservation observe_status(const model::LoadedEstate& loaded,
                                 std::map<std::string, Error> unknown,
                                 StatusTools tools,
                                 std::stop_token stop) {
    StatusObservation seen{.silent = std::move(unknown)};
    std::vector<Question> questions;
    for (const auto& [name, server] : loaded.estate.servers)
        if (!seen.silent.contains(name)) questions.push_back({Question::Of::server, name});
    for (const auto& [name, domain] : loaded.estate.domains) questions.push_back({Question::Of::domain, name});
    auto replies = map_parallel(std::span<const Question>(questions), 32, stop, [&](const Question& question, std::stop_token inner) -> Reply {
        if (question.of == Question::Of::domain) return {.facts = {}, .answer = ask_domain(question.name, tools.http, inner)};
        auto& host = tools.hosts.at(question.name, inner);
        return {.facts = host.call({.name = "facts", .parameters = facts_request(loaded, question.name)}, inner), .answer = {}};
    });
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const auto& question = questions[i];
        try {
            auto& reply = value_of(replies[i]);
            if (question.of == Question::Of::domain) seen.edge[question.name] = reply.answer;
            else seen.hosts[question.name] = std::move(reply.facts);
        } catch (const Error& error) {
            if (question.of == Question::Of::domain) seen.edge[question.name] = {.status = {}, .why_not = error.message()};
            else seen.silent.emplace(question.name, error);
        }
    }
    return seen;
}

}  // namespace kavi::ops

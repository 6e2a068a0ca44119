#include "listing.hpp"
#include "server_parts.hpp"

namespace kavi::lab::hetzner {
namespace {

Server& of(Cloud& cloud, const Call& call) {
    return by_id(cloud.servers, id_of(call), "server");
}

Answer update(Cloud& cloud, const Call& call) {
    auto& server = of(cloud, call);
    const auto fields = body_of(call);
    if (fields.has("name")) server.name = checked_server_name(cloud, fields, server.id);
    if (const auto labels = fields.labels_if()) server.labels = *labels;
    return Answer::json(200, {{"server", cloud.to_json(server)}});
}

Answer remove(Cloud& cloud, const Call& call) {
    no_body(call);
    auto& server = free_server(cloud, call);
    if (server.protect) throw protected_from("server");
    const auto before = server.status;
    const auto id = server.id;
    server.status = "deleting";
    Step step{.command = "delete_server",
              .work = on_machine(cloud, server, [](auto& machines, auto& name) { machines.destroy(name); }),
              .succeeded = [&cloud, id] { cloud.forget(id); },
              .failed = becomes(cloud, id, before)};
    auto answer = start_one_on(cloud, server, std::move(step));
    answer.status = 200;
    return answer;
}

/// The lab measures nothing: the series are there, and empty.
Answer metrics(Cloud& cloud, const Call& call) {
    of(cloud, call);
    if (call.parameters("type").empty()) throw invalid_input("type", "missing data for required field");
    const auto start = call.parameter("start"), end = call.parameter("end");
    if (!start || !end) throw invalid_input(start ? "end" : "start", "missing data for required field");
    return Answer::json(
        200,
        {{"metrics", {{"start", *start}, {"end", *end}, {"step", 60}, {"time_series", Json::object()}}}});
}

}  // namespace

void add_server_routes(Router& router, Cloud& cloud) {
    router.add("GET", "/servers", [&cloud](const Call& call) {
        return list_answer(
            call,
            all_json(cloud, cloud.servers),
            {.key = "servers", .sortable = {"id", "name", "created"}, .filters = {"name", "status"}});
    });
    router.add("GET", "/servers/{id}", [&cloud](const Call& call) {
        return Answer::json(200, {{"server", cloud.to_json(of(cloud, call))}});
    });
    router.add("PUT", "/servers/{id}", [&cloud](const Call& call) { return update(cloud, call); });
    router.add("DELETE", "/servers/{id}", [&cloud](const Call& call) { return remove(cloud, call); });
    router.add("GET", "/servers/{id}/metrics", [&cloud](const Call& call) { return metrics(cloud, call); });
}

}  // namespace kavi::lab::hetzner

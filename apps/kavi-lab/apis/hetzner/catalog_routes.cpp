#include "cloud.hpp"
#include "listing.hpp"

namespace kavi::lab::hetzner {
namespace {

Json all_server_types(const Cloud& cloud) {
    Json list = Json::array();
    for (const auto& type : server_types()) list.push_back(to_json(type, cloud.seed().sold_out));
    return list;
}

Json all_locations() {
    Json list = Json::array();
    for (const auto& location : locations()) list.push_back(to_json(location));
    return list;
}

Answer one_of(const Call& call, const Json& items, const std::string& key) {
    const auto id = id_of(call);
    for (const auto& item : items)
        if (item["id"] == id) return Answer::json(200, {{key, item}});
    throw not_found(key);
}

}  // namespace

void add_catalog_routes(Router& router, Cloud& cloud) {
    router.add("GET", "/server_types", [&cloud](const Call& call) {
        return list_answer(call, all_server_types(cloud), {.key = "server_types", .labels = false});
    });
    router.add("GET", "/server_types/{id}", [&cloud](const Call& call) {
        return one_of(call, all_server_types(cloud), "server_type");
    });
    router.add("GET", "/locations", [](const Call& call) {
        return list_answer(
            call, all_locations(), {.key = "locations", .sortable = {"id", "name"}, .labels = false});
    });
    router.add(
        "GET", "/locations/{id}", [](const Call& call) { return one_of(call, all_locations(), "location"); });
    router.add("GET", "/pricing", [](const Call&) { return Answer::json(200, {{"pricing", pricing()}}); });
    router.add("GET", "/isos", [](const Call& call) {
        return list_answer(call, Json::array(), {.key = "isos", .labels = false});
    });
    router.add("GET", "/isos/{id}", [](const Call&) -> Answer { throw not_found("iso"); });
    const auto gone = [](const Call&) -> Answer {
        throw Problem{410,
                      "deprecated_api_endpoint",
                      "datacenters were removed",
                      {{"announcement", "https://docs.hetzner.cloud/changelog"}}};
    };
    router.add("GET", "/datacenters", gone);
    router.add("GET", "/datacenters/{id}", gone);
}

}  // namespace kavi::lab::hetzner

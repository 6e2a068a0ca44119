#include "docker_routes.hpp"

#include "http_client.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <optional>
#include <string_view>

namespace kavi::standin {
namespace {

using Json = nlohmann::json;

struct Route {
    std::string address;
    int port = 0;
    bool needs_login = false;
};

Json containers() {
    HttpRequest request{.target = "/containers/json"};
    request.headers["host"] = "docker";
    const auto answer = exchange(connect_to_unix("/var/run/docker.sock"), request);
    auto list = Json::parse(answer ? answer->body : "", nullptr, false);
    return list.is_array() ? list : Json::array();
}

/// Is "Host(`name`)" in the rule?
bool rule_names(std::string_view rule, const std::string& host) {
    return lower(rule).find("host(`" + host + "`)") != std::string::npos;
}

std::optional<Route> route_through(const Json& container,
                                   const std::string& network,
                                   const std::string& host) {
    if (container.value("Status", "").find("(healthy)") == std::string::npos) return std::nullopt;
    Route route;
    bool matches = false, enabled = false;
    const auto labels = container.value("Labels", Json::object());
    for (const auto& [name, label] : labels.items()) {
        const auto value = label.is_string() ? label.get<std::string>() : std::string();
        if (name == "traefik.enable") enabled = value == "true";
        if (name.ends_with(".rule")) matches = matches || rule_names(value, host);
        if (name.ends_with(".loadbalancer.server.port")) route.port = std::atoi(value.c_str());
        if (name.ends_with(".basicauth.usersfile")) route.needs_login = true;
    }
    const Json::json_pointer place("/NetworkSettings/Networks/" + network + "/IPAddress");
    if (!matches || !enabled || route.port == 0 || !container.contains(place)) return std::nullopt;
    route.address = container[place].get<std::string>();
    return route;
}

}  // namespace

HttpResponse DockerRoutes::forward(const HttpRequest& request) const {
    for (const auto& container : containers()) {
        const auto route = route_through(container, network_, request.host());
        if (!route) continue;
        if (route->needs_login && !request.headers.contains("authorization"))
            return {.status = 401,
                    .body = "401 Unauthorized\n",
                    .headers = {{"www-authenticate", "Basic realm=\"traefik\""}}};
        auto onward = request;
        onward.headers["x-forwarded-proto"] = "https";
        auto answer = exchange(connect_to(route->address, route->port), onward);
        return answer ? *answer : HttpResponse{.status = 502, .body = "Bad Gateway"};
    }
    return {.status = 404, .body = "404 page not found\n"};
}

}  // namespace kavi::standin

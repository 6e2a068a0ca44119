#include "problem.hpp"

#include <algorithm>
#include <array>

namespace kavi::lab::hetzner {
namespace {

struct Known {
    int status;
    const char* code;
    const char* message;
};

constexpr std::array known{
    Known{400, "json_error", "the request body isn't valid JSON"},
    Known{401, "unauthorized", "unable to authenticate"},
    Known{403, "forbidden", "insufficient permissions for this request"},
    Known{403, "resource_limit_exceeded", "an account limit is exceeded"},
    Known{403, "maintenance", "cannot perform operation due to maintenance"},
    Known{404, "not_found", "not found"},
    Known{405, "method_not_allowed", "the method isn't allowed here"},
    Known{409, "conflict", "the resource has changed during the request"},
    Known{409, "uniqueness_error", "one or more fields have non-unique values"},
    Known{410, "deprecated_api_endpoint", "the endpoint was removed"},
    Known{412, "resource_unavailable", "error during placement"},
    Known{422, "invalid_input", "invalid input"},
    Known{422, "placement_error", "error during placement"},
    Known{422, "service_error", "error within a service"},
    Known{422, "unsupported_error", "the resource doesn't support this"},
    Known{423, "locked", "the item is locked"},
    Known{423, "protected", "the item is protected"},
    Known{429, "rate_limit_exceeded", "limit of requests per hour reached"},
    Known{500, "server_error", "an internal error occurred"},
    Known{502, "bad_gateway", "bad gateway"},
    Known{503, "unavailable", "the service is unavailable"},
    Known{504, "timeout", "the request timed out"},
};

Problem from(const Known& row) {
    return {row.status, row.code, row.message};
}

}  // namespace

Problem invalid_input(const std::string& field, const std::string& why) {
    const Json fields = Json::array({{{"name", field}, {"messages", {why}}}});
    return {422, "invalid_input", "invalid input in field '" + field + "'", {{"fields", fields}}};
}

Problem not_found(const std::string& what) {
    return {404, "not_found", what + " not found"};
}

Problem not_unique(const std::string& field, const std::string& message) {
    return {409, "uniqueness_error", message, {{"fields", Json::array({{{"name", field}}})}}};
}

Problem locked(const std::string& what) {
    return {423, "locked", what + " is locked"};
}

Problem protected_from(const std::string& what) {
    return {423, "protected", what + " is protected"};
}

Problem resource_unavailable() {
    return {412, "resource_unavailable", "error during placement"};
}

Problem refused(const std::string& code, const std::string& message) {
    return {422, code, message};
}

Problem known_problem(int status, const std::string& code) {
    const auto row = std::ranges::find_if(
        known, [&](const Known& one) { return code.empty() ? one.status == status : one.code == code; });
    if (row == known.end()) return {status, code.empty() ? "server_error" : code, "a fault of the lab"};
    auto problem = from(*row);
    if (status != 0) problem.status = status;
    return problem;
}

}  // namespace kavi::lab::hetzner

#include "problem.hpp"

#include <kavi/base/text.hpp>

#include <utility>

namespace kavi::lab::infisical {
namespace {

std::string zod_type(const Json& value) {
    if (value.is_null()) return "null";
    if (value.is_string()) return "string";
    if (value.is_boolean()) return "boolean";
    if (value.is_number()) return "number";
    return value.is_array() ? "array" : "object";
}

std::string request_id() {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::string id = "req-";
    for (const char byte : random_bytes(14)) id += letters[static_cast<unsigned char>(byte) % letters.size()];
    return id;
}

}  // namespace

Answer failure(const Problem& problem) {
    Json body{{"reqId", request_id()},
              {"statusCode", problem.status},
              {"message", problem.message},
              {"error", problem.error}};
    if (!problem.details.is_null()) body["details"] = problem.details;
    return Answer::json(problem.status, body);
}

Problem bad_request(const std::string& message) {
    return {400, "BadRequest", message};
}

Problem not_found(const std::string& message, const std::string& error) {
    return {404, error, message};
}

Problem unauthorized(const std::string& message) {
    return {401, "UnauthorizedError", message};
}

Problem token_error(const std::string& message) {
    return {403, "TokenError", message};
}

Problem permission_denied(const std::string& verb, const std::string& subject) {
    return {403, "PermissionDenied", "You are not allowed to " + verb + " on " + subject, Json::array()};
}

Json type_issue(const std::string& field, const std::string& expected, const Json& received) {
    const bool absent = received.is_discarded();
    const auto got = absent ? std::string("undefined") : zod_type(received);
    const auto text = absent ? std::string("Required") : "Expected " + expected + ", received " + got;
    return {{"code", "invalid_type"},
            {"expected", expected},
            {"received", got},
            {"path", field.empty() ? Json::array() : Json::array({field})},
            {"message", text}};
}

Problem validation(Json issues) {
    return {422, "ValidationFailure", std::move(issues)};
}

Problem missing_field(const std::string& field, const std::string& expected) {
    return validation(Json::array({type_issue(field, expected, Json(Json::value_t::discarded))}));
}

Problem custom_issue(const std::string& field, const std::string& message) {
    return validation(
        Json::array({{{"code", "custom"}, {"message", message}, {"path", Json::array({field})}}}));
}

Problem went_wrong(const std::string& error) {
    return {500, error, "Something went wrong"};
}

}  // namespace kavi::lab::infisical

#pragma once

#include "../http/call.hpp"

#include <string>

namespace kavi::lab::infisical {

/// A refusal: thrown by handlers, turned into {reqId, statusCode, message, error, details}.
struct Problem {
    int status = 400;
    std::string error;       ///< "NotFound", "TokenError", …
    Json message;            ///< a text; for 422 an array of issues
    Json details = nullptr;  ///< null: not sent
};

Answer failure(const Problem& problem);

Problem bad_request(const std::string& message);
/// 404 NotFound, or another name in `error`.
Problem not_found(const std::string& message, const std::string& error = "NotFound");
Problem unauthorized(const std::string& message);
/// 403: the token is expired, malformed or badly signed.
Problem token_error(const std::string& message);
/// "You are not allowed to create on secrets"
Problem permission_denied(const std::string& verb, const std::string& subject);
/// 422 with one issue about a field.
Problem missing_field(const std::string& field, const std::string& expected = "string");
Problem custom_issue(const std::string& field, const std::string& message);
/// What the real one answers to a body that is no JSON.
Problem went_wrong(const std::string& error = "InternalServerError");

/// The issue of one field that is absent or of another type.
Json type_issue(const std::string& field, const std::string& expected, const Json& received);
Problem validation(Json issues);

}  // namespace kavi::lab::infisical

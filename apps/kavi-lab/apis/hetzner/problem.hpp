#pragma once

#include <kavi/base/json.hpp>

#include <string>

namespace kavi::lab::hetzner {

/// A refusal: thrown by handlers, turned into {"error": {code, message, details}}.
struct Problem {
    int status = 422;
    std::string code;
    std::string message;
    Json details = nullptr;
};

/// 422 invalid_input about one field.
Problem invalid_input(const std::string& field, const std::string& why);
Problem not_found(const std::string& what);
/// 409 uniqueness_error about one field.
Problem not_unique(const std::string& field, const std::string& message);
Problem locked(const std::string& what);
Problem protected_from(const std::string& what);
Problem resource_unavailable();
/// 422 and an operation's own code.
Problem refused(const std::string& code, const std::string& message);

/// The usual text and status for a code that a fault names.
Problem known_problem(int status, const std::string& code);

}  // namespace kavi::lab::hetzner

#pragma once

#include "../http/call.hpp"

#include <string>

namespace kavi::lab::cloudflare {

/// A refusal: thrown by handlers, turned into the envelope's errors[].
struct Problem {
    int status = 400;
    int code = 1004;
    std::string message;
    std::string pointer{};  ///< a hint at the field: "/content"
    int chained = 0;        ///< of error_chain (old form); 0: none
    std::string chained_message{};
};

/// {"success": true, "result": …}
Answer success(const Json& result);
/// The same with result_info.
Answer success(const Json& result, const Json& result_info);
Answer failure(const Problem& problem);

Problem no_route(const std::string& path);
Problem no_such_record();

}  // namespace kavi::lab::cloudflare

#include "problem.hpp"

namespace kavi::lab::cloudflare {

Answer success(const Json& result) {
    return Answer::json(
        200, {{"success", true}, {"errors", Json::array()}, {"messages", Json::array()}, {"result", result}});
}

Answer success(const Json& result, const Json& result_info) {
    return Answer::json(200,
                        {{"success", true},
                         {"errors", Json::array()},
                         {"messages", Json::array()},
                         {"result", result},
                         {"result_info", result_info}});
}

Answer failure(const Problem& problem) {
    Json error{{"code", problem.code}, {"message", problem.message}};
    if (!problem.pointer.empty()) error["source"]["pointer"] = problem.pointer;
    if (problem.chained != 0)
        error["error_chain"] =
            Json::array({{{"code", problem.chained}, {"message", problem.chained_message}}});
    return Answer::json(problem.status,
                        {{"success", false},
                         {"errors", Json::array({error})},
                         {"messages", Json::array()},
                         {"result", nullptr}});
}

Problem no_route(const std::string& path) {
    return {404, 7003, "Could not route to " + path + ", perhaps your object identifier is invalid?"};
}

Problem no_such_record() {
    return {404, 81044, "Record does not exist."};
}

}  // namespace kavi::lab::cloudflare

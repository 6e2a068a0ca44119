#pragma once

#include "call.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab {

/// Finds the handler of a request by method and path template ("/servers/{id}/actions").
class Router {
  public:
    using Handler = std::function<Answer(Call&)>;

    void add(const std::string& method, std::string_view path, Handler handler);

    enum class Miss { none, path, method };

    struct Match {
        const Handler* handler = nullptr;  ///< none where nothing matches
        Miss miss = Miss::none;            ///< then: is it the path that isn't known, or its method?
        std::string route;                 ///< the template, for messages and limits
    };

    /// The first route that fits, literal segments before named ones; fills call.params.
    Match find(Call& call) const;

  private:
    struct Route {
        std::string method;
        std::string path;
        std::vector<std::string> segments;
        std::size_t names = 0;
        Handler handler;
    };

    std::vector<Route> routes_;  ///< fewer names first
};

}  // namespace kavi::lab

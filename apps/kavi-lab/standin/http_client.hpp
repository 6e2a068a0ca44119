#pragma once

#include "http.hpp"
#include "sockets.hpp"

#include <optional>

namespace kavi::standin {

/// One exchange over a fresh connection; nullopt where there is no whole answer.
std::optional<HttpResponse> exchange(Socket socket, const HttpRequest& request);

/// GET http://host:port/path, for checks. nullopt: no answer.
std::optional<HttpResponse> get(const std::string& host, int port, const std::string& path);

/// "curl [-fsS] [-o FILE] URL": as much of it as health checks use; curl's own exit codes.
int curl(int count, char** words);

}  // namespace kavi::standin

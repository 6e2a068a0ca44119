#pragma once

#include "http.hpp"

#include <string>

namespace kavi::standin {

/// What Traefik does with Docker's labels, in short: a request goes to the container whose router rule names
/// its host, at the port that its labels give, on `network`; a container that isn't healthy has no route.
/// Routes are read afresh for each request.
class DockerRoutes {
  public:
    explicit DockerRoutes(std::string network) : network_(std::move(network)) {}

    HttpResponse forward(const HttpRequest& request) const;

  private:
    std::string network_;
};

}  // namespace kavi::standin

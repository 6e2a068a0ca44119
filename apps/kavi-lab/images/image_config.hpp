#pragma once

#include "images/builder.hpp"

#include <kavi/base/json.hpp>

#include <string>
#include <vector>

namespace kavi::lab {

/// What stands in for an image: its layers, and the configuration that compose files of the real one rely on
/// (entrypoint, user, folders, variables).
struct StandinImage {
    std::vector<Layer> layers;
    Json config;  ///< an image configuration (OCI image spec), without history
};

/// `repository` as in "library/redis"; the last part decides. `tag` marks it, and "-broken" keeps it ill.
StandinImage standin_image(const Images& images,
                           const Layer& certificate,
                           const std::string& repository,
                           const std::string& tag);

}  // namespace kavi::lab

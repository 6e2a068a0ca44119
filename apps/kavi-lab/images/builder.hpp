#pragma once

#include "images/layer.hpp"
#include "lab/docker.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace kavi::lab {

/// Hears what is being done, a line at a time.
using Progress = std::function<void(const std::string&)>;

/// What `kavi-lab build` makes: the images of the lab's machines in Docker, the layers of the service images
/// as files.
struct Images {
    std::string vps;  ///< names in Docker
    std::string box;
    Layer busybox, postgres, redis;
    Layer standin;  ///< the stand-in program under every name that it goes by
};

/// $KAVI_LAB_CACHE, else /var/cache/kavi-lab, else (not root) a folder in the user's cache.
std::filesystem::path cache_folder();

/// The program that stands in for services, which is built beside this one. Throws where it isn't there.
std::filesystem::path standin_program();

/// Makes what the cache hasn't; each part is kept under a digest of its recipe, and older ones are removed.
/// One build at a time.
Images build_images(const Docker& docker, const Progress& progress);

}  // namespace kavi::lab

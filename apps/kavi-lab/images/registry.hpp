#pragma once

#include "images/builder.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab {

/// "codeberg.org/forgejo/forgejo:11.0.9-rootless" taken apart; Docker's own registry where none is named.
struct ImageReference {
    std::string registry;    ///< "registry-1.docker.io", "codeberg.org"
    std::string repository;  ///< "library/redis", "forgejo/forgejo"
    std::string tag;         ///< "latest" where none is named
};

ImageReference parse_image_reference(std::string_view text);

enum class RegistryFault { none, hang, unauthorized, too_many_requests };

/// Answers as the image registries that the estate's compose files name, by plain HTTP on loopback (the TLS
/// front stands before it). A repository that the estate names has every tag: the image is the same stand-in,
/// marked with the tag; a tag that ends in "-broken" never gets healthy, one that ends in "-missing" doesn't
/// exist. Other repositories don't exist.
class Registry {
  public:
    /// `certificate`: the layer with the lab's certificate for its reverse proxy.
    Registry(const Images& images, const Layer& certificate, const std::vector<std::string>& references);
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    int port() const;
    void set_fault(RegistryFault fault);

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::lab

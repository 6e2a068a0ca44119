#pragma once

#include <kavi/model/placed.hpp>

#include <set>
#include <span>
#include <string>

namespace kavi::ops {

/// What a deploy is about. Without names: everything that kavi manages or deploys to.
struct Scope {
    std::set<std::string> servers;   ///< managed ones, and those with a stack
    std::set<std::string> stacks;
    std::set<std::string> services;  ///< of those stacks; all of them unless services were named
    bool everything = true;          ///< nothing was named: zones as a whole belong to it

    bool has_service(std::string_view name) const { return services.contains(std::string(name)); }
};

/// Reads the words of `kavi deploy [SERVER|STACK|SERVICE…]`. A server brings its stacks, a stack its services. Throws
/// errors::unknown_name with did-you-mean, and for a service that is only watched.
Scope deploy_scope(const model::LoadedEstate& loaded, std::span<const std::string> names);

}  // namespace kavi::ops

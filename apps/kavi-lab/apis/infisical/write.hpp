#pragma once

#include "place.hpp"

namespace kavi::lab::infisical {

/// Throws 422 for a name that the server doesn't take.
void check_key(const std::string& key);
/// 400 for a type that isn't there for machine identities.
void check_type(const Json& entry);
/// The older server refuses a value that refers to what isn't there. Throws 400.
void check_references(const Infisical& infisical, const Place& place, const std::string& value);

/// Makes a secret of what a body (or one entry of a batch) says and gives the answer's form of it.
Json created(const Place& place, const std::string& key, const Json& entry);
/// Changes one likewise.
Json updated(const Place& place, const std::string& key, const Json& entry);
Json deleted(const Place& place, const std::string& key);

}  // namespace kavi::lab::infisical

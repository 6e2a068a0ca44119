#pragma once

#include <kavi/model/estate_file.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What follows from the estate file and the compose files together.
namespace kavi::model {

/// A service of the estate, wherever it is said: in a stack's compose files, in [services], or in both.
struct PlacedService {
    std::string name;
    std::string server;
    std::optional<std::string> stack;  ///< absent: watched only
    Service settings;                  ///< of [services.NAME]; the defaults where there is no such table
    int tier =
        0;  ///< declared; else that of the latest service it depends on; else one after the last declared
};

/// All of them, by tier and name; watched ones last.
std::vector<PlacedService> placed_services(const LoadedEstate& loaded);
std::optional<PlacedService> find_service(const LoadedEstate& loaded, std::string_view name);

/// Which of the stack's services start together: levels in order, by tier and then by depends_on.
std::vector<std::vector<std::string>> start_levels(const LoadedEstate& loaded, const std::string& stack);

/// What kavi itself hands to a stack's compose files: KAVI_DOMAIN_<SERVICE> for each domain (a service's
/// second one in the file's order ends in _2, and so on), KAVI_STORAGE_<NAME> (an S3 storage's endpoint), the
/// stack's `vars`, COMPOSE_PROJECT_NAME. KAVI_SECRETS, a folder on the host, is the caller's.
std::map<std::string, std::string> stack_variables(const Estate& estate, const Stack& stack);

/// "open-webui" → "OPEN_WEBUI".
std::string variable_name(std::string_view name);

/// The zone that holds the name: the longest declared one that it ends in. Null: none does.
const Zone* zone_of(const Estate& estate, std::string_view name);

}  // namespace kavi::model

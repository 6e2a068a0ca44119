#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/estate.hpp>

#include <string>
#include <vector>

/// What every server has, from one definition (config/baseline): as cloud-init's user data for a server that
/// is to be made, and as items that the runner checks and mends on one that exists.
namespace kavi::model {

/// One small, idempotent thing. `spec` is what the runner gets: its kind, what to compare, what to run
/// afterwards.
struct BaselineItem {
    std::string id;                  ///< "docker-settings"
    std::string title;               ///< "Docker's settings"
    std::string effect;              ///< what mending means for those who use the server; may be empty
    std::vector<std::string> after;  ///< ids of items that must be mended before
    Json spec;
};

/// The items of one server, in the order in which they are mended: those of the definition, with the
/// operators' keys.
std::vector<BaselineItem> baseline_items(const Estate& estate, const Server& server);

/// One item of kind "mount" for each storage that the server mounts; ids are the storages' names.
std::vector<BaselineItem> mount_items(const Estate& estate, const Server& server);

/// Cloud-config for a server that is to be made: operators' keys, sshd's settings and the other files of the
/// definition are there before the first connection; packages and what needs Docker come when kavi is in.
/// "#cloud-config" and one line of JSON, which is YAML too. Without key material: the same for every server
/// made of this estate file.
std::string baseline_user_data(const Estate& estate, const Server& server);

}  // namespace kavi::model

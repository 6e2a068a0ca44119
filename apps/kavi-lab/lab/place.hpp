#pragma once

#include <kavi/base/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab {

/// Where a lab lives, and the names that keep it apart from others.
struct Place {
    std::filesystem::path folder;  ///< canonical
    std::string prefix;            ///< of containers and networks: "kavi-lab-3f09ac"

    std::filesystem::path record() const { return folder / "lab.json"; }

    std::filesystem::path control_socket() const;

    std::filesystem::path log() const { return folder / "lab.log"; }
};

/// The lab in FOLDER (made if missing); without one, the usual place.
Place place_at(const std::optional<std::string>& folder);

/// What a lab has started and must be ended again, kept up to date in Place::record() from before each thing
/// is made.
struct Record {
    int pid = 0;  ///< of the lab's own process
    long long started = 0;
    std::string docker_host;  ///< empty: no Docker
    int subnet = 0;           ///< 10.213.N.0/24; 0: no network
    std::vector<std::string> mounts;
    std::vector<std::pair<int, long long>> processes;  ///< pid and start time

    static std::optional<Record> read(const Place& place);
    void write(const Place& place) const;
    bool alive() const;
};

/// A subnet that no lab uses, remembered as this lab's.
int claim_subnet(const Place& place);

/// Ends everything that the record names and removes it: containers, network, mounts, processes; Docker too,
/// where it is the lab's own and no other lab lives. Says what it couldn't end.
std::vector<std::string> tear_down(const Place& place, const Record& record);

}  // namespace kavi::lab

#pragma once

#include <kavi/base/json.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

/// What Hetzner sells, as the lab knows it. Prices are the lab's own, only their form is the real one.
namespace kavi::lab::hetzner {

struct Location {
    std::int64_t id;
    std::string_view name, description, country, city, zone;
    double latitude, longitude;
};

std::span<const Location> locations();
/// By name or by an id in text.
const Location* find_location(std::string_view name_or_id);
Json to_json(const Location& location);

struct ServerType {
    std::int64_t id;
    std::string_view name;
    int cores;
    double memory;
    int disk;
    std::string_view cpu;           ///< shared, dedicated
    std::string_view architecture;  ///< x86, arm
    std::string_view category;
    std::string_view sold_in;    ///< names of locations, separated by blanks
    double monthly;              ///< net, in the first location
    std::string_view announced;  ///< of its deprecation; empty: none
    std::string_view unavailable_after;
};

std::span<const ServerType> server_types();
const ServerType* find_server_type(std::string_view name_or_id);
bool is_sold_in(const ServerType& type, std::string_view location);
/// `sold_out` as in HetznerSeed.
Json to_json(const ServerType& type, const std::set<std::string>& sold_out);

Json pricing();

}  // namespace kavi::lab::hetzner

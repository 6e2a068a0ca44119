#include "catalog.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::lab::hetzner {
namespace {

constexpr std::string_view europe = "fsn1 nbg1 hel1";
constexpr std::string_view everywhere = "fsn1 nbg1 hel1 ash hil sin";
constexpr std::string_view overseas = "ash hil sin";

constexpr std::array all_locations{
    Location{1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", "eu-central", 50.47612, 12.370071},
    Location{2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", "eu-central", 49.452102, 11.076665},
    Location{3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", "eu-central", 60.169855, 24.938379},
    Location{4, "ash", "Ashburn, VA", "US", "Ashburn, VA", "us-east", 39.045821, -77.487073},
    Location{5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", "us-west", 45.54222, -122.951924},
    Location{6, "sin", "Singapore", "SG", "Singapore", "ap-southeast", 1.283333, 103.833333},
};

constexpr std::string_view gone = "2025-10-16T06:00:00+00:00";
constexpr std::string_view after = "2026-01-01T00:00:00+00:00";

constexpr std::array all_types{
    ServerType{104, "cx22", 2, 4, 40, "shared", "x86", "Cost-Optimized", europe, 3.79, gone, after},
    ServerType{105, "cx32", 4, 8, 80, "shared", "x86", "Cost-Optimized", europe, 6.8, gone, after},
    ServerType{114, "cx23", 2, 4, 40, "shared", "x86", "Cost-Optimized", europe, 3.49, "", ""},
    ServerType{115, "cx33", 4, 8, 80, "shared", "x86", "Cost-Optimized", europe, 5.49, "", ""},
    ServerType{116, "cx43", 8, 16, 160, "shared", "x86", "Cost-Optimized", europe, 9.49, "", ""},
    ServerType{117, "cx53", 16, 32, 320, "shared", "x86", "Cost-Optimized", europe, 17.49, "", ""},
    ServerType{22, "cpx11", 2, 2, 40, "shared", "x86", "Regular Performance", overseas, 4.49, "", ""},
    ServerType{24, "cpx31", 4, 8, 160, "shared", "x86", "Regular Performance", overseas, 13.99, "", ""},
    ServerType{109, "cpx22", 2, 4, 80, "shared", "x86", "Regular Performance", europe, 6.49, "", ""},
    ServerType{110, "cpx32", 4, 8, 160, "shared", "x86", "Regular Performance", europe, 10.99, "", ""},
    ServerType{111, "cpx42", 8, 16, 320, "shared", "x86", "Regular Performance", europe, 19.99, "", ""},
    ServerType{112, "cpx52", 12, 24, 480, "shared", "x86", "Regular Performance", europe, 28.49, "", ""},
    ServerType{113, "cpx62", 16, 32, 640, "shared", "x86", "Regular Performance", europe, 38.99, "", ""},
    ServerType{96, "ccx13", 2, 8, 80, "dedicated", "x86", "General Purpose", everywhere, 12.49, "", ""},
    ServerType{97, "ccx23", 4, 16, 160, "dedicated", "x86", "General Purpose", everywhere, 24.49, "", ""},
    ServerType{98, "ccx33", 8, 32, 240, "dedicated", "x86", "General Purpose", everywhere, 48.49, "", ""},
    ServerType{99, "ccx43", 16, 64, 360, "dedicated", "x86", "General Purpose", everywhere, 96.49, "", ""},
    ServerType{45, "cax11", 2, 4, 40, "shared", "arm", "Cost-Optimized", europe, 3.79, "", ""},
    ServerType{93, "cax21", 4, 8, 80, "shared", "arm", "Cost-Optimized", europe, 6.49, "", ""},
    ServerType{94, "cax31", 8, 16, 160, "shared", "arm", "Cost-Optimized", europe, 12.49, "", ""},
    ServerType{95, "cax41", 16, 32, 320, "shared", "arm", "Cost-Optimized", europe, 24.49, "", ""},
};

template <typename Row>
const Row* find_row(std::span<const Row> rows, std::string_view name_or_id) {
    const auto row = std::ranges::find_if(
        rows, [&](const Row& one) { return one.name == name_or_id || std::to_string(one.id) == name_or_id; });
    return row == rows.end() ? nullptr : &*row;
}

Json price(double net) {
    return {{"net", fmt::format("{:.10f}", net)}, {"gross", fmt::format("{:.10f}", net * 1.19)}};
}

/// Overseas costs a little more.
double monthly_in(const ServerType& type, const Location& location) {
    return location.zone == "eu-central" ? type.monthly : type.monthly * 1.15;
}

Json prices_of(const ServerType& type) {
    Json prices = Json::array();
    for (const auto& location : all_locations) {
        if (!is_sold_in(type, location.name)) continue;
        const double monthly = monthly_in(type, location);
        const std::int64_t traffic = location.zone == "eu-central" ? 21'990'232'555'520 : 1'099'511'627'776;
        prices.push_back({{"location", location.name},
                          {"price_hourly", price(monthly / 624)},
                          {"price_monthly", price(monthly)},
                          {"included_traffic", traffic},
                          {"price_per_tb_traffic", price(1.0)}});
    }
    return prices;
}

Json deprecation_of(const ServerType& type) {
    if (type.announced.empty()) return nullptr;
    return {{"announced", type.announced}, {"unavailable_after", type.unavailable_after}};
}

Json locations_of(const ServerType& type, const std::set<std::string>& sold_out) {
    Json list = Json::array();
    const std::string name(type.name);
    for (const auto& location : all_locations) {
        if (!is_sold_in(type, location.name)) continue;
        const bool out =
            sold_out.contains(name) || sold_out.contains(name + "@" + std::string(location.name));
        list.push_back({{"id", location.id},
                        {"name", location.name},
                        {"deprecation", deprecation_of(type)},
                        {"recommended", type.announced.empty() && type.cpu == "shared"},
                        {"available", !out && type.announced.empty()}});
    }
    return list;
}

/// One {location, …} row for each location.
template <typename Row>
Json by_location(Row row) {
    Json list = Json::array();
    for (const auto& location : all_locations) list.push_back(row(location));
    return list;
}

Json primary_ip_prices(const char* type, double monthly) {
    const auto row = [&](const Location& location) {
        return Json{{"location", location.name},
                    {"price_hourly", price(monthly / 624)},
                    {"price_monthly", price(monthly)}};
    };
    return {{"type", type}, {"prices", by_location(row)}};
}

Json floating_ip_prices(const char* type, double monthly) {
    const auto row = [&](const Location& location) {
        return Json{{"location", location.name}, {"price_monthly", price(monthly)}};
    };
    return {{"type", type}, {"prices", by_location(row)}};
}

Json load_balancer_prices() {
    const auto row = [](const Location& location) {
        return Json{{"location", location.name},
                    {"price_hourly", price(0.0086)},
                    {"price_monthly", price(5.39)},
                    {"included_traffic", 21'990'232'555'520},
                    {"price_per_tb_traffic", price(1.0)}};
    };
    return Json::array({{{"id", 1}, {"name", "lb11"}, {"prices", by_location(row)}}});
}

}  // namespace

std::span<const Location> locations() {
    return all_locations;
}

const Location* find_location(std::string_view name_or_id) {
    return find_row<Location>(all_locations, name_or_id);
}

Json to_json(const Location& location) {
    return {{"id", location.id},
            {"name", location.name},
            {"description", location.description},
            {"country", location.country},
            {"city", location.city},
            {"latitude", location.latitude},
            {"longitude", location.longitude},
            {"network_zone", location.zone}};
}

std::span<const ServerType> server_types() {
    return all_types;
}

const ServerType* find_server_type(std::string_view name_or_id) {
    return find_row<ServerType>(all_types, name_or_id);
}

bool is_sold_in(const ServerType& type, std::string_view location) {
    const auto names = split(type.sold_in, ' ');
    return std::ranges::find(names, location) != names.end();
}

Json to_json(const ServerType& type, const std::set<std::string>& sold_out) {
    return {{"id", type.id},
            {"name", type.name},
            {"description", fmt::format("{} {}", type.category, type.name)},
            {"cores", type.cores},
            {"memory", type.memory},
            {"disk", type.disk},
            {"deprecated", !type.announced.empty()},
            {"deprecation", deprecation_of(type)},
            {"prices", prices_of(type)},
            {"storage_type", "local"},
            {"cpu_type", type.cpu},
            {"category", type.category},
            {"architecture", type.architecture},
            {"locations", locations_of(type, sold_out)}};
}

Json pricing() {
    Json types = Json::array();
    for (const auto& type : all_types)
        types.push_back({{"id", type.id}, {"name", type.name}, {"prices", prices_of(type)}});
    return {{"currency", "EUR"},
            {"vat_rate", "19.000000"},
            {"primary_ips", {primary_ip_prices("ipv4", 0.5), primary_ip_prices("ipv6", 0)}},
            {"floating_ips", {floating_ip_prices("ipv4", 3), floating_ip_prices("ipv6", 1)}},
            {"floating_ip", {{"price_monthly", price(3)}}},
            {"image", {{"price_per_gb_month", price(0.011)}}},
            {"volume", {{"price_per_gb_month", price(0.044)}}},
            {"server_backup", {{"percentage", "20.0000000000"}}},
            {"server_types", types},
            {"load_balancer_types", load_balancer_prices()}};
}

}  // namespace kavi::lab::hetzner

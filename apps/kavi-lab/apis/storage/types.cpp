#include "../hetzner/listing.hpp"
#include "boxes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::lab::storage {
namespace {

constexpr std::int64_t tebibyte = std::int64_t{1} << 40;

constexpr std::array types{BoxType{1333, "bx11", "BX11", 10, 100, tebibyte, 3.2},
                           BoxType{1334, "bx21", "BX21", 20, 100, 5 * tebibyte, 10.9},
                           BoxType{1335, "bx31", "BX31", 30, 100, 10 * tebibyte, 20.8},
                           BoxType{1336, "bx41", "BX41", 40, 100, 20 * tebibyte, 40.6}};

Json price(double net) {
    return {{"net", fmt::format("{:.4f}", net)}, {"gross", fmt::format("{:.4f}", net * 1.19)}};
}

Json prices(const BoxType& type) {
    Json list = Json::array();
    for (const auto& location : hetzner::locations()) {
        if (location.zone != "eu-central") continue;
        list.push_back({{"location", location.name},
                        {"price_hourly", price(type.monthly / 624)},
                        {"price_monthly", price(type.monthly)},
                        {"setup_fee", price(0)}});
    }
    return list;
}

}  // namespace

std::span<const BoxType> box_types() {
    return types;
}

const BoxType* find_box_type(std::string_view wanted) {
    const auto found = std::ranges::find_if(
        types, [&](const BoxType& type) { return type.name == wanted || std::to_string(type.id) == wanted; });
    return found == types.end() ? nullptr : &*found;
}

Json to_json(const BoxType& type) {
    return {{"id", type.id},
            {"name", type.name},
            {"description", type.description},
            {"snapshot_limit", type.snapshot_limit},
            {"automatic_snapshot_limit", type.snapshot_limit},
            {"subaccounts_limit", type.subaccounts_limit},
            {"size", type.size},
            {"prices", prices(type)},
            {"deprecation", nullptr}};
}

void add_type_routes(Router& router) {
    router.add("GET", "/storage_box_types", [](const Call& call) {
        Json list = Json::array();
        for (const auto& type : types) list.push_back(to_json(type));
        return hetzner::list_answer(
            call, list, {.key = "storage_box_types", .sortable = {}, .labels = false});
    });
    router.add("GET", "/storage_box_types/{id}", [](const Call& call) {
        const auto* type = find_box_type(std::to_string(hetzner::id_of(call)));
        if (type == nullptr) throw hetzner::not_found("storage box type");
        return Answer::json(200, {{"storage_box_type", to_json(*type)}});
    });
}

}  // namespace kavi::lab::storage

#include "boxes.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace kavi::lab::storage {
namespace {

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json stats(const Box& box) {
    std::int64_t data = box.folder ? bytes_below(*box.folder) : 0, snapshots = 0;
    for (const auto& [id, one] : box.snapshots) snapshots += one.bytes;
    return {{"size", data + snapshots}, {"size_data", data}, {"size_snapshots", snapshots}};
}

}  // namespace

void Access::change(const Fields& fields, const std::string& last_name) {
    const auto take = [&](const std::string& name, bool& value) {
        value = fields.boolean_if(name).value_or(value);
    };
    take("reachable_externally", reachable_externally);
    take("samba_enabled", samba);
    take("ssh_enabled", ssh);
    take("webdav_enabled", webdav);
    take(last_name, last);
}

Json Access::json(const std::string& last_name) const {
    return {{"reachable_externally", reachable_externally},
            {"samba_enabled", samba},
            {"ssh_enabled", ssh},
            {"webdav_enabled", webdav},
            {last_name, last}};
}

Json to_json(const Box& box) {
    const auto* location = hetzner::find_location(box.location);
    return {{"id", box.id},
            {"name", box.name},
            {"storage_box_type", to_json(*find_box_type(box.type))},
            {"location", hetzner::to_json(*location)},
            {"access_settings", box.access.json("zfs_enabled")},
            {"snapshot_plan", box.plan},
            {"protection", {{"delete", box.protect}}},
            {"labels", box.labels},
            {"status", box.status},
            {"username", text_or_null(box.username)},
            {"server", text_or_null(box.server)},
            {"system", box.server.empty() ? Json(nullptr) : Json("LAB1-BX1")},
            {"stats", stats(box)},
            {"created", hetzner::rfc3339(box.created)}};
}

Json to_json(const Subaccount& subaccount, const Box& box) {
    const auto dot = box.server.find('.');
    const auto domain = dot == std::string::npos ? std::string() : box.server.substr(dot);
    return {{"id", subaccount.id},
            {"storage_box", box.id},
            {"name", subaccount.name},
            {"home_directory", subaccount.home},
            {"access_settings", subaccount.access.json("readonly")},
            {"description", subaccount.description},
            {"labels", subaccount.labels},
            {"username", subaccount.username},
            {"server", subaccount.username + domain},
            {"created", hetzner::rfc3339(subaccount.created)}};
}

Json to_json(const Snapshot& snapshot, const Box& box) {
    return {{"id", snapshot.id},
            {"storage_box", box.id},
            {"name", snapshot.name},
            {"description", snapshot.description},
            {"labels", snapshot.labels},
            {"stats", {{"size", snapshot.bytes}, {"size_filesystem", snapshot.bytes}}},
            {"is_automatic", snapshot.automatic},
            {"created", hetzner::rfc3339(snapshot.created)}};
}

void check_password(const std::string& password) {
    const auto has = [&](int (*kind)(int)) {
        return std::ranges::any_of(password,
                                   [&](char c) { return kind(static_cast<unsigned char>(c)) != 0; });
    };
    constexpr std::string_view special = "^!$%/()=?+#-.,;:~*@{}_&";
    const auto allowed = [&](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte >= 128 || std::isalnum(byte) != 0 || special.find(c) != special.npos;
    };
    const bool length = password.size() >= 12 && password.size() <= 128;
    const bool kinds = has(std::isupper) && has(std::islower) && has(std::isdigit) &&
                       password.find_first_of(special) != std::string::npos;
    if (!length || !kinds || !std::ranges::all_of(password, allowed))
        throw hetzner::invalid_input("password", "the password doesn't meet the policy");
}

}  // namespace kavi::lab::storage

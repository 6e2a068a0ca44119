#include "cloud.hpp"
#include "listing.hpp"

#include <fmt/format.h>

#include <array>

namespace kavi::lab::hetzner {
namespace {

struct SystemImage {
    const char* flavor;
    const char* version;
    const char* description;
    const char* deprecated = "";
};

constexpr std::array system_images{
    SystemImage{"ubuntu", "22.04", "Ubuntu 22.04"},
    SystemImage{"ubuntu", "24.04", "Ubuntu 24.04"},
    SystemImage{"ubuntu", "26.04", "Ubuntu 26.04"},
    SystemImage{"debian", "11", "Debian 11", "2026-08-31T06:00:00+00:00"},
    SystemImage{"debian", "12", "Debian 12"},
    SystemImage{"debian", "13", "Debian 13"},
    SystemImage{"fedora", "43", "Fedora 43"},
    SystemImage{"rocky", "10", "Rocky Linux 10"},
    SystemImage{"alma", "10", "AlmaLinux 10"},
};

Answer list(Cloud& cloud, const Call& call) {
    auto items = all_json(cloud, cloud.images);
    if (call.parameter("include_deprecated").value_or("false") != "true") {
        Json kept = Json::array();
        for (auto& item : items)
            if (item["deprecated"].is_null()) kept.push_back(std::move(item));
        items = std::move(kept);
    }
    return list_answer(call,
                       std::move(items),
                       {.key = "images",
                        .sortable = {"id", "name", "created"},
                        .filters = {"name", "type", "status", "bound_to", "architecture"}});
}

Image& changeable(Cloud& cloud, const Call& call) {
    auto& image = by_id(cloud.images, id_of(call), "image");
    if (image.type == "system") throw Problem{403, "forbidden", "system images can't be changed"};
    return image;
}

Answer update(Cloud& cloud, const Call& call) {
    auto& image = changeable(cloud, call);
    const auto fields = body_of(call);
    if (const auto type = fields.choice_if("type", {"snapshot"})) {
        image.type = *type;
        image.bound_to.reset();
    }
    if (const auto text = fields.text_if("description")) image.description = *text;
    if (const auto labels = fields.labels_if()) image.labels = *labels;
    return Answer::json(200, {{"image", cloud.to_json(image)}});
}

Answer remove(Cloud& cloud, const Call& call) {
    no_body(call);
    const auto& image = changeable(cloud, call);
    if (image.protect) throw protected_from("image");
    cloud.images.erase(image.id);
    return Answer::empty(204);
}

Answer change_protection(Cloud& cloud, const Call& call) {
    const auto id = changeable(cloud, call).id;
    const bool wanted = body_of(call).boolean_if("delete").value_or(false);
    const auto action = cloud.project().start_one(
        "hetzner",
        {.command = "change_protection", .resources = {{"image", id}}, .succeeded = [&cloud, id, wanted] {
             if (cloud.images.contains(id)) cloud.images[id].protect = wanted;
         }});
    return Answer::json(201, {{"action", to_json(action)}});
}

}  // namespace

void add_system_images(Cloud& cloud) {
    for (const auto& row : system_images)
        for (const char* architecture : {"x86", "arm"}) {
            Image image{.id = cloud.project().next_id(), .type = "system"};
            image.name = fmt::format("{}-{}", row.flavor, row.version);
            image.description = row.description;
            image.flavor = row.flavor;
            image.version = row.version;
            image.architecture = architecture;
            image.deprecated = row.deprecated;
            image.created = std::chrono::system_clock::now() - std::chrono::days(200);
            cloud.images[image.id] = image;
        }
}

void add_image_routes(Router& router, Cloud& cloud) {
    router.add("GET", "/images", [&cloud](const Call& call) { return list(cloud, call); });
    router.add("GET", "/images/{id}", [&cloud](const Call& call) {
        return Answer::json(200, {{"image", cloud.to_json(by_id(cloud.images, id_of(call), "image"))}});
    });
    router.add("PUT", "/images/{id}", [&cloud](const Call& call) { return update(cloud, call); });
    router.add("DELETE", "/images/{id}", [&cloud](const Call& call) { return remove(cloud, call); });
    router.add("POST", "/images/{id}/actions/change_protection", [&cloud](const Call& call) {
        return change_protection(cloud, call);
    });
}

}  // namespace kavi::lab::hetzner

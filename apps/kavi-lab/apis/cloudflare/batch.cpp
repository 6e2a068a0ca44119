#include "cloudflare.hpp"

#include <fmt/format.h>

namespace kavi::lab::cloudflare {
namespace {

/// The items of one of the four lists; absent: none.
Json items_of(const Json& body, const char* name) {
    if (!body.contains(name) || body[name].is_null()) return Json::array();
    if (!body[name].is_array()) throw Problem{400, 9207, std::string(name) + " must be a list."};
    return body[name];
}

std::string id_of(const Json& item) {
    const auto id = string_or(item, "id");
    if (id.empty()) throw Problem{400, 9207, "id is a required field.", "/id"};
    return id;
}

void append(std::string& list, const Record& record) {
    if (!list.empty()) list += ',';
    list += record.rendered;
}

/// Deletes, patches, puts, posts, in this order whatever the body's; all or nothing; the first error only.
Answer batch(Cloudflare& cloudflare, const Call& call) {
    auto& zone = cloudflare.zone_of(call);
    const auto body = body_of(call);
    const auto deletes = items_of(body, "deletes"), patches = items_of(body, "patches");
    const auto puts = items_of(body, "puts"), posts = items_of(body, "posts");
    const auto size = deletes.size() + patches.size() + puts.size() + posts.size();
    if (size > zone.plan().batch)
        throw Problem{400, 1004, fmt::format("A batch may have {} changes on this plan.", zone.plan().batch)};
    std::string deleted, patched, put, posted;
    zone.transact([&] {
        for (const auto& item : deletes) append(deleted, zone.remove(id_of(item)));
        for (const auto& item : patches) append(patched, zone.write(id_of(item), item, Write::edit));
        for (const auto& item : puts) append(put, zone.write(id_of(item), item, Write::overwrite));
        for (const auto& item : posts) append(posted, zone.create(item));
    });
    return {.status = 200,
            .body = fmt::format(R"({{"success":true,"errors":[],"messages":[],"result":)"
                                R"({{"deletes":[{}],"patches":[{}],"puts":[{}],"posts":[{}]}}}})",
                                deleted,
                                patched,
                                put,
                                posted)};
}

}  // namespace

void add_batch_route(Router& router, Cloudflare& cloudflare) {
    router.add("POST", "/zones/{zone_id}/dns_records/batch", [&cloudflare](const Call& call) {
        return batch(cloudflare, call);
    });
}

}  // namespace kavi::lab::cloudflare

#include "cloudflare.hpp"
#include "zone.hpp"

namespace kavi::lab::cloudflare {
namespace {

std::string record_id(const Call& call) {
    const auto& id = call.params.at("dns_record_id");
    if (id.size() != 32) throw no_route(call.raw_path);
    return id;
}

Answer create(Cloudflare& cloudflare, const Call& call) {
    return success(to_json(cloudflare.zone_of(call).create(body_of(call))));
}

Answer write(Cloudflare& cloudflare, const Call& call, Write how) {
    return success(to_json(cloudflare.zone_of(call).write(record_id(call), body_of(call), how)));
}

/// Says only which one it was.
Answer remove(Cloudflare& cloudflare, const Call& call) {
    const auto gone = cloudflare.zone_of(call).remove(record_id(call));
    return Answer::json(200, {{"result", {{"id", gone.id}}}});
}

Answer usage(Cloudflare& cloudflare, const Call& call) {
    const auto& zone = cloudflare.zone_of(call);
    const bool by_account = zone.plan().name == "enterprise";
    return success({{"record_quota", by_account ? Json(nullptr) : Json(zone.quota())},
                    {"record_usage", zone.records().size()}});
}

}  // namespace

void add_record_routes(Router& router, Cloudflare& cloudflare) {
    const std::string records = "/zones/{zone_id}/dns_records", record = records + "/{dns_record_id}";
    router.add("POST", records, [&cloudflare](const Call& call) { return create(cloudflare, call); });
    router.add(
        "GET", records + "/usage", [&cloudflare](const Call& call) { return usage(cloudflare, call); });
    router.add("GET", record, [&cloudflare](const Call& call) {
        return success(to_json(cloudflare.zone_of(call).at(record_id(call))));
    });
    router.add(
        "PUT", record, [&cloudflare](const Call& call) { return write(cloudflare, call, Write::overwrite); });
    router.add(
        "PATCH", record, [&cloudflare](const Call& call) { return write(cloudflare, call, Write::edit); });
    router.add("DELETE", record, [&cloudflare](const Call& call) { return remove(cloudflare, call); });
}

}  // namespace kavi::lab::cloudflare

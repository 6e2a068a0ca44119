#include "cloudflare.hpp"

#include <algorithm>
#include <map>

namespace kavi::lab::cloudflare {
namespace {

const std::map<std::string, std::vector<std::string>> allowed_values{
    {"always_use_https", {"on", "off"}},
    {"min_tls_version", {"1.0", "1.1", "1.2", "1.3"}},
    {"ssl", {"off", "flexible", "full", "strict"}},
};

Json setting_json(const Zone& zone, const std::string& name) {
    const auto& setting = zone.settings.at(name);
    return {{"id", name},
            {"value", setting["value"]},
            {"modified_on", setting["modified_on"]},
            {"editable", true}};
}

std::string known_setting(const Call& call) {
    const auto& name = call.params.at("setting_id");
    if (!allowed_values.contains(name))
        throw Problem{400, 1003, "Unknown setting '" + name + "' (the lab has three)."};
    return name;
}

Answer all(const Cloudflare& cloudflare, const Call& call) {
    const auto& zone = cloudflare.zone_of(call);
    Json list = Json::array();
    for (const auto& [name, values] : allowed_values) list.push_back(setting_json(zone, name));
    return success(list);
}

Answer change(const Cloudflare& cloudflare, const Call& call) {
    auto& zone = cloudflare.zone_of(call);
    const auto name = known_setting(call);
    const auto body = body_of(call);
    const auto& values = allowed_values.at(name);
    if (std::ranges::find(values, string_or(body, "value")) == values.end())
        throw Problem{400, 1007, "Invalid value for zone setting " + name};
    zone.settings[name] = {{"value", body["value"]}, {"modified_on", timestamp()}};
    return success(setting_json(zone, name));
}

}  // namespace

void add_setting_routes(Router& router, Cloudflare& cloudflare) {
    const std::string path = "/zones/{zone_id}/settings";
    router.add("GET", path, [&cloudflare](const Call& call) { return all(cloudflare, call); });
    router.add("GET", path + "/{setting_id}", [&cloudflare](const Call& call) {
        return success(setting_json(cloudflare.zone_of(call), known_setting(call)));
    });
    router.add("PATCH", path + "/{setting_id}", [&cloudflare](const Call& call) {
        return change(cloudflare, call);
    });
}

void add_token_routes(Router& router, Cloudflare& cloudflare) {
    const Json active{{"id", "ed17574386854bf78a67040be0a770b0"}, {"status", "active"}};
    router.add("GET", "/user/tokens/verify", [&cloudflare, active](const Call& call) {
        if (call.bearer() != cloudflare.seed().token) throw Problem{401, 1000, "Invalid API Token"};
        return success(active);
    });
    router.add("GET", "/accounts/{account_id}/tokens/verify", [&cloudflare, active](const Call& call) {
        const bool right_account = call.params.at("account_id") == cloudflare.account_id();
        if (!right_account || call.bearer() != cloudflare.seed().account_token)
            throw Problem{401, 1000, "Invalid API Token"};
        return success(active);
    });
}

/// A scan finds nothing here: nobody else serves the lab's zones.
void add_scan_routes(Router& router, Cloudflare& cloudflare) {
    const std::string path = "/zones/{zone_id}/dns_records/scan";
    router.add("POST", path, [&cloudflare](const Call& call) {
        cloudflare.zone_of(call);
        return success({{"recs_added", 0}, {"total_records_parsed", 0}});
    });
    router.add("POST", path + "/trigger", [&cloudflare](const Call& call) {
        cloudflare.zone_of(call);
        return Answer::json(200, {{"success", true}, {"errors", Json::array()}, {"messages", Json::array()}});
    });
    router.add("GET", path + "/review", [&cloudflare](const Call& call) {
        cloudflare.zone_of(call);
        return success(Json::array());
    });
    router.add("POST", path + "/review", [&cloudflare](const Call& call) {
        cloudflare.zone_of(call);
        const auto body = body_of(call);
        const bool empty =
            body.value("accepts", Json::array()).empty() && body.value("rejects", Json::array()).empty();
        if (!empty) throw no_such_record();
        return success({{"accepts", Json::array()}, {"rejects", Json::array()}});
    });
}

}  // namespace kavi::lab::cloudflare

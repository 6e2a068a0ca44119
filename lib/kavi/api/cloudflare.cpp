#include "cloudflare_wire.hpp"

#include <kavi/api/cloudflare.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <unordered_set>

namespace kavi::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int attempts = 4;
constexpr auto longest_wait = seconds(310);  // a rate limit's window is five minutes

/// What ends a call for good whoever answers.
bool is_final(const Error& error) {
    return error.code() == errors::interrupted || error.code() == errors::address_forbidden;
}

/// Percent-encodes what isn't unreserved (RFC 3986).
std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return out;
}

}  // namespace

struct CloudflareClient::Call {
    std::string method;
    std::string path;   ///< below the base URL, with its query
    std::string doing;  ///< "list the records of kua.cl": for messages
    std::string body{};
};

std::size_t cloudflare_batch_limit(std::string_view plan) {
    return plan == "pro" || plan == "business" || plan == "enterprise" ? 3500 : 200;
}

std::size_t cloudflare_comment_limit(std::string_view plan) {
    return plan == "pro" || plan == "business" || plan == "enterprise" ? 500 : 100;
}

int cloudflare_shortest_ttl(std::string_view plan) {
    return plan == "enterprise" ? 30 : 60;
}

CloudflareClient::CloudflareClient(net::Transport& transport, Clock& clock, Options options)
    : transport_(transport), clock_(clock), options_(std::move(options)) {
    options_.token = Secret(trim(options_.token.reveal()));
    while (options_.base_url.ends_with('/')) options_.base_url.pop_back();
}

void CloudflareClient::wait(milliseconds duration, std::stop_token stop) {
    clock_.sleep_for(duration, stop);
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted while waiting for Cloudflare");
}

void CloudflareClient::wait_for_room(std::stop_token stop) {
    milliseconds left{0};
    {
        const std::scoped_lock lock(mutex_);
        if (!room_at_) return;
        left = std::chrono::ceil<milliseconds>(*room_at_ - clock_.steady());
        if (left <= milliseconds(0)) room_at_.reset();
    }
    if (left > milliseconds(0)) wait(left, stop);
}

void CloudflareClient::note_limits(const net::Response& response) {
    const auto spent = cloudflare::budget_spent(response);
    if (!spent) return;
    const std::scoped_lock lock(mutex_);
    room_at_ = clock_.steady() + std::min(*spent, longest_wait);
}

/// Sends it, again after each 429: that says that nothing was done.
net::Response CloudflareClient::send(const Call& call, std::stop_token stop) {
    net::Request request{.method = call.method, .url = options_.base_url + call.path, .body = call.body};
    request.headers.push_back({"Authorization", fmt::format("Bearer {}", options_.token.reveal())});
    if (!call.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    request.timeout = options_.timeout;
    for (int attempt = 1;; ++attempt) {
        wait_for_room(stop);
        auto response = transport_.send(request, stop);
        note_limits(response);
        if (response.status != 429 || attempt == attempts) return response;
        const auto pause = cloudflare::wait_asked(response).value_or(seconds(1 << (attempt - 1)));
        if (pause > longest_wait) return response;
        wait(pause, stop);
    }
}

/// For calls that change nothing, or the same when made twice.
net::Response CloudflareClient::read(const Call& call, std::stop_token stop) {
    for (int attempt = 1;; ++attempt) {
        try {
            auto response = send(call, stop);
            const bool whole =
                response.status < 500 && (response.status >= 400 || Json::accept(response.body));
            if (whole || attempt == attempts) return response;
        } catch (const Error& error) {
            if (attempt == attempts || is_final(error)) throw;
        }
        wait(seconds(1 << (attempt - 1)), stop);
    }
}

Json CloudflareClient::ask(const Call& call, std::stop_token stop) {
    const auto response = while_doing(fmt::format("can't {}", call.doing), [&] { return read(call, stop); });
    if (response.status >= 300) throw cloudflare::error_of(response, call.doing);
    auto json = parse_json(response.body, fmt::format("Cloudflare's answer when asked to {}", call.doing));
    const bool success =
        json.is_object() && json.value("success", Json(false)) == true && json.contains("result");
    if (!success) throw cloudflare::error_of(response, call.doing);
    return json;
}

bool CloudflareClient::verify(const Call& call, std::stop_token stop) {
    const auto response = while_doing(fmt::format("can't {}", call.doing), [&] { return read(call, stop); });
    const auto complaint = cloudflare::complaint_of(response);
    // 1000: no token that this endpoint knows. A malformed one is told apart by its own code.
    if (response.status == 401 && complaint && complaint->code == 1000) return false;
    if (response.status == 404) return false;
    if (response.status >= 300) throw cloudflare::error_of(response, call.doing);
    const auto json = parse_json(response.body, "Cloudflare's answer about the token");
    const auto status = json.contains("result") ? string_or(json["result"], "status") : std::string();
    if (status == "active") return true;
    Error error(errors::credentials_refused,
                fmt::format("the Cloudflare token is {}", status.empty() ? "unknown" : printable(status)));
    throw error.fix("make a new token at https://dash.cloudflare.com/profile/api-tokens");
}

bool CloudflareClient::verify_user_token(std::stop_token stop) {
    return verify({"GET", "/user/tokens/verify", "check the token"}, stop);
}

bool CloudflareClient::verify_account_token(const std::string& account_id, std::stop_token stop) {
    return verify({"GET", fmt::format("/accounts/{}/tokens/verify", encoded(account_id)), "check the token"},
                  stop);
}

std::vector<CloudflareZone> CloudflareClient::zones_named(const std::string& name, std::stop_token stop) {
    const Call call{
        "GET", fmt::format("/zones?name={}&per_page=50", encoded(name)), "look up the zone " + name};
    std::vector<CloudflareZone> zones;
    const auto json = ask(call, stop);
    if (!json["result"].is_array())
        throw Error(errors::dns_failed, "Cloudflare's list of zones isn't a list");
    for (const auto& one : json["result"]) zones.push_back(cloudflare::zone_of(one));
    return zones;
}

/// False: the pages don't fit together.
bool CloudflareClient::list_once(const std::string& zone_id,
                                 const std::function<void(std::size_t)>& begin,
                                 const std::function<void(CloudflareRecord)>& take,
                                 std::stop_token stop) {
    std::unordered_set<std::string> ids;
    std::size_t total = 0, pages = 1;
    for (std::size_t page = 1; page <= pages; ++page) {
        const Call call{
            "GET",
            fmt::format("/zones/{}/dns_records?page={}&per_page={}", zone_id, page, cloudflare_page),
            "list the zone's records"};
        const auto json = ask(call, stop);
        const auto& records = json["result"];
        if (!records.is_array()) throw Error(errors::dns_failed, "Cloudflare's list of records isn't a list");
        const auto info = json.value("result_info", Json::object());
        const auto count =
            info.is_object() ? info.value("total_count", Json(records.size())) : Json(records.size());
        const auto all = count.is_number_unsigned() ? count.get<std::size_t>() : records.size();
        if (page == 1) {
            total = all;
            pages = (total + cloudflare_page - 1) / cloudflare_page;
            begin(total);
        }
        if (all != total) return false;
        for (const auto& one : records) {
            auto record = cloudflare::record_of(one);
            if (!ids.insert(record.id).second) return false;
            take(std::move(record));
        }
    }
    return ids.size() == total;
}

void CloudflareClient::list_records(const std::string& zone_id,
                                    const std::function<void(std::size_t)>& begin,
                                    const std::function<void(CloudflareRecord)>& take,
                                    std::stop_token stop) {
    for (int attempt = 1; attempt <= attempts; ++attempt)
        if (list_once(zone_id, begin, take, stop)) return;
    Error error(errors::dns_failed, "the zone changes faster than it can be listed");
    throw error.fix("find out what else writes to it, and try again");
}

/// Sends it, again while no byte of it could leave.
net::Response CloudflareClient::send_once_it_leaves(const Call& call, std::stop_token stop) {
    for (int attempt = 1;; ++attempt) {
        try {
            return send(call, stop);
        } catch (const net::NetworkError& error) {
            if (error.sent() || attempt == attempts) throw;
        }
        wait(seconds(1 << (attempt - 1)), stop);
    }
}

BatchAnswer CloudflareClient::batch(const std::string& zone_id,
                                    const CloudflareBatch& batch,
                                    std::stop_token stop) {
    const Call call{"POST",
                    fmt::format("/zones/{}/dns_records/batch", zone_id),
                    "change records",
                    cloudflare::to_json(batch).dump(-1, ' ', false, Json::error_handler_t::replace)};
    net::Response response;
    try {
        response = send_once_it_leaves(call, stop);
    } catch (const net::NetworkError& error) {
        if (!error.sent()) throw;
        return BatchUnknown{error};
    }
    if (response.status >= 400 && response.status < 500) {
        const auto complaint = cloudflare::complaint_of(response).value_or(cloudflare::Complaint{});
        return BatchRefused{cloudflare::error_of(response, call.doing), complaint.code, complaint.pointer};
    }
    const auto json = Json::parse(response.body, nullptr, false);
    const bool success =
        response.status < 300 && json.is_object() && json.value("success", Json(false)) == true;
    if (!success || !json.contains("result") || !json["result"].is_object())
        return BatchUnknown{cloudflare::error_of(response, call.doing)};
    BatchApplied applied;
    const auto& result = json["result"];
    for (const auto& [name, list] : {std::pair{"patches", &applied.patches}, {"posts", &applied.posts}}) {
        if (!result.contains(name) || !result[name].is_array()) continue;
        for (const auto& one : result[name]) list->push_back(cloudflare::record_of(one));
    }
    return applied;
}

CloudflareUsage CloudflareClient::usage(const std::string& zone_id, std::stop_token stop) {
    const auto json =
        ask({"GET", fmt::format("/zones/{}/dns_records/usage", zone_id), "read the zone's quota"}, stop);
    CloudflareUsage usage;
    const auto& result = json["result"];
    if (!result.is_object()) return usage;
    if (const auto quota = result.find("record_quota"); quota != result.end() && quota->is_number_integer())
        usage.quota = quota->get<std::int64_t>();
    if (const auto used = result.find("record_usage"); used != result.end() && used->is_number_integer())
        usage.used = used->get<std::int64_t>();
    return usage;
}

std::string CloudflareClient::setting(const std::string& zone_id,
                                      const std::string& name,
                                      std::stop_token stop) {
    const auto json = ask({"GET",
                           fmt::format("/zones/{}/settings/{}", zone_id, encoded(name)),
                           fmt::format("read the setting {}", name)},
                          stop);
    return string_or(json["result"], "value");
}

void CloudflareClient::change_setting(const std::string& zone_id,
                                      const std::string& name,
                                      const std::string& value,
                                      std::stop_token stop) {
    const Call call{"PATCH",
                    fmt::format("/zones/{}/settings/{}", zone_id, encoded(name)),
                    fmt::format("set {} to {}", name, value),
                    Json{{"value", value}}.dump()};
    const auto json = ask(call, stop);
    if (string_or(json["result"], "value") == value) return;
    throw Error(errors::dns_failed, fmt::format("Cloudflare kept the setting {} as it was", name));
}

}  // namespace kavi::api

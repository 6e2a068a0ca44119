#include "cloudflare.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace kavi::lab::cloudflare {
namespace {

using std::chrono::steady_clock;

constexpr auto window_length = std::chrono::minutes(5);

std::int64_t seconds_left(steady_clock::time_point window) {
    const auto left = window + window_length - steady_clock::now();
    return std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(left).count(), 1);
}

bool is_identifier(const std::string& text) {
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Problem too_many() {
    return {429, 971, "Please wait and consider throttling your request speed"};
}

Problem malformed_header() {
    return {400, 6003, "Invalid request headers", "", 6111, "Invalid format for Authorization header"};
}

/// The message that belongs to a status that a fault asks for.
Problem problem_of(int status) {
    if (status == 429) return too_many();
    if (status == 401 || status == 403) return {status, 10000, "Authentication error"};
    if (status == 404)
        return {status, 7003, "Could not route to the request, perhaps your object identifier is invalid?"};
    if (status >= 500) return {status, 10001, "Internal server error"};
    return {status, 1004, "DNS Validation Error"};
}

}  // namespace

Cloudflare::Cloudflare(const CloudflareSeed& seed)
    : seed_(seed), account_id_(hex(sha256("account")).substr(0, 32)), window_(steady_clock::now()) {
    for (const auto& one : seed.zones) {
        auto& zone = *zones_.emplace_back(std::make_unique<Zone>(one.name, plan_of(one.plan), one.quota));
        for (const auto& record : one.records) zone.create(record);
    }
    add_zone_routes(router_, *this);
    add_setting_routes(router_, *this);
    add_token_routes(router_, *this);
    add_record_routes(router_, *this);
    add_list_route(router_, *this);
    add_batch_route(router_, *this);
    add_zone_file_routes(router_, *this);
    add_scan_routes(router_, *this);
}

Answer Cloudflare::answer(Call& call) {
    const std::scoped_lock lock(mutex_);
    Answer answer;
    try {
        admit(call);
        check_token(call);
        const auto match = router_.find(call);
        if (match.miss == Router::Miss::path) throw no_route(call.raw_path);
        if (match.miss == Router::Miss::method)
            throw Problem{405, 10405, "Method not allowed for this endpoint."};
        answer = (*match.handler)(call);
    } catch (const Problem& problem) {
        answer = failure(problem);
        if (problem.status == 429)
            answer.headers.emplace_back("Retry-After", std::to_string(seconds_left(window_)));
    }
    for (auto& header : headers()) answer.headers.push_back(std::move(header));
    return answer;
}

Answer Cloudflare::error(int status, const std::string& code) {
    auto problem = problem_of(status);
    if (!code.empty()) problem.message = code;
    return failure(problem);
}

void Cloudflare::admit(const Call&) {
    const auto now = steady_clock::now();
    if (now - window_ >= window_length) {
        window_ = now;
        used_ = 0;
    }
    if (used_ >= seed_.rate_limit) throw too_many();
    ++used_;
}

void Cloudflare::check_token(const Call& call) const {
    if (!call.header("authorization"))
        throw Problem{400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers"};
    const auto token = call.bearer();
    const auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    };
    if (!token || token->empty() || !std::ranges::all_of(*token, allowed)) throw malformed_header();
    const bool account = !seed_.account_token.empty() && *token == seed_.account_token;
    if (*token == seed_.token || account) return;
    if (call.path.ends_with("/tokens/verify")) throw Problem{401, 1000, "Invalid API Token"};
    throw Problem{403, 9109, "Invalid access token"};
}

Pairs Cloudflare::headers() const {
    const auto left = std::max<std::int64_t>(seed_.rate_limit - used_, 0);
    return {{"Ratelimit", fmt::format("\"default\";r={};t={}", left, seconds_left(window_))},
            {"Ratelimit-Policy", fmt::format("\"default\";q={};w=300", seed_.rate_limit)},
            {"CF-Ray", hex(random_bytes(8)) + "-LAB"}};
}

Zone& Cloudflare::zone_of(const Call& call) const {
    const auto& id = call.params.at("zone_id");
    if (!is_identifier(id)) throw no_route(call.raw_path);
    for (const auto& zone : zones_)
        if (zone->id() == id) return *zone;
    throw Problem{403, 10000, "Authentication error"};
}

void Cloudflare::count_import() {
    const auto now = steady_clock::now();
    while (!imports_.empty() && now - imports_.front() > std::chrono::minutes(1)) imports_.pop_front();
    if (imports_.size() >= 3) throw too_many();
    imports_.push_back(now);
}

void Cloudflare::add_generated(std::size_t count) {
    const std::scoped_lock lock(mutex_);
    if (zones_.empty()) return;
    auto& zone = *zones_.front();
    zone.raise_quota(std::ssize(zone.records()) + static_cast<std::int64_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
        const auto address = fmt::format("198.51.{}.{}", i / 250 % 250, 1 + i % 250);
        Json record{
            {"type", "A"}, {"name", fmt::format("host-{:05}", i)}, {"content", address}, {"ttl", 300}};
        if (i % 10 == 9) record = {{"type", "TXT"}, {"name", fmt::format("text-{:05}", i)}, {"ttl", 3600}};
        if (i % 10 == 9) record["content"] = fmt::format("\"generated {}\"", i);
        zone.create(record);
    }
}

Json body_of(const Call& call) {
    const auto value = Json::parse(call.body, nullptr, false);
    if (!value.is_object()) throw Problem{400, 9207, "Request body is invalid."};
    return value;
}

}  // namespace kavi::lab::cloudflare

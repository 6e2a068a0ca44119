#pragma once

#include <kavi/api/cloudflare.hpp>

#include <optional>
#include <string>
#include <string_view>

/// JSON and headers of Cloudflare's API. Used within the client only.
namespace kavi::api::cloudflare {

CloudflareZone zone_of(const Json& json);
CloudflareRecord record_of(const Json& json);
Json to_json(const CloudflareRecordBody& body);
Json to_json(const CloudflareBatch& batch);

/// The first of an answer's errors, with the cause that older answers wrap into error_chain.
struct Complaint {
    int code = 0;
    std::string message;
    std::string pointer;
};

/// Absent: the body is no JSON of the API's, or says success.
std::optional<Complaint> complaint_of(const net::Response& response);

/// What an answer that isn't a success comes to; `doing` says what was asked: "list the records".
Error error_of(const net::Response& response, std::string_view doing);

/// Seconds that a 429 asks to wait, by Retry-After, else by the rate limit's headers.
std::optional<std::chrono::seconds> wait_asked(const net::Response& response);

/// How long nothing is left of the budget; absent: something is left, or nobody knows.
std::optional<std::chrono::seconds> budget_spent(const net::Response& response);

}  // namespace kavi::api::cloudflare

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/retry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::net {

namespace {

using std::chrono::milliseconds;

milliseconds backoff(const RetryPolicy& policy, int attempt) {
    auto delay = policy.first_delay;
    for (int i = 1; i < attempt && delay < policy.longest_delay; ++i) delay *= 2;
    return std::min(delay, policy.longest_delay);
}

/// Retry-After in seconds; the form with a date isn't used by any of the APIs and counts as absent.
std::optional<milliseconds> retry_after(const RetryPolicy& policy, const Response& response) {
    const auto text = response.header("retry-after");
    if (!text) return {};
    unsigned seconds = 0;
    const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (problem == std::errc::result_out_of_range) return policy.longest_retry_after;
    if (problem != std::errc() || end != text->data() + text->size()) return {};
    return std::min<milliseconds>(std::chrono::seconds(seconds), policy.longest_retry_after);
}

bool worth_repeating(const NetworkError& error, int attempt) {
    switch (error.failure()) {
        case NetworkFailure::name_not_found:
        case NetworkFailure::refused:
        case NetworkFailure::broken:
            return true;
        case NetworkFailure::timed_out:
            return attempt == 1;
        case NetworkFailure::tls:
        case NetworkFailure::too_large:
        case NetworkFailure::other:
            return false;
    }
    return false;
}

}  // namespace

bool may_be_repeated(const Request& request) {
    const auto& method = request.method;
    return request.repeatable || method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE";
}

std::optional<milliseconds> retry_delay(const RetryPolicy& policy,
                                        int attempt,
                                        const Request& request,
                                        const Response& response) {
    const int status = response.status;
    const bool limited = status == 429;
    const bool passing = status == 502 || status == 503 || status == 504;
    if (attempt >= policy.attempts || !(limited || (passing && may_be_repeated(request)))) return {};
    return retry_after(policy, response).value_or(backoff(policy, attempt));
}

std::optional<milliseconds> retry_delay(const RetryPolicy& policy,
                                        int attempt,
                                        const Request& request,
                                        const NetworkError& error) {
    if (attempt >= policy.attempts || !worth_repeating(error, attempt)) return {};
    if (error.sent() && !may_be_repeated(request)) return {};
    return backoff(policy, attempt);
}

Response RetryingTransport::send(const Request& request, std::stop_token stop) {
    for (int attempt = 1;; ++attempt) {
        if (auto response = try_once(request, attempt, stop)) return *std::move(response);
        if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    }
}

/// Nullopt after a failure that was waited out.
std::optional<Response> RetryingTransport::try_once(const Request& request,
                                                    int attempt,
                                                    std::stop_token stop) {
    try {
        auto response = inner_.send(request, stop);
        const auto delay = retry_delay(policy_, attempt, request, response);
        if (!delay) return response;
        wait(fmt::format("{} answered {}", request.method, response.status), *delay, stop);
    } catch (const NetworkError& error) {
        const auto delay = retry_delay(policy_, attempt, request, error);
        if (!delay) throw;
        wait(error.causes().empty() ? error.message() : error.causes().front(), *delay, stop);
    }
    return {};
}

void RetryingTransport::wait(std::string_view what, milliseconds delay, std::stop_token stop) {
    if (notice_) notice_(what, delay);
    clock_.sleep_for(delay, stop);
}

}  // namespace kavi::net

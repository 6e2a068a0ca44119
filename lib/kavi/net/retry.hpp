#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/net/transport.hpp>

#include <functional>
#include <optional>
#include <string_view>

namespace kavi::net {

struct RetryPolicy {
    int attempts = 4;                                                        ///< in all, the first included
    std::chrono::milliseconds first_delay = std::chrono::milliseconds(500);  ///< doubled each time
    std::chrono::milliseconds longest_delay = std::chrono::seconds(8);
    /// The longest Retry-After that is waited for; a longer one is cut to this.
    std::chrono::milliseconds longest_retry_after = std::chrono::seconds(60);
};

/// May it be sent again though it may have taken effect already? By its method, or because its caller says
/// so.
bool may_be_repeated(const Request& request);

/// How long to wait before attempt number `attempt` + 1, or nullopt when `response` (of attempt number
/// `attempt`, counted from 1) is to be taken as it is. 429 had no effect, so it is repeated whatever the
/// method; 502, 503 and 504 only where the request may be repeated. Retry-After in seconds is honoured.
std::optional<std::chrono::milliseconds> retry_delay(const RetryPolicy& policy,
                                                     int attempt,
                                                     const Request& request,
                                                     const Response& response);

/// The same for an attempt that got no answer. What left no byte may be sent again whatever the method; a
/// time-out is repeated once; certificates and answers that are too large won't get better.
std::optional<std::chrono::milliseconds> retry_delay(const RetryPolicy& policy,
                                                     int attempt,
                                                     const Request& request,
                                                     const NetworkError& error);

/// Sends again what may be, after a wait that a stop request ends.
class RetryingTransport final : public Transport {
  public:
    /// `notice` hears before each wait what happened and how long it will be.
    using Notice = std::function<void(std::string_view what, std::chrono::milliseconds delay)>;

    RetryingTransport(Transport& inner, Clock& clock, RetryPolicy policy = {}, Notice notice = {})
        : inner_(inner), clock_(clock), policy_(policy), notice_(std::move(notice)) {}

    Response send(const Request& request, std::stop_token stop) override;

  private:
    std::optional<Response> try_once(const Request& request, int attempt, std::stop_token stop);
    void wait(std::string_view what, std::chrono::milliseconds delay, std::stop_token stop);

    Transport& inner_;
    Clock& clock_;
    RetryPolicy policy_;
    Notice notice_;
};

}  // namespace kavi::net

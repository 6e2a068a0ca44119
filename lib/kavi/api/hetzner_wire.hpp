#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kavi::api {

/// An answer that isn't 2xx, or one that never came to a POST. Decide by `code`, not by status.
struct HetznerRefusal {
    int status = 0;    ///< 0: no answer, and nobody knows whether it took effect
    std::string code;  ///< "uniqueness_error"; empty where the body wasn't Hetzner's
    std::string message;
    std::string correlation_id;
    std::vector<std::string> details;  ///< "location: not found", names of fields and limits, an announcement

    bool is(std::string_view wanted) const { return code == wanted; }

    /// May the request have taken effect all the same?
    bool ambiguous() const;
};

/// The refusal as an Error: "Hetzner refused to <doing>", its causes and what to do.
Error error_of(const HetznerRefusal& refusal, std::string_view doing);

/// Requests and answers of Hetzner's Cloud API.
class HetznerWire {
  public:
    using Answer = std::variant<Json, HetznerRefusal>;

    HetznerWire(net::Transport& transport, Clock& clock, std::string base_url, Secret token);

    /// One exchange. No body is sent where `body` is null (actions without parameters take none, not even
    /// {}). The serialised body is wiped afterwards. Sent again: whatever was refused for its rate (429: it
    /// wasn't carried out; six times in all, 1, 2, 4 … 16 s apart), and anything but a POST after a broken
    /// connection or a 5xx (four times in all, 1, 2 and 4 s apart).
    Answer call(std::string_view method, std::string_view path, const Json* body, std::stop_token stop);

    /// The answer's JSON; a refusal throws error_of(…, doing).
    Json need(std::string_view doing,
              std::string_view method,
              std::string_view path,
              const Json* body,
              std::stop_token stop);

    /// Every item of a list, 50 a page. `query` is "" or "name=x&…". A next page that isn't larger throws
    /// errors::hetzner_failed: it would never end.
    std::vector<Json> pages(std::string_view path,
                            std::string_view member,
                            std::string_view query,
                            std::stop_token stop);

    /// Waits. Throws errors::interrupted when a stop is requested.
    void pause(std::chrono::milliseconds duration, std::string_view waiting_for, std::stop_token stop);

  private:
    Answer exchange(std::string_view method, std::string_view path, const Json* body, std::stop_token stop);

    net::Transport& transport_;
    Clock& clock_;
    std::string base_url_;
    Secret token_;
};

/// Percent-encodes all but unreserved characters (RFC 3986).
std::string url_word(std::string_view text);

}  // namespace kavi::api

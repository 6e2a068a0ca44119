#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Cloudflare's API v4, the part that has to do with DNS. Source of the facts: Cloudflare's published OpenAPI
/// document (api-schemas of 2026-07) and its documentation of DNS, batches and rate limits.
namespace kavi::api {

struct CloudflareZone {
    std::string id, name;
    std::string status;  ///< initializing, pending, active, moved
    bool paused = false;
    std::string type;  ///< full, partial, secondary, internal
    std::string plan;  ///< free, pro, business, enterprise; "free" where the answer doesn't say
    std::string account_id;
    std::vector<std::string> name_servers;
    std::vector<std::string> permissions;  ///< "#dns_records:edit"; may be empty
};

/// A record as the API answers it.
struct CloudflareRecord {
    std::string id, type, name, content;
    Json data = nullptr;  ///< of types whose value has members
    std::optional<int> priority;
    int ttl = 1;
    bool proxied = false;
    std::string comment;  ///< empty: none
    std::vector<std::string> tags;
    Json settings = nullptr;  ///< what is on; null: nothing
    bool read_only = false;   ///< of another of Cloudflare's products
};

/// A record as requests carry it; the three members that the document requires are always sent.
struct CloudflareRecordBody {
    std::string id;  ///< patches only
    std::string type, name;
    int ttl = 1;
    std::optional<std::string> content;
    Json data = nullptr;
    std::optional<int> priority;
    std::optional<bool> proxied;
    std::optional<std::string> comment;  ///< "" clears it
    std::optional<std::vector<std::string>> tags;
    Json settings = nullptr;
};

struct CloudflareBatch {
    std::vector<std::string> deletes;  ///< ids
    std::vector<CloudflareRecordBody> patches, posts;

    std::size_t size() const { return deletes.size() + patches.size() + posts.size(); }
};

/// What a batch came to. It is one transaction: all of it, or nothing.
struct BatchApplied {
    std::vector<CloudflareRecord> patches, posts;  ///< as they are now, in no promised order
};

struct BatchRefused {
    Error error;          ///< errors::dns_failed, or of credentials
    int code = 0;         ///< Cloudflare's own: 81058
    std::string pointer;  ///< a hint at the item ("/posts/3/content"); often empty
};

/// No usable answer came: it may have taken effect.
struct BatchUnknown {
    Error error;
};

using BatchAnswer = std::variant<BatchApplied, BatchRefused, BatchUnknown>;

struct CloudflareUsage {
    std::optional<std::int64_t> quota;  ///< absent: counted by account
    std::int64_t used = 0;
};

/// Records that fit on one page (5,000,000 is the documented maximum; 5,000 is what tools use).
inline constexpr std::size_t cloudflare_page = 5000;

/// How many changes one batch may carry on that plan: 200 on Free, else 3,500.
std::size_t cloudflare_batch_limit(std::string_view plan);
/// How long a comment may be on that plan, in characters: 100 on Free, else 500.
std::size_t cloudflare_comment_limit(std::string_view plan);
/// The shortest TTL: 30 s on Enterprise, else 60 s.
int cloudflare_shortest_ttl(std::string_view plan);

/// A typed client. All methods may be called from several threads. Reads are repeated after 429, 5xx and
/// broken connections (four times in all, as Retry-After says, else 1, 2 and 4 s); changes are repeated only
/// after 429, which means that they weren't made. When the rate limit's headers say that nothing is left, the
/// next call waits. Throws errors::credentials_refused, rights_missing, network_failed, dns_failed and
/// interrupted.
class CloudflareClient {
  public:
    struct Options {
        std::string base_url = "https://api.cloudflare.com/client/v4";  ///< CLOUDFLARE_BASE_URL
        Secret token;                                                   ///< trimmed here
        std::chrono::milliseconds timeout = std::chrono::seconds(60);
    };

    /// `transport` is a bare one: the client itself repeats what may be.
    CloudflareClient(net::Transport& transport, Clock& clock, Options options);

    /// Is this user token alive? False: it isn't a user's token (then ask verify_account_token, or it is
    /// wrong). A token that is disabled or expired throws errors::credentials_refused.
    bool verify_user_token(std::stop_token stop);
    /// The same for a token that belongs to an account.
    bool verify_account_token(const std::string& account_id, std::stop_token stop);

    /// The zones of exactly that name that the token can see.
    std::vector<CloudflareZone> zones_named(const std::string& name, std::stop_token stop);

    /// Every record of the zone, page by page. Pages that changed meanwhile are asked for again from the
    /// first: `begin` is called before each attempt, so that what was taken so far can be dropped.
    void list_records(const std::string& zone_id,
                      const std::function<void(std::size_t expected)>& begin,
                      const std::function<void(CloudflareRecord)>& take,
                      std::stop_token stop);

    BatchAnswer batch(const std::string& zone_id, const CloudflareBatch& batch, std::stop_token stop);

    CloudflareUsage usage(const std::string& zone_id, std::stop_token stop);

    /// A zone setting's value: "strict".
    std::string setting(const std::string& zone_id, const std::string& name, std::stop_token stop);
    void change_setting(const std::string& zone_id,
                        const std::string& name,
                        const std::string& value,
                        std::stop_token stop);

  private:
    struct Call;

    Json ask(const Call& call, std::stop_token stop);
    net::Response read(const Call& call, std::stop_token stop);
    net::Response send(const Call& call, std::stop_token stop);
    net::Response send_once_it_leaves(const Call& call, std::stop_token stop);
    bool list_once(const std::string& zone_id,
                   const std::function<void(std::size_t)>& begin,
                   const std::function<void(CloudflareRecord)>& take,
                   std::stop_token stop);
    bool verify(const Call& call, std::stop_token stop);
    void wait(std::chrono::milliseconds duration, std::stop_token stop);
    void wait_for_room(std::stop_token stop);
    void note_limits(const net::Response& response);

    net::Transport& transport_;
    Clock& clock_;
    Options options_;
    std::mutex mutex_;
    std::optional<std::chrono::steady_clock::time_point> room_at_;  ///< no call before this
};

}  // namespace kavi::api

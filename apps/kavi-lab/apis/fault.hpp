#pragma once

#include <kavi/base/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace kavi::lab {

/// One thing that goes wrong on purpose. Empty conditions match everything; of several that match, the first
/// added is used.
struct Fault {
    int number = 0;  ///< given by the table
    // Which requests.
    std::string api;     ///< "hetzner", "storage", "cloudflare", "infisical", "s3", "doh"
    std::string method;  ///< "POST"
    std::string path;    ///< as the API's documents write it ("/servers"); a final '*' matches any rest
    std::string action;  ///< "create_server": the asynchronous action of that name fails, with `error`
    // How often.
    std::int64_t times = -1;  ///< that many matches and then never again; -1: always
    std::int64_t skip = 0;    ///< the first so many matches go well
    double chance = 1;        ///< drawn from the lab's seeded generator
    // What happens.
    int status = 0;     ///< this status and the API's own error body instead of an answer
    std::string error;  ///< with `status`: the error's code; with `action`: the action's
    std::chrono::milliseconds delay{0};
    std::optional<int> retry_after;       ///< seconds, a header
    std::optional<std::size_t> truncate;  ///< the connection ends after so many bytes of the body
    bool reset = false;                   ///< the connection is reset instead of an answer
    bool malformed = false;               ///< the body is no JSON
    /// With reset, status, truncate or malformed: was the request carried out before? (truncate and malformed
    /// always are; the others only with this)
    bool carried_out = false;
};

/// Reads "api=hetzner method=POST path=/servers status=503 times=2 delay=3s retry-after=2 truncate=100 reset
/// malformed carried-out action=create_server error=resource_unavailable skip=1 chance=0.5".
/// Throws errors::usage naming the word that makes no sense.
Fault parse_fault(std::span<const std::string> words);

/// The same fault in words that parse_fault reads.
std::string to_text(const Fault& fault);

Json to_json(const Fault& fault);

/// The faults in force. Thread-safe; every draw comes from one seeded generator.
class FaultTable {
  public:
    explicit FaultTable(std::uint64_t seed) : random_(seed) {}

    int add(Fault fault);
    std::vector<Fault> all() const;
    void clear(std::optional<int> number);

    /// The fault that strikes this request, counted as used; nullopt: none does.
    std::optional<Fault> for_request(const std::string& api,
                                     const std::string& method,
                                     const std::string& path);
    /// The fault that strikes an asynchronous action of this name.
    std::optional<Fault> for_action(const std::string& api, const std::string& action);

  private:
    bool strikes(Fault& fault);
    template <typename Matches>
    std::optional<Fault> first(Matches matches);

    mutable std::mutex mutex_;
    std::mt19937_64 random_;
    std::vector<Fault> faults_;
    int last_number_ = 0;
};

}  // namespace kavi::lab

#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/net/transport.hpp>
#include <kavi/ops/dns/plan.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::ops {

/// Asks name servers.
class NameAnswers {
  public:
    virtual ~NameAnswers() = default;
    /// The values of all records of that name and type that `server` ("ada.ns.cloudflare.com") gives, as zone
    /// files write them; empty: there are none. nullopt: it gave no answer.
    virtual std::optional<std::vector<std::string>> ask(const std::string& server,
                                                        const std::string& name,
                                                        const std::string& type,
                                                        std::stop_token stop) = 0;
};

/// By DNS over HTTPS in JSON (KAVI_DOH_URL). All servers are that one.
class DohAnswers final : public NameAnswers {
  public:
    DohAnswers(net::Transport& transport, std::string url) : transport_(transport), url_(std::move(url)) {}

    std::optional<std::vector<std::string>> ask(const std::string& server,
                                                const std::string& name,
                                                const std::string& type,
                                                std::stop_token stop) override;

  private:
    net::Transport& transport_;
    std::string url_;
};

/// By DNS over UDP, or TCP where the answer is long, to the server itself. Five seconds each.
class AuthoritativeAnswers final : public NameAnswers {
  public:
    explicit AuthoritativeAnswers(std::uint16_t port = 53) : port_(port) {}

    std::optional<std::vector<std::string>> ask(const std::string& server,
                                                const std::string& name,
                                                const std::string& type,
                                                std::stop_token stop) override;

  private:
    std::uint16_t port_;
};

/// What is not as it should be after a change.
struct NameProblem {
    std::string what;      ///< "A git.kua.cl"
    std::string problem;   ///< "ada.ns.cloudflare.com still says 192.0.2.1"
    bool unknown = false;  ///< nobody could be asked
};

struct VerifyDns {
    NameAnswers& answers;
    net::Transport& https;
    Clock& clock;
    std::chrono::milliseconds deadline = std::chrono::seconds(60);
};

/// After a plan was carried out: asks every authoritative server of the changed zones until each gives what
/// was planned, or the deadline is over; then makes one HTTPS request to each proxied name that was made or
/// moved. `done` are the ids of the actions that were carried out.
std::vector<NameProblem> verify_dns(const plan::Plan& plan,
                                    std::span<const std::string> done,
                                    const DnsObservation& seen,
                                    const VerifyDns& with,
                                    std::stop_token stop);

}  // namespace kavi::ops

#pragma once

#include <kavi/api/cloudflare.hpp>
#include <kavi/ops/dns/images.hpp>
#include <kavi/ops/dns/plan.hpp>
#include <kavi/run/executor.hpp>

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi::ops {

/// "server:bruno/ipv4" → the address, once it is known.
using ResolveReference = std::function<std::optional<std::string>(std::string_view reference)>;

/// Carries out actions of kind "dns": all records of a batch with one call, a setting with one. Where no
/// usable answer comes, it lists the zone again and says what is true; a batch that wasn't applied is sent
/// again, three times in all. Safe for several lanes at once.
class DnsHandler final : public run::Handler {
  public:
    DnsHandler(api::CloudflareClient& client, Clock& clock, ImageSink& images, ResolveReference resolve = {});

    /// Throws dns_failed, credentials_refused, rights_missing or network_failed.
    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

  private:
    class Batch;

    api::CloudflareClient& client_;
    Clock& clock_;
    ImageSink& images_;
    ResolveReference resolve_;
};

}  // namespace kavi::ops

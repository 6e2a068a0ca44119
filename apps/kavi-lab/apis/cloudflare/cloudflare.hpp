#pragma once

#include "../http/api.hpp"
#include "../http/router.hpp"
#include "../lab_apis.hpp"
#include "problem.hpp"
#include "zone.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab::cloudflare {

/// Cloudflare's API, the part that has to do with DNS and three zone settings.
class Cloudflare final : public Api {
  public:
    explicit Cloudflare(const CloudflareSeed& seed);

    std::string name() const override { return "cloudflare"; }

    std::string prefix() const override { return "/client/v4"; }

    Answer answer(Call& call) override;
    Answer error(int status, const std::string& code) override;

    /// `count` more records in the first zone, the same for the same number.
    void add_generated(std::size_t count);
    /// As LabApis::resolve.
    std::optional<std::vector<std::string>> resolve(const std::string& name,
                                                    const std::string& type,
                                                    const DohSeed& edge);
    /// As LabApis::origin.
    std::vector<std::string> origin(const std::string& name);

    // What the routes' files use, under the lock.
    const std::vector<std::unique_ptr<Zone>>& zones() const { return zones_; }

    /// The zone of the path's {zone_id}. Throws Problem.
    Zone& zone_of(const Call& call) const;

    const std::string& account_id() const { return account_id_; }

    const CloudflareSeed& seed() const { return seed_; }

    /// Free slots for imports: three a minute.
    void count_import();

  private:
    void admit(const Call& call);
    void check_token(const Call& call) const;
    Pairs headers() const;

    CloudflareSeed seed_;
    std::mutex mutex_;
    std::string account_id_;
    std::vector<std::unique_ptr<Zone>> zones_;
    Router router_;
    std::int64_t used_ = 0;  ///< calls in the present window
    std::chrono::steady_clock::time_point window_;
    std::deque<std::chrono::steady_clock::time_point> imports_;
};

/// The request's JSON object. Throws Problem.
Json body_of(const Call& call);

// Each file adds its routes.
void add_zone_routes(Router& router, Cloudflare& cloudflare);
void add_setting_routes(Router& router, Cloudflare& cloudflare);
void add_token_routes(Router& router, Cloudflare& cloudflare);
void add_record_routes(Router& router, Cloudflare& cloudflare);
void add_list_route(Router& router, Cloudflare& cloudflare);
void add_batch_route(Router& router, Cloudflare& cloudflare);
void add_zone_file_routes(Router& router, Cloudflare& cloudflare);
void add_scan_routes(Router& router, Cloudflare& cloudflare);

}  // namespace kavi::lab::cloudflare
